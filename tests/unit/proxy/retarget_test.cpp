// SPDX-License-Identifier: GPL-2.0-or-later
// Targets with all that a plugin can say about them.
#include "harness.h"
#include "probe.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

siproxd_target target(const char* uri, std::uint32_t rank = 0, std::uint32_t after = 0,
                      std::uint32_t ring = 0) {
    siproxd_target made{};
    made.size = sizeof made;
    made.uri = uri;
    made.rank = rank;
    made.after = after;
    made.ring = ring;
    return made;
}

/// Sends the first INVITE of every call to these.
struct Switch {
    Switch(House& house, std::vector<siproxd_target> all)
        : targets(std::move(all)),
          probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [this](const auto& host, auto* message) {
              int verdict = SIPROXD_CONTINUE;
              if (std::string_view(host.msg_method(message)) == "INVITE" &&
                  host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag") == nullptr) {
                  for (const auto& one : targets) {
                      verdict = host.retarget_to(message, &one);
                  }
              }
              return verdict;
          }) {}

    std::vector<siproxd_target> targets;
    Probe probe;
};

Draft invite() { return fromAlice("INVITE", "sip:bob@example.net"); }

/// What has been sent outside, ACKs aside.
std::vector<Sent> requests(House& house) {
    auto all = house.take();
    std::erase_if(all, [](const Sent& sent) {
        return !sent.message.isRequest() || sent.message.method() == sip::Method::Ack;
    });
    return all;
}

constexpr const char* kOne = "sip:one@198.51.100.1";
constexpr const char* kTwo = "sip:two@198.51.100.2";

}  // namespace

TEST_CASE("a target is tried after what it is for", "[proxy]") {
    struct Row {
        int status;
        std::uint32_t outcome;
    };
    const auto row = GENERATE(Row{486, SIPROXD_AFTER_BUSY}, Row{480, SIPROXD_AFTER_NO_ANSWER},
                              Row{500, SIPROXD_AFTER_FAILURE}, Row{503, SIPROXD_AFTER_FAILURE},
                              Row{404, SIPROXD_AFTER_REFUSAL}, Row{408, SIPROXD_AFTER_FAILURE});
    const auto wanted = GENERATE(as<std::uint32_t>{}, SIPROXD_AFTER_BUSY, SIPROXD_AFTER_NO_ANSWER,
                                 SIPROXD_AFTER_FAILURE, SIPROXD_AFTER_REFUSAL);
    House house;
    Switch plugin(house, {target(kOne), target(kTwo, 1, wanted)});
    house.fromInside(invite());
    const auto first = house.takeOutside();
    house.fromOutside(answerTo(first, row.status));
    const auto next = requests(house);
    INFO(row.status << " and " << wanted);
    REQUIRE(next.size() == (wanted == row.outcome ? 1 : 0));
    if (!next.empty()) {
        CHECK(next[0].message.requestUriText() == kTwo);
        house.fromOutside(answerTo(next[0], 486));
    }
    CHECK(house.isQuiet());
}

TEST_CASE("who has rung and then does not answer is no failure", "[proxy]") {
    House house;
    Switch plugin(house, {target(kOne), target(kTwo, 1, SIPROXD_AFTER_FAILURE),
                          target("sip:three@198.51.100.3", 2, SIPROXD_AFTER_NO_ANSWER)});
    house.fromInside(invite());
    const auto first = house.takeOutside();
    house.fromOutside(answerTo(first, 180));
    house.take();
    house.fromOutside(answerTo(first, 408));
    const auto next = requests(house);
    REQUIRE(next.size() == 1);
    CHECK(next[0].message.requestUriText() == "sip:three@198.51.100.3");
    house.fromOutside(answerTo(next[0], 486));
    CHECK(house.isQuiet());
}

TEST_CASE("a call by sips: goes to no target by sip:", "[proxy]") {
    House house;
    Switch plugin(house, {target(kOne), target("sips:two@198.51.100.2", 1, SIPROXD_AFTER_ANY)});
    const bool isSafe = GENERATE(false, true);
    if (!isSafe) {
        plugin.targets.pop_back();
    }
    house.receive(fromAlice("INVITE", "sips:bob@example.net").set("Contact", "<sips:alice@10.0.0.10>").text(), kPhone,
                  proxy::Side::Inside, base::Protocol::Tls);
    const auto sent = house.takeOne();
    if (isSafe) {
        CHECK(sent.message.requestUriText() == "sips:two@198.51.100.2");
        CHECK(sent.flow.protocol == base::Protocol::Tls);
    } else {
        CHECK(sent.message.status() == 480);
        CHECK(sent.message.header("Warning").value_or("").starts_with("380 "));
    }
}

TEST_CASE("the outcome of the rank before counts, not that of earlier ones", "[proxy]") {
    House house;
    Switch plugin(house, {target(kOne), target(kTwo, 1, SIPROXD_AFTER_FAILURE),
                          target("sip:three@198.51.100.3", 2, SIPROXD_AFTER_FAILURE)});
    house.fromInside(invite());
    house.fromOutside(answerTo(house.takeOutside(), 500));
    const auto second = requests(house);
    REQUIRE(second.size() == 1);
    house.fromOutside(answerTo(second[0], 486));
    const auto answer = house.takeInside();
    CHECK(answer.message.status() == 486);
    CHECK(house.isQuiet());
}

TEST_CASE("a target that cannot be reached is a failure", "[proxy]") {
    House house;
    house.cutOff(at("198.51.100.1"));
    Switch plugin(house, {target(kOne), target(kTwo, 1, SIPROXD_AFTER_FAILURE)});
    house.fromInside(invite());
    house.loop.advance(100ms);
    const auto next = requests(house);
    REQUIRE(next.size() == 1);
    CHECK(next[0].message.requestUriText() == kTwo);
    house.fromOutside(answerTo(next[0], 486));
    CHECK(house.isQuiet());
}

TEST_CASE("a target rings for as long as it may", "[proxy]") {
    House house;
    const bool hasRung = GENERATE(true, false);
    Switch plugin(house, {target(kOne, 0, 0, 5000), target(kTwo, 1, SIPROXD_AFTER_NO_ANSWER)});
    house.fromInside(invite());
    const auto first = house.takeOutside();
    if (hasRung) {
        house.fromOutside(answerTo(first, 180));
    }
    house.loop.advance(4900ms);
    for (const auto& sent : requests(house)) {
        CHECK(sent.message.requestUriText() == kOne);
    }
    house.loop.advance(200ms);
    const auto sent = requests(house);
    REQUIRE(sent.size() == (hasRung ? 2U : 1U));
    CHECK(sent.back().message.requestUriText() == kTwo);
    CHECK((!hasRung || sent.front().message.method() == sip::Method::Cancel));
    SECTION("and what it answers then is not the caller's") {
        house.fromOutside(answerTo(first, 487));
        for (const auto& after : house.take()) {
            CHECK(after.message.method() == sip::Method::Ack);
        }
        house.fromOutside(answerTo(sent.back(), 486));
        CHECK(house.takeInside().message.status() == 486);
    }
    SECTION("unless it has answered before it has heard of that") {
        house.fromOutside(with(answerTo(first, 200), "Contact", "<sip:one@198.51.100.1>"));
        CHECK(house.takeInside().message.status() == 200);
        house.fromInside(fromAlice("BYE", "sip:one@198.51.100.1", 2)
                             .set("To", "<sip:bob@example.net>;tag=" + std::string("t1")));
        house.take();
    }
    SECTION("and in the end nobody has answered") {
        house.fromOutside(answerTo(sent.back(), 180));
        house.loop.advance(400s);
        house.take();
    }
    CHECK(house.isQuiet());
}

TEST_CASE("the last target's time is the caller's 480", "[proxy]") {
    House house;
    Switch plugin(house, {target(kOne, 0, 0, 5000)});
    house.fromInside(invite());
    house.fromOutside(answerTo(house.takeOutside(), 180));
    house.take();
    house.loop.advance(5s);
    CHECK(house.takeInside().message.status() == 480);
    CHECK(house.isQuiet());
}

TEST_CASE("a target may be whoever is registered", "[proxy]") {
    House house;
    house.enrol();
    auto alice = target(nullptr);
    alice.aor = "sip:alice@example.org";
    SECTION("a call from outside that is for nobody else") {
        Switch plugin(house, {alice});
        house.fromOutside(forAlice("INVITE", "sip:12345@203.0.113.1").set("To", "<sip:12345@x.example>"));
        const auto in = house.takeInside();
        CHECK(in.flow.remote == kPhone);
        CHECK(in.message.requestUri().user == "alice");
        CHECK(in.message.requestUri().host == "10.0.0.10");
        house.fromInside(answerTo(in, 486));
        CHECK(house.takeOutside().message.status() == 486);
    }
    SECTION("with the request URI that she is to see") {
        alice.uri = "sip:12345@203.0.113.1";
        Switch plugin(house, {alice});
        house.fromOutside(forAlice("INVITE", "sip:12345@203.0.113.1").set("To", "<sip:12345@x.example>"));
        const auto in = house.takeInside();
        CHECK(in.flow.remote == kPhone);
        CHECK(in.message.requestUriText() == "sip:12345@203.0.113.1");
        house.fromInside(answerTo(in, 486));
        CHECK(house.takeOutside().message.status() == 486);
    }
    SECTION("and when nobody is, the next one") {
        alice.aor = "sip:carol@example.org";
        Switch plugin(house, {alice, target(kTwo, 1, SIPROXD_AFTER_FAILURE)});
        house.fromInside(invite());
        const auto next = requests(house);
        REQUIRE(next.size() == 1);
        CHECK(next[0].message.requestUriText() == kTwo);
        house.fromOutside(answerTo(next[0], 486));
    }
    SECTION("or 480") {
        alice.aor = "sip:carol@example.org";
        Switch plugin(house, {alice});
        house.fromInside(invite());
        CHECK(house.takeInside().message.status() == 480);
    }
    CHECK(house.isQuiet());
}

TEST_CASE("a call from outside may be sent outside again", "[proxy]") {
    House house;
    Switch plugin(house, {target("sip:+13105551234@198.51.100.1")});
    house.fromOutside(forAlice("INVITE", "sip:12345@203.0.113.1").set("To", "<sip:12345@x.example>"));
    const auto out = house.takeOne();
    CHECK(out.flow.remote == at("198.51.100.1"));
    CHECK(out.message.requestUriText() == "sip:+13105551234@198.51.100.1");
    house.fromOutside(with(answerTo(out, 200), "Contact", "<sip:gw@198.51.100.1>"), at("198.51.100.1"));
    CHECK(house.takeOne().message.status() == 200);
}

TEST_CASE("what is no target is refused", "[proxy]") {
    House house;
    int verdict = 0;
    auto made = GENERATE(siproxd_target{}, target("no uri"), target(nullptr));
    Probe probe(house, SIPROXD_STAGE_DETERMINE_TARGET, [&](const auto& host, auto* message) {
        verdict = host.retarget_to(message, &made);
        return SIPROXD_CONTINUE;
    });
    house.fromInside(invite());
    CHECK(verdict == SIPROXD_FAILED);
    house.fromOutside(answerTo(house.takeOutside(), 486));
}
