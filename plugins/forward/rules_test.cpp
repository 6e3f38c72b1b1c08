// SPDX-License-Identifier: GPL-2.0-or-later
// Masks, numbers, codes, and what becomes of a call.
#include <cstdlib>

#include "decision.h"
#include "last_calls.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace forward;

namespace {

const Party kAlice{"alice", "home.test"};
const Party kBob{"bob", "home.test"};
const Codes kCodes{.away = "*151", .awayBusy = "*152", .awayNoAnswer = "*153", .reset = "*150", .redial = "*66"};

Rule rule(std::vector<std::string> numbers, std::vector<std::string> targets,
          std::vector<When> when = {When::Always}) {
    Rule made;
    made.name = "rule";
    made.numbers = std::move(numbers);
    made.targets = std::move(targets);
    made.when = std::move(when);
    return made;
}

Rule screening(Action action, std::vector<std::string> callers) {
    auto made = rule({"%"}, {});
    made.action = action;
    made.callers = std::move(callers);
    return made;
}

std::vector<std::string> legsOf(const Decision& decision) {
    std::vector<std::string> all;
    for (const auto& leg : decision.legs) {
        all.push_back(std::string(nameOf(leg.when)) + " " + leg.uri + " by " + leg.owner);
    }
    return all;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("masks of the reference", "[plugin_forward]") {
    struct Row {
        const char* mask;
        Party party;
        bool fits;
    };
    const Row rows[] = {{"+11%", {"+1131055", "x.test"}, true},
                        {"+11%", {"+12131055", "x.test"}, false},
                        {"%@vmsdemo.com", {"admin", "vmsdemo.com"}, true},
                        {"%@vmsdemo.com", {"admin", "vmsdemo.com.evil"}, false},
                        {"%domain%", {"admin", "mydomain.test"}, true},
                        {"admin@vmsdemo.com", {"admin", "vmsdemo.com"}, true},
                        {"admin@vmsdemo.com", {"Admin", "VMSDEMO.com"}, true},
                        {"admin", {"admin", "anywhere.test"}, true},
                        {"admin", {"administrator", "anywhere.test"}, false},
                        {"555-1212", {"5551212", "x.test"}, true},
                        {"5551212", {"555.1212", "x.test"}, true},
                        {"%", {"", "x.test"}, true},
                        {"a%b%c", {"aXbXbXc", "x.test"}, true},
                        {"a%b%c", {"aXcXbX", "x.test"}, false}};
    for (const auto& row : rows) {
        INFO(row.mask << " " << row.party.toString());
        CHECK(matches(row.mask, row.party) == row.fits);
    }
}

TEST_CASE("a mask of many wildcards takes no time to speak of", "[plugin_forward]") {
    std::string mask;
    for (int i = 0; i < 200; ++i) {
        mask += "%a";
    }
    CHECK_FALSE(matches(mask + "b", std::string(20'000, 'a')));
}

TEST_CASE("new recipients may be written as one likes", "[plugin_forward]") {
    CHECK(uriOf("555-1212", "home.test") == "sip:5551212@home.test");
    CHECK(uriOf("+1 (310) 555-1234", "home.test") == "sip:+13105551234@home.test");
    CHECK(uriOf("john@vmsdemo.com", "home.test") == "sip:john@vmsdemo.com");
    CHECK(uriOf("bob", "home.test") == "sip:bob@home.test");
    CHECK(uriOf("#31#5", "home.test") == "sip:%2331%235@home.test");
    CHECK(uriOf("sips:bob@secure.test", "home.test") == "sips:bob@secure.test");
    CHECK(uriOf("two words", "home.test").empty());
    CHECK(uriOf("", "home.test").empty());
    CHECK(uriOf("<sip:x>", "home.test").empty());
}

TEST_CASE("parties of URIs", "[plugin_forward]") {
    CHECK(partyOf("sip:alice@Home.Test:5070;transport=tcp").toString() == "alice@home.test");
    CHECK(partyOf("sip:+1-310-555@home.test;user=phone") == Party{"+1310555", "home.test"});
    CHECK(partyOf("sip:alice:pw@[2001:DB8::1]:5060") == Party{"alice", "[2001:db8::1]"});
    CHECK(partyOf("tel:+1-310;phone-context=x") == Party{"+1310", ""});
    CHECK(partyOf("sip:home.test") == Party{"", "home.test"});
    CHECK(partyOf("mailto:alice@home.test").empty());
    CHECK(partyOf("").empty());
}

TEST_CASE("codes of the reference", "[plugin_forward]") {
    const auto order = [](std::string user, std::string host = "home.test") {
        return orderIn(kCodes, kAlice, {std::move(user), std::move(host)});
    };
    REQUIRE(order("*151*"));
    CHECK(order("*151*")->target.empty());
    CHECK(order("*151")->kind == Order::Kind::Away);
    CHECK(order("*151")->target.empty());
    CHECK(order("*1513105551234")->target == "sip:3105551234@home.test");
    CHECK(order("*151*3105551234")->target == "sip:3105551234@home.test");
    CHECK(order("*151*3105551234#")->target == "sip:3105551234@home.test");
    CHECK(order("*151john", "vmsdemo.com")->target == "sip:john@vmsdemo.com");
    CHECK(order("*151*john", "vmsdemo.com")->target == "sip:john@vmsdemo.com");
    CHECK(order("*151john")->target == "sip:john@home.test");
    CHECK(order("*1513105551234", "10.0.0.1")->target == "sip:3105551234@home.test");
    CHECK(order("*1525")->when == When::Busy);
    CHECK(order("*1535")->when == When::NoAnswer);
    CHECK_FALSE(order("*152")->isSound);
    CHECK(order("*150")->kind == Order::Kind::Reset);
    CHECK(order("*66")->kind == Order::Kind::Redial);
    CHECK_FALSE(order("*1505"));
    CHECK_FALSE(order("*665"));
    CHECK_FALSE(order("1513105551234"));
    CHECK_FALSE(orderIn({}, kAlice, {"*151", "home.test"}));
}

TEST_CASE("the longest code counts", "[plugin_forward]") {
    Codes codes = kCodes;
    codes.away = "*15";
    CHECK(orderIn(codes, kAlice, {"*1525", "home.test"})->when == When::Busy);
    CHECK(orderIn(codes, kAlice, {"*1585", "home.test"})->when == When::Always);
}

TEST_CASE("static rules forward to one or to several", "[plugin_forward]") {
    Settings settings;
    settings.rules = {rule({"alice@home.test"}, {"555-1212", "john@vmsdemo.com"})};
    const OwnRules own;
    const auto decision = decide(settings, own, kBob, kAlice, {});
    CHECK(decision.kind == Decision::Kind::Forward);
    CHECK(legsOf(decision) == Texts{"always sip:5551212@home.test by alice@home.test",
                                    "always sip:john@vmsdemo.com by alice@home.test"});
    CHECK(decide(settings, own, kAlice, kBob, {}).kind == Decision::Kind::None);
    settings.rules[0].active = false;
    CHECK(decide(settings, own, kBob, kAlice, {}).kind == Decision::Kind::None);
}

TEST_CASE("the first rule counts, and a user's own goes before it", "[plugin_forward]") {
    Settings settings;
    settings.rules = {rule({"alice"}, {"1"}), rule({"alice"}, {"2"})};
    settings.rules[0].owner = "boss";
    OwnRules own;
    CHECK(legsOf(decide(settings, own, kBob, kAlice, {})) == Texts{"always sip:1@home.test by boss"});
    own.set("alice@home.test", When::Always, "sip:3@home.test");
    CHECK(legsOf(decide(settings, own, kBob, kAlice, {})) ==
          Texts{"always sip:3@home.test by alice@home.test"});
    own.set("alice@home.test", When::Always, "");
    CHECK(decide(settings, own, kBob, kAlice, {}).status == 480);
}

TEST_CASE("a call may have a way for each case", "[plugin_forward]") {
    Settings settings;
    settings.rules = {rule({"alice"}, {"1"}, {When::Busy, When::Unreachable}),
                      rule({"alice"}, {"2"}, {When::NoAnswer})};
    OwnRules own;
    own.set("alice@home.test", When::Busy, "sip:9@home.test");
    CHECK(legsOf(decide(settings, own, kBob, kAlice, {})) ==
          Texts{"busy sip:9@home.test by alice@home.test", "noanswer sip:2@home.test by alice@home.test",
                "unreachable sip:1@home.test by alice@home.test"});
    own.set("alice@home.test", When::Always, "sip:7@home.test");
    CHECK(legsOf(decide(settings, own, kBob, kAlice, {})) ==
          Texts{"always sip:7@home.test by alice@home.test"});
    CHECK_FALSE(own.find("alice@home.test", When::Busy).has_value());
}

TEST_CASE("callers may be accepted, rejected and dropped before anything else", "[plugin_forward]") {
    Settings settings;
    settings.rules = {rule({"alice"}, {"1"}), screening(Action::Accept, {"boss@%"}),
                      screening(Action::Drop, {"%@spam.test"}), screening(Action::Reject, {"0900%"})};
    settings.rules[3].status = 403;
    OwnRules own;
    own.set("alice@home.test", When::Always, "");
    const auto kindFor = [&](Party caller) { return decide(settings, own, caller, kAlice, {}).kind; };
    CHECK(kindFor({"boss", "home.test"}) == Decision::Kind::None);
    CHECK(kindFor({"x", "spam.test"}) == Decision::Kind::Drop);
    CHECK(decide(settings, own, {"09001234", "x.test"}, kAlice, {}).status == 403);
    CHECK(decide(settings, own, {"bob", "x.test"}, kAlice, {}).status == 480);
}

TEST_CASE("nobody is called again in a circle", "[plugin_forward]") {
    Settings settings;
    settings.rules = {rule({"alice"}, {"bob", "carol"}), rule({"bob"}, {"alice"})};
    const OwnRules own;
    const auto decision = decide(settings, own, {"x", "y.test"}, kAlice, {kBob});
    CHECK(legsOf(decision) == Texts{"always sip:carol@home.test by alice@home.test"});
    CHECK(decide(settings, own, {"x", "y.test"}, kBob, {kAlice}).kind == Decision::Kind::None);
    settings.rules = {rule({"alice"}, {"alice"})};
    CHECK(decide(settings, own, kBob, kAlice, {}).kind == Decision::Kind::None);
}

TEST_CASE("users' own rules are written and read", "[plugin_forward]") {
    OwnRules own;
    CHECK(own.set("alice@home.test", When::Always, ""));
    CHECK(own.set("bob@home.test", When::Busy, "sip:1@home.test"));
    CHECK(own.set("bob@home.test", When::NoAnswer, "sip:2@home.test"));
    OwnRules again;
    CHECK(again.read(own.text()) == 0);
    CHECK(again.text() == own.text());
    CHECK(again.size() == 3);
    CHECK(again.find("alice@home.test", When::Always) == "");
    CHECK(again.reset("bob@home.test"));
    CHECK_FALSE(again.reset("bob@home.test"));
    CHECK(again.size() == 1);
    CHECK_FALSE(own.set("with blank@home.test", When::Always, ""));
    CHECK_FALSE(own.set("a@home.test", When::Always, "sip:x\n@home.test"));
    CHECK(own.read("a\talways\na\tnever\tsip:x@y\na\talways\tsip:x@y\textra\n\tbusy\t-\nrubbish\n") == 5);
    CHECK(own.size() == 3);
}

TEST_CASE("there are not too many rules", "[plugin_forward]") {
    OwnRules own;
    for (int i = 0; i < 10'100; ++i) {
        own.set("u" + std::to_string(i), When::Always, "");
    }
    CHECK(own.size() == 10'000);
    CHECK(own.set("u0", When::Always, "sip:1@home.test"));
}

TEST_CASE("the last call of each user", "[plugin_forward]") {
    LastCalls last;
    CHECK_FALSE(last.of("a"));
    last.note("a", "sip:1@x");
    last.note("a", "sip:2@x");
    CHECK(last.of("a") == "sip:2@x");
    for (int i = 0; i < 10'000; ++i) {
        last.note("u" + std::to_string(i), "sip:3@x");
    }
    CHECK_FALSE(last.of("a"));
    CHECK(last.size() == 10'000);
}
