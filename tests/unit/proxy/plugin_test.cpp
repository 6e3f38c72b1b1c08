// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"
#include "probe.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

constexpr std::uint32_t kRaw = SIPROXD_STAGE_RAW;
constexpr std::uint32_t kValidate = SIPROXD_STAGE_VALIDATE;
constexpr std::uint32_t kTarget = SIPROXD_STAGE_DETERMINE_TARGET;
constexpr std::uint32_t kPre = SIPROXD_STAGE_PRE_PROXY;
constexpr std::uint32_t kPost = SIPROXD_STAGE_POST_PROXY;

Draft invite() {
    return fromAlice("INVITE", "sip:bob@example.net");
}

}  // namespace

TEST_CASE("a plugin may reject a request", "[proxy]") {
    const auto stage = GENERATE(+kTarget, +kPre);
    House house;
    Probe probe(house, stage, [](const auto& host, auto* message) {
        return host.reject(message, 603, "No Way");
    });
    house.fromInside(invite());
    const auto answer = house.takeOne();
    CHECK(answer.message.status() == 603);
    CHECK(answer.message.reason() == "No Way");
    CHECK(house.isQuiet());
}

TEST_CASE("a plugin may redirect a request", "[proxy]") {
    House house;
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [](const auto& host, auto* message) {
        host.redirect(message, "sip:carol@example.net");
        return host.redirect(message, "\"D\" <sip:dave@example.net>;q=0.5");
    });
    house.fromInside(invite());
    const auto answer = house.takeOne();
    CHECK(answer.message.status() == 302);
    CHECK(answer.message.contacts().size() == 2);
    CHECK(house.isQuiet());
}

TEST_CASE("a plugin may answer a request itself", "[proxy]") {
    House house;
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [](const auto& host, auto* message) {
        auto* reply = host.reply(message, 200, nullptr);
        host.msg_add_header(reply, "X-By", "plugin");
        return SIPROXD_ANSWERED;
    });
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    const auto answer = house.takeOne();
    CHECK(answer.message.status() == 200);
    CHECK(answer.message.header("X-By") == "plugin");
    CHECK(house.isQuiet());
}

TEST_CASE("a plugin may drop a request at any stage", "[proxy]") {
    const auto stage = GENERATE(+kRaw, +kValidate, +kTarget, +kPre);
    House house;
    Probe probe(house, stage,
                [](const auto&, auto*) { return SIPROXD_DROP; });
    house.fromInside(invite());
    CHECK(house.take().empty());
    CHECK(house.isQuiet());
}

TEST_CASE("a request that a plugin stops right before it is sent says nothing of the house", "[proxy]") {
    const bool rejects = GENERATE(true, false);
    House house;
    Probe probe(house, kPost, [rejects](const auto& host, auto* message) {
        if (host.msg_status(message) != 0) {
            return static_cast<int>(SIPROXD_CONTINUE);
        }
        return rejects ? host.reject(message, 403, "Not That One") : SIPROXD_DROP;
    });
    house.fromInside(invite());
    const auto answer = house.takeOne();
    CHECK(answer.message.status() == (rejects ? 403 : 500));
    CHECK((!rejects || answer.message.reason() == "Not That One"));
    CHECK(house.isQuiet());
}

TEST_CASE("a plugin that drops a response leaves nothing behind", "[proxy]") {
    const auto stage = GENERATE(+kPre, +kPost);
    const auto status = GENERATE(180, 200, 486);
    House house;
    Probe probe(house, stage, [](const auto& host, auto* message) {
        return host.msg_status(message) >= 180 ? SIPROXD_DROP : SIPROXD_CONTINUE;
    });
    house.fromInside(invite());
    const auto out = house.takeOutside();
    house.fromOutside(answerTo(out, status));
    for (const auto& sent : house.take()) {
        CHECK(sent.message.method() == sip::Method::Ack);
    }
    house.loop.advance(400s);
    house.take();
    if (status != 200) {
        CHECK(house.isQuiet());
    } else {
        CHECK(house.proxy->pendingCount() == 0);
    }
}

TEST_CASE("a plugin may send a request elsewhere, one rank after the other", "[proxy]") {
    House house;
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [](const auto& host, auto* message) {
        host.retarget(message, "sip:two@198.51.100.2", nullptr, 2);
        return host.retarget(message, "sip:one@198.51.100.1", "sip:203.0.113.77:5090", 1);
    });
    house.fromInside(invite());
    const auto first = house.takeOutside();
    CHECK(first.message.requestUriText() == "sip:one@198.51.100.1");
    CHECK(first.flow.remote == at("203.0.113.77", 5090));
    CHECK(showsNothingInside(first));
    SECTION("the second when the first fails") {
        house.fromOutside(answerTo(first, 486));
        const auto second = house.take();
        REQUIRE(second.size() == 2);
        CHECK(second[0].message.method() == sip::Method::Ack);
        CHECK(second[1].message.requestUriText() == "sip:two@198.51.100.2");
        CHECK(second[1].flow.remote == at("198.51.100.2"));
        house.fromOutside(answerTo(second[1], 404));
        const auto answer = house.takeInside();
        CHECK(answer.message.status() == 486);
        CHECK(house.isQuiet());
    }
    SECTION("and not after a 6xx") {
        house.fromOutside(answerTo(first, 603));
        CHECK(house.takeInside().message.status() == 603);
        CHECK(house.isQuiet());
    }
    SECTION("nor after a CANCEL") {
        house.fromOutside(answerTo(first, 180));
        house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                             .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
        house.take();
        house.fromOutside(answerTo(first, 487));
        CHECK(house.takeInside().message.status() == 487);
        CHECK(house.isQuiet());
    }
}

TEST_CASE("a plugin may send a request to several at once", "[proxy]") {
    House house;
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [](const auto& host, auto* message) {
        host.retarget(message, "sip:two@198.51.100.2", nullptr, 1);
        return host.retarget(message, "sip:one@198.51.100.1", nullptr, 1);
    });
    house.fromInside(invite());
    CHECK(house.take().size() == 2);
}

TEST_CASE("a plugin may choose the next hop of a request that goes on", "[proxy]") {
    House house;
    Probe probe(house, SIPROXD_STAGE_PRE_PROXY, [](const auto& host, auto* message) {
        return host.set_next_hop(message, "sip:198.51.100.9:5090") == 0 ? SIPROXD_CONTINUE
                                                                        : SIPROXD_FAILED;
    });
    house.fromInside(invite());
    CHECK(house.takeOutside().flow.remote == at("198.51.100.9", 5090));
    house.fromInside(fromAlice("ACK", "sip:bob@example.net", 2));
    CHECK(house.takeOne().flow.remote == at("198.51.100.9", 5090));
}

TEST_CASE("a plugin may say where a request goes that nobody knows", "[proxy]") {
    House house;
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [](const auto& host, auto* message) {
        if (host.msg_direction(message) != SIPROXD_DIRECTION_UNKNOWN) {
            return static_cast<int>(SIPROXD_CONTINUE);
        }
        host.msg_set_direction(message, SIPROXD_REQUEST_INCOMING);
        return host.retarget(message, "sip:door@10.0.0.30", nullptr, 0);
    });
    house.fromOutside(forAlice("INVITE", "sip:12345@203.0.113.1").set("To", "<sip:12345@x.example>"));
    const auto in = house.takeInside();
    CHECK(in.flow.remote == at("10.0.0.30"));
    CHECK(in.flow.local == at("10.0.0.1"));
    CHECK(in.message.requestUriText() == "sip:door@10.0.0.30");
    house.fromInside(with(answerTo(in, 200), "Contact", "<sip:door@10.0.0.30>"), at("10.0.0.30"));
    const auto out = house.takeOutside();
    CHECK(showsNothingInside(out));
}

TEST_CASE("a plugin may let a request wait", "[proxy]") {
    House house;
    std::uint64_t token = 0;
    const auto stage = GENERATE(+kTarget, +kPre);
    Probe probe(house, stage,
                [&token](const auto& host, auto* message) {
                    if (host.msg_status(message) != 0 || host.msg_token(message) != 0 ||
                        std::string(host.msg_method(message)) != "INVITE") {
                        return SIPROXD_CONTINUE;
                    }
                    token = host.suspend(message, 2000, 480);
                    return token != 0 ? SIPROXD_SUSPEND : SIPROXD_FAILED;
                });
    house.fromInside(invite());
    CHECK(house.take().empty());
    CHECK(token != 0);
    SECTION("until it is resumed") {
        probe.host->resume(probe.self, token);
        const auto out = house.takeOutside();
        CHECK(out.message.method() == sip::Method::Invite);
        house.fromOutside(answerTo(out, 486));
    }
    SECTION("or its deadline passes") {
        house.loop.advance(2s);
        CHECK(house.takeOne().message.status() == 480);
    }
    SECTION("or it is cancelled") {
        house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                             .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
        const auto sent = house.take();
        REQUIRE(sent.size() == 2);
        CHECK(sent[1].message.status() == 487);
        probe.host->resume(probe.self, token);
        CHECK(house.take().empty());
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("of several requests that wait a CANCEL ends its own", "[proxy]") {
    House house;
    std::vector<std::uint64_t> tokens;
    Probe probe(house, kTarget, [&tokens](const auto& host, auto* message) {
        if (std::string(host.msg_method(message)) != "INVITE" || host.msg_token(message) != 0) {
            return SIPROXD_CONTINUE;
        }
        tokens.push_back(host.suspend(message, 2000, 480));
        return SIPROXD_SUSPEND;
    });
    for (int i = 1; i <= 3; ++i) {
        house.fromInside(fromAlice("INVITE", "sip:bob@example.net", i)
                             .set("Call-ID", "waits" + std::to_string(i)));
    }
    CHECK(house.take().empty());
    REQUIRE(tokens.size() == 3);
    house.fromInside(fromAlice("CANCEL", "sip:bob@example.net", 2)
                         .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE2")
                         .set("Call-ID", "waits2"));
    const auto sent = house.take();
    REQUIRE(sent.size() == 2);
    CHECK(sent[1].message.status() == 487);
    CHECK(sent[1].message.callId() == "waits2");
    for (const auto token : tokens) {
        probe.host->resume(probe.self, token);
    }
    std::vector<std::string> gone;
    for (const auto& out : house.take()) {
        gone.emplace_back(out.message.callId());
    }
    CHECK(gone == std::vector<std::string>{"waits1", "waits3"});
}

TEST_CASE("plugins see each stage with its direction", "[proxy]") {
    House house;
    std::vector<std::pair<std::string, int>> seen;
    Probe probe(house, SIPROXD_STAGE_PRE_PROXY | SIPROXD_STAGE_PROXY_UNKNOWN,
                [&seen](const auto& host, auto* message) {
                    const int status = host.msg_status(message);
                    seen.emplace_back(status != 0 ? std::to_string(status)
                                                  : host.msg_method(message),
                                      host.msg_direction(message));
                    return SIPROXD_CONTINUE;
                });
    const auto contact = house.enrol();
    house.fromInside(invite());
    house.fromOutside(answerTo(house.takeOutside(), 180));
    house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                         .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
    house.fromOutside(forAlice("MESSAGE", contact.toString()));
    house.take();
    house.fromOutside(forAlice("MESSAGE", "sip:x@203.0.113.1", 2).set("To", "<sip:x@y.example>"));
    using Seen = std::pair<std::string, int>;
    CHECK(seen == std::vector<Seen>{{"REGISTER", SIPROXD_REQUEST_OUTGOING},
                                    {"200", SIPROXD_RESPONSE_INCOMING},
                                    {"INVITE", SIPROXD_REQUEST_OUTGOING},
                                    {"180", SIPROXD_RESPONSE_INCOMING},
                                    {"CANCEL", SIPROXD_REQUEST_OUTGOING},
                                    {"MESSAGE", SIPROXD_REQUEST_INCOMING},
                                    {"MESSAGE", SIPROXD_DIRECTION_UNKNOWN},
                                    {"MESSAGE", SIPROXD_DIRECTION_UNKNOWN}});
}

TEST_CASE("a plugin may change the raw bytes", "[proxy]") {
    House house;
    Probe probe(house, SIPROXD_STAGE_RAW, [](const auto& host, auto* message) {
        std::size_t size = 0;
        const char* raw = host.msg_raw(message, &size);
        std::string text(raw, size);
        if (const auto at = text.find("Phone/1.0"); at != std::string::npos) {
            text.replace(at, 9, "Other/2.0");
            host.msg_set_raw(message, text.data(), text.size());
        }
        return SIPROXD_CONTINUE;
    });
    house.fromInside(invite());
    CHECK(house.takeOutside().message.header("User-Agent") == "Other/2.0");
}

TEST_CASE("a plugin that mends the Via says where the answers go", "[proxy]") {
    House house;
    Probe probe(house, kPre, [](const auto& host, auto* message) {
        if (host.msg_direction(message) == SIPROXD_REQUEST_INCOMING) {
            host.msg_set_via_part(message, 0, SIPROXD_VIA_HOST, host.msg_source_ip(message));
            host.msg_set_via_part(message, 0, SIPROXD_VIA_PORT, "2048");
        }
        return SIPROXD_CONTINUE;
    });
    const auto contact = house.enrol();
    const std::string via = "SIP/2.0/UDP 192.168.7.7:5070;branch=z9hG4bK-INVITE1";
    house.fromOutside(forAlice("INVITE", contact.toString()).set("Via", via),
                      at("203.0.113.50", 2048));
    const auto in = house.takeInside();
    CHECK(in.message.via(1)->host == "203.0.113.50");
    CHECK(in.message.via(1)->port == 2048);
    house.fromInside(answerTo(in, 180));
    const auto ringing = house.takeOutside();
    CHECK(ringing.flow.remote == at("203.0.113.50", 2048));
    SECTION("who has sent it finds his own again") {
        CHECK(ringing.message.viaCount() == 1);
        CHECK(ringing.message.via(0)->host == "192.168.7.7");
        CHECK(ringing.message.via(0)->port == 5070);
        house.fromInside(answerTo(in, 486));
        CHECK(house.takeOutside().flow.remote == at("203.0.113.50", 2048));
    }
    SECTION("the answer to his CANCEL goes there as well") {
        house.fromOutside(
            forAlice("CANCEL", contact.toString()).set("Via", via).set("CSeq", "1 CANCEL"),
            at("203.0.113.50", 2048));
        const auto ok = house.takeOutside();
        CHECK(ok.message.status() == 200);
        CHECK(ok.flow.remote == at("203.0.113.50", 2048));
    }
}

namespace {

/// Sends calls for nobody to `target`.
Probe::Process catchAll(const std::string& target) {
    return [target](const auto& host, auto* message) {
        return host.msg_direction(message) == SIPROXD_DIRECTION_UNKNOWN &&
                       std::string(host.msg_method(message)) == "INVITE"
                   ? host.retarget(message, target.c_str(), nullptr, 0)
                   : static_cast<int>(SIPROXD_CONTINUE);
    };
}

Draft forNobody(const std::string& method = "INVITE", int cseq = 1) {
    return forAlice(method, "sip:12345@203.0.113.1", cseq).set("To", "<sip:12345@x.example>");
}

}  // namespace

TEST_CASE("a plugin may send a call for nobody to a phone of ours", "[proxy]") {
    House house;
    house.enrol();
    const bool byAor = GENERATE(true, false);
    Probe probe(house, kTarget, catchAll(byAor ? "sip:alice@example.org" : "sip:door@10.0.0.30"));
    house.fromOutside(forNobody().add("Route", "<sip:evil.example;lr>"));
    const auto in = house.takeInside();
    CHECK(in.flow.remote == (byAor ? kPhone : at("10.0.0.30")));
    CHECK(in.message.requestUriText() ==
          (byAor ? "sip:alice@10.0.0.10:5060" : "sip:door@10.0.0.30"));
    CHECK(in.message.routes().empty());
}

TEST_CASE("a plugin may send a call for nobody to somebody outside, and nowhere else", "[proxy]") {
    House house;
    house.enrol();
    Probe probe(house, kTarget, catchAll("sip:desk@other.example"));
    house.fromOutside(forNobody().add("Route", "<sip:evil.example;lr>"));
    const auto out = house.takeOne();
    CHECK(out.flow.remote == kProvider2);
    CHECK(out.message.requestUriText() == "sip:desk@other.example");
    CHECK(out.message.routes().empty());
    CHECK(out.message.recordRoutes().size() == 2);
    auto ok = with(answerTo(out, 200), "Contact", "<sip:desk@198.51.100.9>");
    auto routes = ok.recordRoutes();
    routes.insert(routes.begin(), *sip::NameAddr::parse("<sip:203.0.113.60;lr>"));
    ok.setRecordRoutes(routes);
    const auto within = [](const std::string& method, int cseq) {
        return forNobody(method, cseq).set("To", "<sip:12345@x.example>;tag=t1");
    };
    SECTION("it is refused") {
        house.fromOutside(answerTo(out, 486), kProvider2);
        const auto sent = house.take();
        REQUIRE(sent.size() == 2);
        CHECK(sent[0].message.method() == sip::Method::Ack);
        CHECK(sent[1].message.status() == 486);
        CHECK(sent[1].flow.remote == kProvider);
        CHECK(house.isQuiet());
    }
    SECTION("early requests of the caller go there, whatever they name") {
        const auto ringing = GENERATE(true, false);
        if (ringing) {
            auto early = with(answerTo(out, 183), "Contact", "<sip:desk@198.51.100.9>");
            house.fromOutside(early, kProvider2);
            CHECK(house.takeOne().message.status() == 183);
        }
        house.fromOutside(within("PRACK", 2));
        const auto prack = house.takeOne();
        if (ringing) {
            CHECK(prack.message.requestUriText() == "sip:desk@198.51.100.9");
            CHECK(prack.flow.remote == at("198.51.100.9"));
        } else {
            CHECK(prack.message.status() == 408);
        }
    }
    SECTION("requests of the dialog as well") {
        house.fromOutside(ok, kProvider2);
        CHECK(house.takeOne().message.status() == 200);
        const auto method = GENERATE("ACK", "INVITE", "REFER", "BYE");
        Draft draft(std::string(method) + " sip:00900@expensive.example SIP/2.0");
        draft.add("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK-evil")
            .add("From", "<sip:bob@example.net>;tag=b1")
            .add("To", "<sip:12345@x.example>;tag=t1")
            .add("Call-ID", "in1")
            .add("CSeq", std::string(std::string(method) == "ACK" ? "1 " : "5 ") + method)
            .add("Contact", "<sip:bob@203.0.113.50>")
            .add("Route", "<sip:evil.example;lr>");
        house.fromOutside(draft);
        const auto sent = house.takeOne();
        CHECK(sent.message.requestUriText() == "sip:desk@198.51.100.9");
        CHECK(sent.flow.remote == kProvider2);
        CHECK(sent.message.headers("Route") == std::vector<std::string>{"<sip:203.0.113.60;lr>"});
    }
    SECTION("who has been called reaches the caller") {
        house.fromOutside(ok, kProvider2);
        house.take();
        house.fromOutside(forAlice("BYE", "sip:bob@203.0.113.50", 9)
                              .set("From", "<sip:12345@x.example>;tag=t1")
                              .set("To", "<sip:bob@example.net>;tag=b1")
                              .set("Record-Route", ""),
                          kProvider2);
        const auto bye = house.takeOne();
        CHECK(bye.flow.remote == kProvider);
        CHECK(bye.message.method() == sip::Method::Bye);
        CHECK(bye.message.headers("Route") == std::vector<std::string>{"<sip:203.0.113.50;lr>"});
    }
    SECTION("who speaks for the one who has been called reaches nobody else") {
        house.fromOutside(ok, kProvider2);
        house.take();
        house.fromOutside(forAlice("INVITE", "sip:00900@expensive.example", 9)
                              .set("From", "<sip:12345@x.example>;tag=t1")
                              .set("To", "<sip:bob@example.net>;tag=b1")
                              .set("Route", "<sip:evil.example;lr>"));
        const auto sent = house.takeOne();
        CHECK(sent.flow.remote == kProvider);
        CHECK(sent.message.requestUriText() == "sip:bob@203.0.113.50");
        CHECK(sent.message.headers("Route") == std::vector<std::string>{"<sip:203.0.113.50;lr>"});
    }
}

TEST_CASE("of several outside that ring each gets the early requests of its own dialog", "[proxy]") {
    House house;
    house.enrol();
    Probe probe(house, kTarget, [](const auto& host, auto* message) {
        if (host.msg_direction(message) != SIPROXD_DIRECTION_UNKNOWN ||
            std::string(host.msg_method(message)) != "INVITE") {
            return static_cast<int>(SIPROXD_CONTINUE);
        }
        host.retarget(message, "sip:desk@198.51.100.7", nullptr, 0);
        return host.retarget(message, "sip:cellar@198.51.100.8", nullptr, 0);
    });
    house.fromOutside(forNobody());
    const auto sent = house.take();
    REQUIRE(sent.size() == 2);
    const auto& first = sent[0];
    const auto& second = sent[1];
    const auto within = [](const std::string& method, int cseq, const std::string& tag) {
        return forNobody(method, cseq).set("To", "<sip:12345@x.example>;tag=" + tag);
    };
    const auto rings = [&](const auto& phone, const std::string& tag) {
        const auto contact = "<sip:ringing@" + phone.flow.remote.ip.toString() + ">";
        house.fromOutside(with(answerTo(phone, 183, tag), "Contact", contact), phone.flow.remote);
        CHECK(house.takeOne().message.toTag() == tag);
    };
    rings(first, "t1");
    rings(second, "t2");
    SECTION("while they ring") {
        house.fromOutside(within("PRACK", 2, "t1"));
        CHECK(house.takeOne().flow.remote == first.flow.remote);
        house.fromOutside(within("PRACK", 3, "t2"));
        CHECK(house.takeOne().flow.remote == second.flow.remote);
        house.fromOutside(within("PRACK", 4, "t3"));
        CHECK(house.takeOne().message.status() == 408);
    }
    SECTION("and when one of them has answered") {
        house.fromOutside(with(answerTo(first, 200), "Contact", "<sip:desk@198.51.100.7>"), first.flow.remote);
        house.take();
        house.fromOutside(within("UPDATE", 5, "t1"));
        CHECK(house.takeOne().message.requestUriText() == "sip:desk@198.51.100.7");
    }
}

TEST_CASE("a plugin that takes a Via away does not say where the answers go", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    Probe probe(house, kPre, [](const auto& host, auto* message) {
        if (host.msg_status(message) == 0) {
            host.msg_pop_via(message);
        }
        return SIPROXD_CONTINUE;
    });
    house.fromOutside(forAlice("MESSAGE", contact.toString())
                          .add("Via", "SIP/2.0/UDP 198.51.100.3:7777;branch=z9hG4bKbelow"));
    const auto in = house.takeInside();
    CHECK(in.message.viaCount() == 2);
    house.fromInside(answerTo(in, 200));
    const auto out = house.takeOutside();
    CHECK(out.flow.remote == kProvider);
    CHECK(out.message.viaCount() == 2);
}

TEST_CASE("other requests for nobody stay that", "[proxy]") {
    House house;
    house.enrol();
    Probe probe(house, kTarget, catchAll("sip:desk@other.example"));
    house.fromOutside(forNobody("MESSAGE"));
    CHECK(house.takeOne().message.status() == 408);
}
