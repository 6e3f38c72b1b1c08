// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// alice has two phones, and somebody calls her: what either got.
struct TwoPhones {
    TwoPhones() {
        house.enrol();
        house.enrol(registration("alice", "example.org", "10.0.0.11:5060"), kPhone2);
        house.fromOutside(forAlice("INVITE", "sip:alice@203.0.113.1"));
        for (auto& sent : house.take()) {
            auto& slot = sent.flow.remote == kPhone ? first : second;
            CHECK(!slot);
            slot = std::make_unique<Sent>(std::move(sent));
        }
        REQUIRE(first);
        REQUIRE(second);
    }
    void fromFirst(int status) { house.fromInside(answerTo(*first, status, "p1")); }
    void fromSecond(int status) {
        house.fromInside(with(answerTo(*second, status, "p2"), "Contact",
                              "<sip:alice@10.0.0.11:5060>"),
                         kPhone2);
    }
    /// What has gone out so far.
    std::vector<int> outside() {
        std::vector<int> statuses;
        for (auto& sent : house.take()) {
            if (sent.flow.remote == kProvider) {
                statuses.push_back(sent.message.status());
            } else {
                inside.push_back(std::move(sent));
            }
        }
        return statuses;
    }
    /// Whether a CANCEL has gone to that phone; looks at what outside() has passed.
    [[nodiscard]] bool cancelled(const base::SocketAddress& phone) const {
        return std::any_of(inside.begin(), inside.end(), [&](const Sent& sent) {
            return sent.flow.remote == phone && sent.message.method() == sip::Method::Cancel &&
                   sent.message.isRequest();
        });
    }

    House house;
    std::unique_ptr<Sent> first;
    std::unique_ptr<Sent> second;
    std::vector<Sent> inside;
};

using Statuses = std::vector<int>;

}  // namespace

TEST_CASE("all phones of an address ring together", "[proxy]") {
    TwoPhones call;
    CHECK(call.first->message.requestUriText() == "sip:alice@10.0.0.10:5060");
    CHECK(call.second->message.requestUriText() == "sip:alice@10.0.0.11:5060");
    CHECK(call.first->message.via()->branch() != call.second->message.via()->branch());
    call.fromFirst(180);
    call.fromSecond(180);
    CHECK(call.outside() == Statuses{180, 180});
}

TEST_CASE("who picks up first gets the call and the others stop ringing", "[proxy]") {
    TwoPhones call;
    call.fromFirst(180);
    call.fromSecond(180);
    call.outside();
    call.fromSecond(200);
    CHECK(call.outside() == Statuses{200});
    CHECK(call.cancelled(kPhone));
    CHECK(!call.cancelled(kPhone2));
    call.fromFirst(487);
    CHECK(call.outside().empty());
    CHECK(call.house.proxy->callCount() == 1);
    call.house.fromOutside(forAlice("BYE", "sip:alice@203.0.113.1", 2)
                               .set("To", "<sip:alice@example.org>;tag=p2"));
    const auto bye = call.house.takeInside();
    CHECK(bye.flow.remote == kPhone2);
    call.house.fromInside(answerTo(bye, 200), kPhone2);
    CHECK(call.house.proxy->callCount() == 0);
    CHECK(call.house.isQuiet());
}

TEST_CASE("the best of several refusals is passed on once all are there", "[proxy]") {
    TwoPhones call;
    SECTION("a busy phone says more than one that is off") {
        call.fromSecond(486);
        CHECK(call.outside().empty());
        call.house.loop.advance(32s);
        CHECK(call.outside() == Statuses{486});
    }
    SECTION("a challenge more than a refusal") {
        call.fromFirst(404);
        call.fromSecond(401);
        CHECK(call.outside() == Statuses{401});
    }
    SECTION("a lower class wins") {
        call.fromFirst(500);
        call.fromSecond(486);
        CHECK(call.outside() == Statuses{486});
    }
    CHECK(call.house.proxy->callCount() == 0);
    CHECK(call.house.isQuiet());
}

TEST_CASE("a 6xx ends it for all", "[proxy]") {
    TwoPhones call;
    call.fromFirst(180);
    call.outside();
    call.fromSecond(603);
    CHECK(call.outside().empty());
    CHECK(call.cancelled(kPhone));
    call.fromFirst(487);
    CHECK(call.outside() == Statuses{603});
    CHECK(call.house.proxy->callCount() == 0);
    CHECK(call.house.isQuiet());
}

TEST_CASE("a challenge of one branch comes with those of the others", "[proxy]") {
    TwoPhones call;
    auto& house = call.house;
    const auto digest = [](const std::string& realm) { return "Digest realm=\"" + realm + "\""; };
    SECTION("all of them once") {
        house.fromInside(with(with(answerTo(*call.first, 407, "p1"), "Proxy-Authenticate",
                                   digest("one")),
                              "Proxy-Authenticate", digest("same")));
        house.fromInside(with(with(answerTo(*call.second, 401, "p2"), "WWW-Authenticate",
                                   digest("two")),
                              "Proxy-Authenticate", digest("same")),
                         kPhone2);
        const auto answer = house.takeOutside();
        CHECK(answer.message.status() == 407);
        CHECK(answer.message.headers("Proxy-Authenticate") ==
              std::vector<std::string>{digest("one"), digest("same")});
        CHECK(answer.message.headers("WWW-Authenticate") == std::vector<std::string>{digest("two")});
    }
    SECTION("not with an answer of another kind") {
        house.fromInside(with(answerTo(*call.first, 407, "p1"), "Proxy-Authenticate", digest("one")));
        house.fromInside(answerTo(*call.second, 603, "p2"), kPhone2);
        const auto answer = house.takeOutside();
        CHECK(answer.message.status() == 603);
        CHECK_FALSE(answer.message.header("Proxy-Authenticate"));
    }
    SECTION("as many as anybody needs") {
        house.fromInside(with(answerTo(*call.first, 401, "p1"), "WWW-Authenticate", digest("one")));
        auto flood = answerTo(*call.second, 401, "p2");
        for (int i = 0; i < 100; ++i) {
            flood.addHeader("WWW-Authenticate", digest(std::to_string(i)));
        }
        house.fromInside(flood, kPhone2);
        const auto fields = house.takeOutside().message.headers("WWW-Authenticate");
        CHECK(fields.front() == digest("one"));
        CHECK(fields.size() <= 20);
    }
    CHECK(house.isQuiet());
}

TEST_CASE("a phone that is out of order does not speak for the house", "[proxy]") {
    TwoPhones call;
    // RFC 3261 §16.7 step 6: a provider would take 503 for an answer of ours, and send us no calls.
    call.house.fromInside(with(answerTo(*call.first, 503, "p1"), "Retry-After", "600"));
    CHECK(call.outside().empty());
    SECTION("alone") {
        call.house.fromInside(answerTo(*call.second, 503, "p2"), kPhone2);
        const auto answer = call.house.takeOutside();
        CHECK(answer.message.status() == 500);
        CHECK_FALSE(answer.message.header("Retry-After"));
    }
    SECTION("what another one says counts more") {
        call.fromSecond(486);
        CHECK(call.outside() == Statuses{486});
    }
    CHECK(call.house.isQuiet());
}

TEST_CASE("a phone that cannot be reached is not the house that cannot", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.cutOff(kPhone);
    house.fromOutside(forAlice("INVITE", contact.toString()));
    CHECK(house.takeOne().message.status() == 480);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("the other phones are told why they stop ringing", "[proxy]") {
    TwoPhones call;
    call.fromFirst(180);
    call.fromSecond(180);
    call.outside();
    const auto reasonFor = [&](const base::SocketAddress& phone) {
        for (const auto& sent : call.house.take()) {
            if (sent.flow.remote == phone && sent.message.methodName() == "CANCEL") {
                return std::string(sent.message.header("Reason").value_or("none"));
            }
        }
        return std::string("no CANCEL");
    };
    SECTION("somebody has taken the call: none has been missed") {
        call.fromSecond(200);
        CHECK(reasonFor(kPhone) == "SIP;cause=200;text=\"Call completed elsewhere\"");
    }
    SECTION("somebody has declined for all") {
        call.fromFirst(603);
        CHECK(reasonFor(kPhone2) == "SIP;cause=603");
    }
    SECTION("nobody has taken it in time") {
        call.house.loop.advance(181s);
        CHECK(reasonFor(kPhone) == "none");
    }
}

TEST_CASE("a CANCEL reaches all phones", "[proxy]") {
    TwoPhones call;
    call.fromFirst(180);
    call.fromSecond(180);
    call.outside();
    call.house.fromOutside(forAlice("CANCEL", "sip:alice@203.0.113.1")
                               .set("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK-INVITE1"));
    CHECK(call.outside() == Statuses{200});
    CHECK(call.cancelled(kPhone));
    CHECK(call.cancelled(kPhone2));
    call.fromFirst(487);
    call.fromSecond(487);
    CHECK(call.outside() == Statuses{487});
    CHECK(call.house.proxy->callCount() == 0);
    CHECK(call.house.isQuiet());
}

TEST_CASE("where two phones pick up at once, hanging up the loser leaves the call", "[proxy]") {
    TwoPhones call;
    auto& house = call.house;
    house.fromInside(
        with(answerTo(*call.first, 200, "p1"), "Contact", "<sip:alice@10.0.0.10:5060>"));
    const auto winner = house.takeOutside();
    call.fromSecond(200);
    const auto loser = house.takeOutside();
    CHECK(loser.message.status() == 200);
    // RFC 3261 §13.2.2.4: the caller keeps one and says BYE to the other.
    const auto hangUp = [&](const Sent& answer, int cseq, const base::SocketAddress& phone) {
        house.fromOutside(forAlice("BYE", answer.contact().toString(), cseq)
                              .set("To", std::string(*answer.message.header("To"))));
        const auto bye = house.takeInside();
        CHECK(bye.flow.remote == phone);
        house.fromInside(answerTo(bye, 200), bye.flow.remote);
        CHECK(house.takeOutside().message.status() == 200);
    };
    hangUp(loser, 2, kPhone2);
    CHECK(house.proxy->callCount() == 1);
    hangUp(winner, 3, kPhone);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("somebody else's phone of the same user name does not ring along", "[proxy]") {
    House house;
    house.enrol();
    house.enrol(registration("alice", "other.example", "10.0.0.11:5060"), kPhone2, kProvider2);
    house.fromOutside(forAlice("INVITE", "sip:alice@203.0.113.1").set("To", "<sip:x@gw.example>"),
                      at("198.51.100.77"));
    CHECK(house.take().size() == 1);
}

TEST_CASE("who has stopped ringing is told by 199 to callers that know it", "[proxy]") {
    House house;
    house.enrol();
    house.enrol(registration("alice", "example.org", "10.0.0.11:5060"), kPhone2);
    const bool known = GENERATE(true, false);
    house.fromOutside(
        forAlice("INVITE", "sip:alice@203.0.113.1").set("Supported", known ? "100rel, 199" : ""));
    const auto both = house.take();
    REQUIRE(both.size() == 2);
    const auto& first = both[0].flow.remote == kPhone ? both[0] : both[1];
    house.fromInside(answerTo(first, 180, "early"));
    CHECK(house.takeOutside().message.status() == 180);
    house.fromInside(answerTo(first, 486, "early"));
    std::vector<sip::Message> told;
    for (auto& sent : house.take()) {
        if (sent.flow.remote == kProvider) {
            told.push_back(std::move(sent.message));
        }
    }
    REQUIRE(told.size() == (known ? 1 : 0));
    if (known) {
        CHECK(told[0].status() == 199);
        CHECK(told[0].toTag() == "early");
        CHECK(told[0].header("Reason") == "SIP;cause=486");
    }
}
