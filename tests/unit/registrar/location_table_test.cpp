// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/location_table.h"

#include <set>

#include "fixture.h"

using namespace siproxd;
using namespace siproxd::test;
using namespace std::chrono_literals;
using registrar::Binding;
using registrar::LocationTable;

namespace {

constexpr const char* kAlice = "sip:alice@sip.example.test";
constexpr const char* kAlicePhone = "sip:alice-ext@192.168.1.10:5062;line=abc;ob";

struct Journal final : LocationTable::Listener {
    std::vector<std::string> lines;
    void bindingChanged(std::uint64_t serial, const Binding& binding, base::TimePoint) override {
        lines.push_back("+" + std::to_string(serial) + " " + binding.aor.user);
    }
    void bindingGone(std::uint64_t serial, const Binding& binding) override {
        lines.push_back("-" + std::to_string(serial) + " " + binding.aor.user);
    }
};

}  // namespace

TEST_CASE("The masqueraded Contact is the user at the outbound address with a token",
          "[registrar]") {
    Locations here;
    const auto binding = here.prepare(kAlice, kAlicePhone);
    CHECK(binding.token.size() == 16);
    CHECK(binding.masqueraded.toString() == "sip:alice@203.0.113.1;siproxd=" + binding.token);
    CHECK(registrar::tokenOf(binding.masqueraded) == binding.token);
    CHECK(registrar::masqueradedContact("", "2001:db8::1", 5070, "").toString() ==
          "sip:[2001:db8::1]:5070");
}

TEST_CASE("A binding counts only once the registrar has agreed", "[registrar]") {
    Locations here;
    const auto token = here.prepare(kAlice, kAlicePhone).token;
    CHECK(here.table.size() == 1);
    REQUIRE(here.table.find(token) != nullptr);
    CHECK_FALSE(here.table.find(token)->confirmed);
    CHECK(here.table.byAor(uri(kAlice)).empty());
    CHECK(here.table.byContact(uri(kAlicePhone)) == nullptr);
    CHECK_FALSE(here.table.knowsHost(at("192.168.1.10").ip));
    CHECK(here.table.candidates(uri("sip:alice@203.0.113.1"), uri(kAlice), at("203.0.113.50"))
              .empty());

    const auto* confirmed = here.table.confirm(token, 120);
    REQUIRE(confirmed != nullptr);
    CHECK(confirmed->expires == here.clock.wallNow() + 120);
    CHECK(here.table.byAor(uri(kAlice)).size() == 1);
    CHECK(here.table.byContact(uri(kAlicePhone)) == confirmed);
    CHECK(here.table.knowsHost(at("192.168.1.10").ip));
    CHECK(here.table.isLive(*confirmed));
}

TEST_CASE("A refused binding vanishes, and so does one that is never answered", "[registrar]") {
    Locations here;
    const auto refused = here.prepare(kAlice, kAlicePhone).token;
    here.table.abandon(refused);
    CHECK(here.table.find(refused) == nullptr);

    const auto forgotten = here.prepare(kAlice, kAlicePhone).token;
    here.clock.advance(64s);
    CHECK(here.table.expire() == 0);
    here.clock.advance(1s);
    CHECK(here.table.expire() == 1);
    CHECK(here.table.find(forgotten) == nullptr);
    CHECK(here.table.confirm(forgotten, 60) == nullptr);
}

TEST_CASE("The try after a challenge finds the same token", "[registrar]") {
    Locations here;
    const auto first = here.prepare(kAlice, kAlicePhone);
    here.clock.advance(60s);
    const auto second = here.prepare(kAlice, kAlicePhone);
    CHECK(first.token == second.token);
    here.clock.advance(60s);
    here.table.expire();
    CHECK(here.table.confirm(first.token, 60) != nullptr);
}

TEST_CASE("A refresh changes nothing before its answer", "[registrar]") {
    Locations here;
    const auto token = here.enrol(kAlice, kAlicePhone);
    auto again = Locations::phone(kAlice, "sip:alice-ext@192.168.1.10:5062;line=new");
    again.flow.remote = at("192.168.1.77", 6000);
    again.cseq = 2;
    const auto prepared = here.table.prepare(again, {.host = kOutbound});
    REQUIRE(prepared);
    CHECK(prepared->token == token);
    CHECK(prepared->flow.remote == at("192.168.1.77", 6000));
    CHECK(here.table.find(token)->contact == uri(kAlicePhone));
    CHECK_FALSE(here.table.knowsHost(at("192.168.1.77").ip));

    SECTION("a refusal leaves the old state") {
        here.table.abandon(token);
        REQUIRE(here.table.confirm(token, 60) != nullptr);
        CHECK(here.table.find(token)->contact == uri(kAlicePhone));
        CHECK(here.table.find(token)->cseq == 1);
    }
    SECTION("the answer brings the new one") {
        REQUIRE(here.table.confirm(token, 60) != nullptr);
        CHECK(here.table.find(token)->contact.params.value("line") == "new");
        CHECK(here.table.find(token)->cseq == 2);
        CHECK(here.table.knowsHost(at("192.168.1.77").ip));
        CHECK(here.table.knowsHost(at("192.168.1.10").ip));  // still the host of the Contact
        CHECK(here.table.size() == 1);
    }
}

TEST_CASE("A binding lives five seconds longer than it says", "[registrar]") {
    Locations here;
    const auto token = here.enrol(kAlice, kAlicePhone, "203.0.113.50", 60);
    here.clock.advance(65s);
    CHECK(here.table.expire() == 0);
    CHECK(here.table.byAor(uri(kAlice)).size() == 1);
    here.clock.advance(1ms);
    CHECK(here.table.byAor(uri(kAlice)).empty());  // before anybody has swept
    CHECK(here.table.nextExpiry() <= here.clock.now());
    CHECK(here.table.expire() == 1);
    CHECK(here.table.find(token) == nullptr);
    CHECK_FALSE(here.table.knowsHost(at("192.168.1.10").ip));
    CHECK_FALSE(here.table.nextExpiry());
}

TEST_CASE("Sweeping at nextExpiry removes what is due", "[registrar]") {
    Locations here;
    here.enrol(kAlice, kAlicePhone, "203.0.113.50", 60);
    here.prepare("sip:bob@sip.example.test", "sip:bob@192.168.1.11");
    for (int left = 1; left >= 0; --left) {
        const auto next = here.table.nextExpiry();
        REQUIRE(next);
        here.clock.advance(*next - here.clock.now());
        CHECK(here.table.expire() == 1);
        CHECK(here.table.size() == static_cast<std::size_t>(left));
    }
}

TEST_CASE("Expiry does not follow a wall clock that is set", "[registrar]") {
    Locations here;
    here.clock.setWallStart(0);
    const auto token = here.enrol(kAlice, kAlicePhone, "203.0.113.50", 60);
    CHECK(here.table.snapshot().front().expires == 60);
    here.clock.setWallStart(1'800'000'000);
    here.clock.advance(10s);
    here.table.expire();
    REQUIRE(here.table.find(token) != nullptr);
    CHECK(here.table.snapshot().front().expires == 1'800'000'060);
}

TEST_CASE("Life time 0 removes", "[registrar]") {
    Locations here;
    const auto token = here.enrol(kAlice, kAlicePhone);
    CHECK(here.table.confirm(token, 0) == nullptr);
    CHECK(here.table.size() == 0);
    CHECK_FALSE(here.table.remove(token));
}

TEST_CASE("An address-of-record has as many Contacts as it likes", "[registrar]") {
    Locations here;
    const auto first = here.enrol(kAlice, "sip:alice@192.168.1.10");
    const auto second = here.enrol(kAlice, "sip:alice@192.168.1.11");
    const auto third = here.enrol(kAlice, "sip:alice@192.168.1.11:5070");
    CHECK(std::set{first, second, third}.size() == 3);
    here.enrol(kAlice, "sip:alice@192.168.1.10");
    const auto all = here.table.byAor(uri("sip:alice@SIP.example.test:5060"));
    REQUIRE(all.size() == 3);
    CHECK(all.front()->token == first);  // last confirmed first
}

TEST_CASE("One Contact may serve two accounts", "[registrar]") {
    Locations here;
    const auto one = here.enrol("sip:alice@one.example", "sip:alice@192.168.1.10");
    const auto two = here.enrol("sip:alice@two.example", "sip:alice@192.168.1.10");
    CHECK(one != two);
    const auto contact = uri("sip:alice@192.168.1.10:5060;transport=udp");
    const auto aor = uri("sip:alice@one.example");
    CHECK(here.table.byContact(contact)->token == two);
    CHECK(here.table.byContact(contact, &aor)->token == one);
    const auto other = uri("sip:alice@three.example");
    CHECK(here.table.byContact(contact, &other) == nullptr);
}

TEST_CASE("A Contact of ours is found again without its token", "[registrar]") {
    Locations here;
    const auto one = here.enrol("sip:alice@one.example", "sip:alice@192.168.1.10");
    const auto two = here.enrol("sip:alice@two.example", "sip:alice@192.168.1.10");
    const auto bare = uri("sip:alice@203.0.113.1");
    CHECK(here.table.byMasqueraded(bare, uri("sip:alice@one.example"))->token == one);
    CHECK(here.table.byMasqueraded(bare, uri("sip:alice@two.example"))->token == two);
    CHECK(here.table.byMasqueraded(here.table.find(one)->masqueraded, uri("sip:alice@two.example"))
              ->token == one);
    CHECK(here.table.byMasqueraded(uri("sip:alice@203.0.113.2"), uri("sip:alice@one.example")) ==
          nullptr);
}

TEST_CASE("A full table says so and takes known phones all the same", "[registrar]") {
    FakeLoop clock;
    FakeRandom random;
    LocationTable table(clock, random, 2);
    const auto first =
        table.prepare(Locations::phone(kAlice, "sip:a@192.168.1.10"), {.host = kOutbound});
    REQUIRE(first);
    REQUIRE(table.confirm(first->token, 600));
    REQUIRE(table.prepare(Locations::phone(kAlice, "sip:b@192.168.1.10"), {.host = kOutbound}));
    const auto third =
        table.prepare(Locations::phone(kAlice, "sip:c@192.168.1.10"), {.host = kOutbound});
    REQUIRE_FALSE(third);
    CHECK(third.error().message.starts_with("URLMAP is full - registration failed"));
    CHECK(table.prepare(Locations::phone(kAlice, "sip:a@192.168.1.10"), {.host = kOutbound}));
    clock.advance(65s);  // the second was never confirmed
    CHECK(table.prepare(Locations::phone(kAlice, "sip:c@192.168.1.10"), {.host = kOutbound}));
}

TEST_CASE("A binding of an original's file keeps its Contact without a token", "[registrar]") {
    Locations here;
    Binding old;
    old.aor = uri(kAlice);
    old.contact = uri(kAlicePhone);
    old.masqueraded = uri("sip:alice@203.0.113.1");
    old.expires = here.clock.wallNow() + 100;
    REQUIRE(here.table.restore(old));
    const auto* binding = here.table.find(old.aor, old.contact);
    REQUIRE(binding != nullptr);
    const auto token = binding->token;
    CHECK(token.size() == 16);
    CHECK(here.table.isLive(*binding));
    CHECK(here.table.knowsHost(at("192.168.1.10").ip));
    CHECK(here.prepare(kAlice, kAlicePhone).masqueraded.toString() == "sip:alice@203.0.113.1");

    SECTION("until the outbound address is another one") {
        const auto moved =
            here.table.prepare(Locations::phone(kAlice, kAlicePhone), {.host = "198.51.100.7", .port = 5070});
        REQUIRE(moved);
        CHECK(moved->masqueraded.toString() == "sip:alice@198.51.100.7:5070;siproxd=" + token);
    }
    SECTION("and does not come twice") {
        CHECK_FALSE(here.table.restore(old));
        CHECK(here.table.size() == 1);
    }
}

TEST_CASE("Restored bindings have their own tokens back, damaged ones new ones", "[registrar]") {
    Locations here;
    const auto make = [&](const char* user, const char* token) {
        Binding binding;
        binding.aor = uri(std::string("sip:") + user + "@sip.example.test");
        binding.contact = uri(std::string("sip:") + user + "@192.168.1.10");
        binding.masqueraded = uri(std::string("sip:") + user + "@203.0.113.1;siproxd=" + token);
        binding.expires = here.clock.wallNow() + 100;
        return binding;
    };
    REQUIRE(here.table.restore(make("a", "0123456789abcdef")));
    REQUIRE(here.table.restore(make("b", "0123456789abcdef")));
    REQUIRE(here.table.restore(make("c", "x")));
    CHECK(here.table.find("0123456789abcdef")->aor.user == "a");
    for (const auto& binding : here.table.snapshot()) {
        CHECK(registrar::tokenOf(binding.masqueraded) == binding.token);
    }
    auto late = make("d", "1123456789abcdef");
    late.expires = here.clock.wallNow();
    CHECK_FALSE(here.table.restore(late));
    late.expires = INT64_MIN;
    CHECK_FALSE(here.table.restore(late));
    late.expires = INT64_MAX / 2;
    CHECK(here.table.restore(late));
}

TEST_CASE("A new outbound address is in all Contacts, tokens stay", "[registrar]") {
    Locations here;
    Journal journal;
    const auto token = here.enrol(kAlice, kAlicePhone);
    here.prepare(kAlice, kAlicePhone);  // a refresh is under way
    here.table.addListener(journal);
    const registrar::Outside moved[] = {{.host = "2001:db8::7", .port = 5070},
                                        {.host = "198.51.100.7", .port = 5070}};
    here.table.readdress(moved);
    CHECK(here.table.find(token)->masqueraded.toString() ==
          "sip:alice@198.51.100.7:5070;siproxd=" + token);
    CHECK(journal.lines == std::vector<std::string>{"+1 alice"});
    here.table.readdress(moved);
    CHECK(journal.lines.size() == 1);
    REQUIRE(here.table.confirm(token, 60));
    CHECK(here.table.find(token)->masqueraded.host == "198.51.100.7");
    CHECK(
        here.table.candidates(here.table.find(token)->masqueraded, uri("sip:x@y"), at("192.0.2.1"))
            .size() == 1);
    here.table.removeListener(journal);
}

TEST_CASE("A Contact gets no address of the other IP version", "[registrar]") {
    Locations here;
    const auto token = here.enrol(kAlice, kAlicePhone);
    const auto host = [&] { return here.table.find(token)->masqueraded.host; };
    const auto before = host();
    const registrar::Outside v6[] = {{.host = "2001:db8::7"}};
    here.table.readdress(v6);
    CHECK(host() == before);
    const registrar::Outside name[] = {{.host = "pbx.example"}};
    here.table.readdress(name);
    CHECK(host() == "pbx.example");
    here.table.readdress(v6);
    CHECK(host() == "2001:db8::7");
}

TEST_CASE("Listeners hear of confirmed bindings only", "[registrar]") {
    Locations here;
    Journal journal;
    here.table.addListener(journal);
    const auto alice = here.prepare(kAlice, kAlicePhone).token;
    const auto bob = here.prepare("sip:bob@sip.example.test", "sip:bob@192.168.1.11").token;
    CHECK(journal.lines.empty());
    here.table.confirm(alice, 60);
    here.table.abandon(bob);
    here.table.confirm(alice, 60);
    here.clock.advance(66s);
    CHECK(journal.lines == std::vector<std::string>{"+1 alice", "+1 alice"});

    SECTION("expiry") {
        here.table.expire();
    }
    SECTION("a late refresh begins anew with the same token") {
        CHECK(here.prepare(kAlice, kAlicePhone).token == alice);
        here.table.abandon(alice);
    }
    REQUIRE(journal.lines.size() == 3);
    CHECK(journal.lines.back() == "-1 alice");
    here.table.removeListener(journal);
}

TEST_CASE("Known hosts are those of live bindings, not the provider's nor our own", "[registrar]") {
    Locations here;
    const auto bySource = here.enrol(kAlice, "sip:alice@pc.home.test");
    CHECK(here.table.knowsHost(at("192.168.1.10").ip));
    const auto spoofed = here.enrol("sip:m@sip.example.test", "sip:m@203.0.113.50");
    const auto stunned = here.enrol("sip:s@sip.example.test", "sip:s@203.0.113.1:5062");
    CHECK_FALSE(here.table.knowsHost(at("203.0.113.50").ip));
    CHECK_FALSE(here.table.knowsHost(at("203.0.113.1").ip));
    CHECK_FALSE(here.table.knowsHost({}));
    here.table.remove(bySource);
    here.table.remove(spoofed);
    CHECK(here.table.knowsHost(at("192.168.1.10").ip));
    here.table.remove(stunned);
    CHECK_FALSE(here.table.knowsHost(at("192.168.1.10").ip));
}

TEST_CASE("Ten thousand bindings come and go", "[registrar]") {
    Locations here;
    constexpr int kCount = 10'000;
    std::vector<std::string> tokens;
    for (int i = 0; i < kCount; ++i) {
        const auto user = "u" + std::to_string(i);
        tokens.push_back(
            here.enrol("sip:" + user + "@sip.example.test", "sip:" + user + "@192.168.1.10:5062"));
    }
    CHECK(here.table.confirmedCount() == kCount);
    CHECK(here.table.byAor(uri("sip:u77@sip.example.test")).size() == 1);
    for (int i = 0; i < kCount; i += 2) {
        CHECK(here.table.remove(tokens[static_cast<std::size_t>(i)]));
    }
    CHECK(here.table.snapshot().size() == kCount / 2);
    here.clock.advance(700s);
    CHECK(here.table.expire() == kCount / 2);
    CHECK(here.table.size() == 0);
    CHECK_FALSE(here.table.knowsHost(at("192.168.1.10").ip));
}

TEST_CASE("Bindings that we are the registrar of are found by user and by source", "[registrar]") {
    Locations here;
    here.enrol(kAlice, kAlicePhone);
    auto own = Locations::phone("sip:alice@192.168.1.1", "sip:alice@192.168.1.10:5062");
    own.provider = {};
    const auto token = here.table.prepare(own, {.host = kOutbound})->token;
    CHECK(here.table.ownByUser("alice").empty());
    CHECK(here.table.ownBySource(own.flow.remote) == nullptr);
    here.table.confirm(token, 60);
    REQUIRE(here.table.ownByUser("alice").size() == 1);
    CHECK(here.table.ownByUser("alice").front()->token == token);
    REQUIRE(here.table.ownBySource(own.flow.remote) != nullptr);
    CHECK(here.table.ownBySource(own.flow.remote)->token == token);
    CHECK(here.table.ownBySource(at("192.168.1.10", 5063)) == nullptr);
    here.table.remove(token);
    CHECK(here.table.ownByUser("alice").empty());
    CHECK(here.table.ownBySource(own.flow.remote) == nullptr);
}

TEST_CASE("A provider is known as long as somebody is registered there", "[registrar]") {
    Locations here;
    const auto first = here.enrol(kAlice, kAlicePhone);
    const auto second = here.enrol("sip:bob@sip.example.test", "sip:bob@192.168.1.11");
    CHECK(here.table.knowsProvider(at("203.0.113.50").ip));
    CHECK_FALSE(here.table.knowsProvider(at("203.0.113.51").ip));
    here.table.remove(first);
    CHECK(here.table.knowsProvider(at("203.0.113.50").ip));
    here.table.remove(second);
    CHECK_FALSE(here.table.knowsProvider(at("203.0.113.50").ip));
}

TEST_CASE("A binding behind a NAT goes with its connection, another one loses it", "[registrar]") {
    Locations here;
    auto phone = Locations::phone(kAlice, kAlicePhone);
    phone.flow.protocol = base::Protocol::Tcp;
    phone.flow.connection = 7;
    const auto open = here.table.prepare(phone, {.host = kOutbound})->token;
    here.table.confirm(open, 60);
    phone.aor = uri("sip:bob@sip.example.test");
    phone.natted = true;
    const auto natted = here.table.prepare(phone, {.host = kOutbound})->token;
    here.table.confirm(natted, 60);
    CHECK(here.table.connectionClosed(8) == 0);
    CHECK(here.table.connectionClosed(7) == 2);
    CHECK(here.table.find(natted) == nullptr);
    REQUIRE(here.table.find(open) != nullptr);
    CHECK(here.table.find(open)->flow.connection == 0);
    CHECK(here.table.connectionClosed(7) == 0);
}
