// SPDX-License-Identifier: GPL-2.0-or-later
// Targets that are looked at as if they had been dialled.
#include <fmt/core.h>

#include <map>

#include "harness.h"
#include "probe.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

siproxd_target dialled(const char* uri, const char* owner, std::uint32_t rank = 0,
                       std::uint32_t after = 0) {
    siproxd_target made{};
    made.size = sizeof made;
    made.uri = uri;
    made.rank = rank;
    made.after = after;
    made.dial = 1;
    made.on_behalf = owner;
    return made;
}

/// Sends on what it knows by the user part of the request URI, and keeps what it has been asked.
struct Directory {
    explicit Directory(House& house, std::map<std::string, std::vector<siproxd_target>> all)
        : entries(std::move(all)),
          probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [this](const auto& host, auto* message) {
              if (std::string_view(host.msg_method(message)) != "INVITE" ||
                  host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag") != nullptr) {
                  return static_cast<int>(SIPROXD_CONTINUE);
              }
              const std::string user =
                  host.msg_uri_part(message, SIPROXD_AT_REQUEST_URI, 0, SIPROXD_URI_USER);
              std::string past;
              for (std::size_t i = 0; const char* uri = host.msg_history(message, i); ++i) {
                  past += std::string(i == 0 ? "" : " ") + uri;
              }
              const char* by = host.msg_user(message);
              asked.push_back(fmt::format("{} {} by {} after {}", host.msg_direction(message), user,
                                          by == nullptr ? "nobody" : by, past));
              if (refused.contains(user)) {
                  return host.reject(message, refused[user], nullptr);
              }
              if (waits == user && host.msg_token(message) == 0) {
                  token = host.suspend(message, 5000, 480);
                  return static_cast<int>(SIPROXD_SUSPEND);
              }
              int verdict = SIPROXD_CONTINUE;
              if (const auto known = entries.find(user); known != entries.end()) {
                  for (const auto& target : known->second) {
                      verdict = host.retarget_to(message, &target);
                  }
              }
              return verdict;
          }) {}

    std::map<std::string, std::vector<siproxd_target>> entries;
    std::map<std::string, int> refused{};
    std::string waits{};
    std::uint64_t token = 0;
    std::vector<std::string> asked{};
    Probe probe;
};

Draft invite() { return fromAlice("INVITE", "sip:bob@example.net"); }

std::vector<Sent> requests(House& house) {
    auto all = house.take();
    std::erase_if(all, [](const Sent& sent) {
        return !sent.message.isRequest() || sent.message.method() == sip::Method::Ack;
    });
    return all;
}

constexpr const char* kOne = "sip:one@198.51.100.1";
constexpr const char* kTwo = "sip:two@198.51.100.2";

siproxd_target plain(const char* uri, std::uint32_t rank = 0, std::uint32_t after = 0) {
    auto made = dialled(uri, nullptr, rank, after);
    made.dial = 0;
    return made;
}

}  // namespace

TEST_CASE("plugins are asked about a target when its turn comes", "[proxy]") {
    House house;
    Directory plugin(house, {{"bob", {plain(kOne), dialled("sip:99@example.net", "alice", 1,
                                                           SIPROXD_AFTER_BUSY)}},
                             {"99", {plain(kTwo)}}});
    house.fromInside(invite());
    const auto first = house.takeOutside();
    CHECK(first.message.requestUriText() == kOne);
    CHECK(plugin.asked.size() == 1);
    house.fromOutside(answerTo(first, 486));
    const auto second = requests(house);
    REQUIRE(plugin.asked.size() == 2);
    CHECK(plugin.asked[1] ==
          fmt::format("{} 99 by alice after sip:bob@example.net", SIPROXD_REQUEST_OUTGOING + 0));
    REQUIRE(second.size() == 1);
    CHECK(second[0].message.requestUriText() == kTwo);
    CHECK(second[0].message.to().uri.toString() == "sip:bob@example.net");
    house.fromOutside(answerTo(second[0], 486));
    CHECK(house.isQuiet());
}

TEST_CASE("plugins see a target as if it were called by who sends it on", "[proxy]") {
    House house;
    std::vector<std::string> seen;
    const auto first = dialled("sip:99@example.net", "carol@home.example");
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [&](const auto& host, auto* message) {
        seen.push_back(fmt::format("{} for {} by {}", host.msg_uri_part(message, SIPROXD_AT_FROM, 0, SIPROXD_URI_TEXT),
                                   host.msg_uri_part(message, SIPROXD_AT_TO, 0, SIPROXD_URI_TEXT),
                                   host.msg_user(message) == nullptr ? "-" : host.msg_user(message)));
        return host.msg_history(message, 0) == nullptr ? host.retarget_to(message, &first)
                                                       : static_cast<int>(SIPROXD_CONTINUE);
    });
    house.fromInside(invite());
    CHECK(seen == std::vector<std::string>{"sip:alice@example.org for sip:bob@example.net by -",
                                           "sip:carol@home.example for sip:99@example.net by carol"});
    const auto out = house.takeOutside();
    CHECK(out.message.from().uri.toString() == "sip:alice@example.org");
    house.fromOutside(answerTo(out, 486));
}

TEST_CASE("a target about which no plugin says anything goes where its URI leads", "[proxy]") {
    House house;
    house.enrol();
    SECTION("outside") {
        Directory plugin(house, {{"bob", {dialled("sip:99@198.51.100.7", "alice")}}});
        house.fromInside(invite());
        const auto out = house.takeOutside();
        CHECK(out.flow.remote == at("198.51.100.7"));
        CHECK(out.message.requestUriText() == "sip:99@198.51.100.7");
        house.fromOutside(answerTo(out, 486), at("198.51.100.7"));
    }
    SECTION("or to the phones of an address-of-record") {
        auto alice = dialled(nullptr, nullptr);
        alice.aor = "sip:alice@example.org";
        Directory plugin(house, {{"12345", {alice}}});
        house.fromOutside(forAlice("INVITE", "sip:12345@203.0.113.1").set("To", "<sip:12345@x.example>"));
        const auto in = house.takeInside();
        CHECK(in.message.requestUri().host == "10.0.0.10");
        REQUIRE(plugin.asked.size() == 2);
        CHECK(plugin.asked[1] == fmt::format("{} alice by nobody after sip:12345@203.0.113.1",
                                             SIPROXD_REQUEST_INCOMING + 0));
        house.fromInside(answerTo(in, 486));
    }
    house.take();
    CHECK(house.isQuiet());
}

TEST_CASE("what plugins say about a target takes its place among the others", "[proxy]") {
    House house;
    const char* three = "sip:three@198.51.100.3";
    Directory plugin(house, {{"bob", {dialled("sip:99@example.net", "alice"), plain(three, 1)}},
                             {"99", {plain(kOne), plain(kTwo, 1, SIPROXD_AFTER_FAILURE)}}});
    house.fromInside(invite());
    std::vector<std::string> order;
    for (int i = 0; i < 3; ++i) {
        const auto sent = requests(house);
        REQUIRE(sent.size() == 1);
        order.emplace_back(sent[0].message.requestUriText());
        house.fromOutside(answerTo(sent[0], i == 0 ? 500 : 404), sent[0].flow.remote);
    }
    CHECK(order == std::vector<std::string>{kOne, kTwo, three});
    CHECK(house.takeInside().message.status() == 404);
    CHECK(house.isQuiet());
}

TEST_CASE("several targets may be dialled at once", "[proxy]") {
    House house;
    Directory plugin(house, {{"bob", {dialled("sip:1@example.net", "alice"),
                                      dialled("sip:2@example.net", "alice")}},
                             {"1", {plain(kOne)}},
                             {"2", {plain(kTwo)}}});
    house.fromInside(invite());
    const auto both = requests(house);
    REQUIRE(both.size() == 2);
    house.fromOutside(answerTo(both[0], 180), at("198.51.100.1"));
    house.fromOutside(with(answerTo(both[1], 200), "Contact", "<sip:two@198.51.100.2>"),
                      at("198.51.100.2"));
    bool isCancelled = false;
    for (const auto& sent : house.take()) {
        isCancelled = isCancelled || (sent.message.method() == sip::Method::Cancel &&
                                      sent.message.isRequest());
    }
    CHECK(isCancelled);
}

TEST_CASE("a refusal of a dialled target is an answer like that of a phone", "[proxy]") {
    House house;
    const int status = GENERATE(486, 403, 503);
    Directory plugin(house, {{"bob", {dialled("sip:99@example.net", "alice"),
                                      plain(kTwo, 1, SIPROXD_AFTER_BUSY)}}});
    plugin.refused["99"] = status;
    house.fromInside(invite());
    if (status == 486) {
        const auto next = house.takeOutside();
        CHECK(next.message.requestUriText() == kTwo);
        house.fromOutside(answerTo(next, 404), at("198.51.100.2"));
        house.take();
    } else {
        CHECK(house.takeInside().message.status() == status);
    }
    CHECK(house.isQuiet());
}

TEST_CASE("a plugin may take its time over a dialled target", "[proxy]") {
    House house;
    Directory plugin(house, {{"bob", {dialled("sip:99@example.net", "alice")}}, {"99", {plain(kTwo)}}});
    plugin.waits = "99";
    house.fromInside(invite());
    CHECK(house.take().empty());
    REQUIRE(plugin.token != 0);
    SECTION("and go on") {
        plugin.probe.host->resume(plugin.probe.self, plugin.token);
        house.loop.advance(1ms);
        const auto out = house.takeOutside();
        CHECK(out.message.requestUriText() == kTwo);
        house.fromOutside(answerTo(out, 486), at("198.51.100.2"));
        house.take();
    }
    SECTION("or be too late") {
        house.loop.advance(5100ms);
        CHECK(house.takeInside().message.status() == 480);
    }
    SECTION("and the caller may give up meanwhile") {
        house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                             .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
        plugin.probe.host->resume(plugin.probe.self, plugin.token);
        house.loop.advance(1ms);
        for (const auto& sent : house.take()) {
            CHECK(sent.message.status() != 0);
        }
    }
    CHECK(house.isQuiet());
}

TEST_CASE("who sends calls in a circle is stopped", "[proxy]") {
    House house;
    Directory plugin(house, {{"bob", {dialled("sip:1@example.net", "alice")}},
                             {"1", {dialled("sip:2@example.net", "alice")}},
                             {"2", {dialled("sip:1@example.net", "alice")}}});
    house.fromInside(invite());
    CHECK(house.takeInside().message.status() == 482);
    CHECK(plugin.asked.size() == 8);
    CHECK(plugin.asked[2].ends_with("after sip:bob@example.net sip:1@example.net"));
    CHECK(house.isQuiet());
}

TEST_CASE("a target has header fields of its own", "[proxy]") {
    House house;
    auto first = dialled("sip:1@example.net", "alice");
    first.headers = "Diversion: <sip:bob@example.net>;reason=unconditional\r\n";
    auto second = plain(kTwo);
    second.headers = "X-Way: 2\r\n";
    Directory plugin(house, {{"bob", {first, plain(kOne)}}, {"1", {second}}});
    house.fromInside(invite());
    const auto both = requests(house);
    REQUIRE(both.size() == 2);
    for (const auto& sent : both) {
        const bool isSecond = sent.message.requestUriText() == kTwo;
        CHECK(sent.message.header("Diversion").has_value() == isSecond);
        CHECK(sent.message.header("X-Way").has_value() == isSecond);
    }
}

TEST_CASE("header fields of a target that are not well-formed are refused", "[proxy]") {
    House house;
    auto target = plain(kTwo);
    target.headers = GENERATE("Via: SIP/2.0/UDP x\r\n", "no colon\r\n", "X: y", "X: a\nb\r\n");
    int verdict = 0;
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [&](const auto& host, auto* message) {
        verdict = host.retarget_to(message, &target);
        return SIPROXD_CONTINUE;
    });
    house.fromInside(invite());
    CHECK(verdict == SIPROXD_FAILED);
    house.fromOutside(answerTo(house.takeOutside(), 486));
}

TEST_CASE("a phone that declines for all has its calls sent on where that is asked for", "[proxy]") {
    House house;
    const auto wanted = GENERATE(as<std::uint32_t>{}, SIPROXD_AFTER_BUSY, SIPROXD_AFTER_REFUSAL, 0);
    Directory plugin(house, {{"bob", {plain(kOne), plain(kTwo, 1, wanted)}}});
    const int status = GENERATE(600, 603);
    house.fromInside(invite());
    house.fromOutside(answerTo(house.takeOutside(), status), at("198.51.100.1"));
    const bool goesOn = wanted == (status == 600 ? SIPROXD_AFTER_BUSY : SIPROXD_AFTER_REFUSAL);
    const auto next = requests(house);
    INFO(wanted << " after " << status);
    REQUIRE(next.size() == (goesOn ? 1 : 0));
    if (goesOn) {
        house.fromOutside(answerTo(next[0], 486), at("198.51.100.2"));
    }
    house.take();
    CHECK(house.isQuiet());
}

TEST_CASE("a call from outside goes outside again when the phone is busy", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    auto alice = plain(nullptr);
    alice.aor = "sip:alice@example.org";
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [&](const auto& host, auto* message) {
        if (host.msg_history(message, 0) != nullptr ||
            host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag") != nullptr) {
            return static_cast<int>(SIPROXD_CONTINUE);
        }
        const auto next = dialled("sip:99@198.51.100.2", "alice@example.org", 1, SIPROXD_AFTER_BUSY);
        host.retarget_to(message, &alice);
        return host.retarget_to(message, &next);
    });
    house.fromOutside(forAlice("INVITE", contact.toString()));
    house.fromInside(answerTo(house.takeInside(), 486));
    const auto out = requests(house);
    REQUIRE(out.size() == 1);
    const auto& invite = out[0];
    REQUIRE(invite.message.requestUriText() == "sip:99@198.51.100.2");
    house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:99@198.51.100.2>"), at("198.51.100.2"));
    const auto ok = house.takeOne();
    CHECK(ok.flow.remote == kProvider);
    const auto within = [&](const char* method, unsigned cseq) {
        return forAlice(method, "sip:99@198.51.100.2", cseq)
            .set("From", ok.message.header("From").value_or(""))
            .set("To", ok.message.header("To").value_or(""));
    };
    house.fromOutside(within("ACK", 1));
    const auto ack = house.takeOne();
    CHECK(ack.flow.remote == at("198.51.100.2"));
    house.fromOutside(within("BYE", 2));
    const auto bye = house.takeOne();
    CHECK(bye.flow.remote == at("198.51.100.2"));
    house.fromOutside(answerTo(bye, 200), at("198.51.100.2"));
    CHECK(house.takeOne().message.status() == 200);
    house.loop.advance(40s);
    CHECK(house.isQuiet());
}

TEST_CASE("whom a name server names is not inside", "[proxy]") {
    House house;
    const auto given = GENERATE("sip:99@10.0.0.77", "sip:99@127.0.0.1", "sip:99@198.51.100.2");
    auto target = plain(given);
    target.foreign = 1;
    Directory plugin(house, {{"bob", {target}}});
    house.fromInside(invite());
    if (std::string_view(given).find("198.") == std::string_view::npos) {
        CHECK(house.takeInside().message.status() >= 480);
    } else {
        house.fromOutside(answerTo(house.takeOutside(), 486), at("198.51.100.2"));
    }
}

TEST_CASE("whom a name server names is not we ourselves", "[proxy]") {
    House house;
    house.locator.table["evil.example"] = {ip("203.0.113.1")};
    auto target = plain("sip:0900@evil.example?Subject=x");
    target.foreign = 1;
    Directory plugin(house, {{"bob", {target}}});
    house.fromInside(invite());
    CHECK(house.takeInside().message.status() >= 480);
    CHECK(house.isQuiet());
}

TEST_CASE("who declines for all leaves nobody but whom a plugin has named for that", "[proxy]") {
    House house;
    const auto refusal = SIPROXD_AFTER_REFUSAL + 0;
    SECTION("the next one rings for anything") {
        Directory plugin(house, {{"bob", {plain(kOne), plain("sip:three@198.51.100.3", 1),
                                          plain(kTwo, 2, refusal)}}});
        house.fromInside(invite());
        house.fromOutside(answerTo(house.takeOutside(), 603), at("198.51.100.1"));
        const auto next = requests(house);
        REQUIRE(next.size() == 1);
        CHECK(next[0].message.requestUriText() == kTwo);
        house.fromOutside(answerTo(next[0], 486), at("198.51.100.2"));
    }
    SECTION("another one rings at the same time") {
        const bool isBusy = GENERATE(true, false);  // 600: that another one is cancelled is no refusal
        Directory plugin(house, {{"bob", {plain(kOne), plain("sip:three@198.51.100.3"),
                                          plain(kTwo, 1, isBusy ? SIPROXD_AFTER_BUSY + 0 : refusal),
                                          plain("sip:four@198.51.100.4", 2, isBusy ? refusal : SIPROXD_AFTER_BUSY + 0)}}});
        house.fromInside(invite());
        const auto both = requests(house);
        REQUIRE(both.size() == 2);
        house.fromOutside(answerTo(both[1], 180), at("198.51.100.3"));
        house.take();
        house.fromOutside(answerTo(both[0], isBusy ? 600 : 603), at("198.51.100.1"));
        auto sent = requests(house);
        REQUIRE(sent.size() == 2);
        std::ranges::sort(sent, {}, [](const Sent& one) { return std::string(one.message.methodName()); });
        CHECK(sent[0].message.method() == sip::Method::Cancel);
        CHECK(sent[0].flow.remote == at("198.51.100.3"));
        CHECK(sent[1].message.requestUriText() == kTwo);
        // What the other one still says leads nowhere.
        house.fromOutside(answerTo(both[1], GENERATE(302, 503, 407, 487)), at("198.51.100.3"));
        CHECK(requests(house).empty());
        house.fromOutside(answerTo(sent[0], 200), at("198.51.100.3"));
        house.fromOutside(answerTo(sent[1], 404), at("198.51.100.2"));
        const auto end = house.take();
        CHECK(std::ranges::any_of(end, [isBusy](const Sent& one) {
            return one.message.status() == (isBusy ? 600 : 603);
        }));
    }
    SECTION("at once") {
        Directory plugin(house, {{"bob", {dialled("sip:1@example.net", "alice"), plain(kOne),
                                          plain(kTwo, 1, refusal)}}});
        plugin.refused["1"] = 603;
        house.fromInside(invite());
        const auto sent = requests(house);
        REQUIRE(sent.size() == 1);
        CHECK(sent[0].message.requestUriText() == kTwo);
        house.fromOutside(answerTo(sent[0], 486), at("198.51.100.2"));
    }
    house.take();
    CHECK(house.isQuiet());
}

TEST_CASE("where a dialled number goes is not the caller's choice", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.outboundDomains = {{"home.example", "198.51.100.7", 5060, {}}, {"evil.example", "198.51.100.66", 5060, {}}};
    House house(options);
    const auto contact = house.enrol();
    const auto first = dialled("tel:+4420", "alice@home.example");
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [&](const auto& host, auto* message) {
        return host.msg_history(message, 0) == nullptr ? host.retarget_to(message, &first)
                                                       : static_cast<int>(SIPROXD_CONTINUE);
    });
    house.fromOutside(forAlice("INVITE", contact.toString()).set("From", "<sip:mallory@evil.example>;tag=b1"));
    const auto sent = requests(house);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].flow.remote == at("198.51.100.7"));
    house.fromOutside(answerTo(sent[0], 486), at("198.51.100.7"));
    house.take();
    CHECK(house.isQuiet());
}

TEST_CASE("the Route of a caller does not lead a dialled number elsewhere", "[proxy]") {
    House house;
    Directory plugin(house, {{"bob", {dialled("sip:99@198.51.100.7", "alice")}}});
    house.fromInside(invite().set("Route", "<sip:198.51.100.66;lr>"));
    const auto out = house.takeOutside();
    CHECK(out.flow.remote == at("198.51.100.7"));
    house.fromOutside(answerTo(out, 486), at("198.51.100.7"));
    house.take();
    CHECK(house.isQuiet());
}

TEST_CASE("one target that is not there is no reason to forget the others", "[proxy]") {
    HouseOptions options;
    options.proxy.registrar.domains = {"home.example"};
    House house(options);
    Directory plugin(house, {{"bob", {dialled("sip:carol@home.example", "alice")}},
                             {"carol", {plain("sip:carol@home.example"), plain(kTwo, 1, SIPROXD_AFTER_FAILURE)}}});
    house.fromInside(invite());
    const auto next = requests(house);
    REQUIRE(next.size() == 1);
    CHECK(next[0].message.requestUriText() == kTwo);
    house.fromOutside(answerTo(next[0], 486), at("198.51.100.2"));
    house.take();
    CHECK(house.isQuiet());
}

TEST_CASE("a plugin is not asked again about a call that is over", "[proxy]") {
    House house;
    Directory plugin(house, {{"bob", {dialled("sip:99@example.net", "alice")}}});
    plugin.waits = "99";
    house.fromInside(invite());
    REQUIRE(plugin.asked.size() == 2);
    house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                         .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
    house.take();
    plugin.probe.host->resume(plugin.probe.self, plugin.token);
    house.loop.advance(1ms);
    CHECK(plugin.asked.size() == 2);
    house.take();
}

TEST_CASE("a stranger whose call goes to a dialled target speaks to nobody else by it", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    auto alice = dialled(nullptr, nullptr);
    alice.aor = "sip:alice@example.org";
    const auto outside = dialled("sip:99@198.51.100.2", "alice@example.org");
    const bool isInside = GENERATE(true, false);
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [&](const auto& host, auto* message) {
        if (host.msg_history(message, 0) != nullptr || std::string_view(host.msg_method(message)) != "INVITE" ||
            host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag") != nullptr) {
            return static_cast<int>(SIPROXD_CONTINUE);
        }
        return host.retarget_to(message, isInside ? &alice : &outside);
    });
    house.fromOutside(forAlice("INVITE", contact.toString()));
    auto sent = house.take();
    std::erase_if(sent, [](const Sent& one) { return !one.message.isRequest(); });
    REQUIRE(sent.size() == 1);
    const auto attack = [&] {
        house.fromOutside(forAlice("INVITE", "sip:0900@198.51.100.66", 2)
                              .set("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK-x" +
                                              std::to_string(house.loop.now().time_since_epoch().count()))
                              .set("To", "<sip:0900@198.51.100.66>;tag=made-up"));
        for (const auto& one : house.take()) {
            INFO(one.message.serialize());
            CHECK((!one.message.isRequest() || one.flow.remote != at("198.51.100.66")));
        }
        house.loop.advance(1ms);
    };
    attack();
    if (isInside) {
        house.fromInside(with(answerTo(sent[0], 200), "Contact", "<sip:alice@10.0.0.10>"));
    } else {
        house.fromOutside(with(answerTo(sent[0], 200), "Contact", "<sip:99@198.51.100.2>"), at("198.51.100.2"));
    }
    house.take();
    attack();
}
