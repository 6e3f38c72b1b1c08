// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/contact_alias.h"

#include "fixture.h"

using namespace siproxd;
using namespace siproxd::test;
using namespace std::chrono_literals;
using registrar::ContactAliases;

namespace {

struct Aliases {
    FakeLoop clock;
    FakeRandom random;
    ContactAliases aliases{clock, random, 3};

    std::string obtain(const char* contact) {
        return aliases.obtain(uri(contact), {base::Protocol::Udp, at("192.168.1.1"), at("192.168.1.10"), 0})
            .token;
    }
};

}  // namespace

TEST_CASE("A Contact has one alias, another Contact another one", "[registrar]") {
    Aliases here;
    const auto token = here.obtain("sip:a@192.168.1.10;ob");
    CHECK(token.size() == 16);
    CHECK(here.obtain("sip:a@192.168.1.10;ob") == token);
    CHECK(here.obtain("sip:a@192.168.1.10") != token);
    REQUIRE(here.aliases.find(token) != nullptr);
    CHECK(here.aliases.find(token)->contact == uri("sip:a@192.168.1.10;ob"));
    here.aliases.obtain(uri("sip:a@192.168.1.10;ob"),
                        {base::Protocol::Udp, at("192.168.1.1"), at("192.168.1.10", 7), 0});
    CHECK(here.aliases.find(token)->flow.remote == at("192.168.1.10", 7));
    CHECK(here.aliases.find("") == nullptr);
}

TEST_CASE("Who names another one's Contact does not get what is sent to it", "[registrar]") {
    Aliases here;
    const auto token = here.obtain("sip:a@192.168.1.10");
    const base::Flow other{base::Protocol::Tcp, at("192.168.1.1"), at("192.168.1.66", 7), 5};
    CHECK(here.aliases.obtain(uri("sip:a@192.168.1.10"), other).token != token);
    CHECK(here.aliases.find(token)->flow.remote == at("192.168.1.10"));
}

TEST_CASE("Aliases of the outside make no room among those of phones", "[registrar]") {
    Aliases here;
    const auto token = here.obtain("sip:a@192.168.1.10");
    for (std::uint16_t port = 6000; port < 6010; ++port) {
        auto contact = uri("sip:x@192.168.0.7");
        contact.port = port;
        static_cast<void>(here.aliases.obtainNatted(
            contact, {base::Protocol::Udp, at("192.168.1.1"), at("203.0.113.9"), 0}));
    }
    CHECK(here.aliases.size() == 4);
    CHECK(here.aliases.find(token) != nullptr);
}

TEST_CASE("The least recently used alias makes room", "[registrar]") {
    Aliases here;
    const auto a = here.obtain("sip:a@192.168.1.10");
    const auto b = here.obtain("sip:b@192.168.1.10");
    const auto c = here.obtain("sip:c@192.168.1.10");
    CHECK(here.aliases.find(a) != nullptr);
    const auto d = here.obtain("sip:d@192.168.1.10");
    CHECK(here.aliases.size() == 3);
    CHECK(here.aliases.find(a) != nullptr);
    CHECK(here.aliases.find(b) == nullptr);
    CHECK(here.aliases.find(c) != nullptr);
    CHECK(here.aliases.find(d) != nullptr);
}

TEST_CASE("An alias lives a day longer than its last use", "[registrar]") {
    Aliases here;
    const auto a = here.obtain("sip:a@192.168.1.10");
    const auto b = here.obtain("sip:b@192.168.1.10");
    here.clock.advance(20h);
    CHECK(here.aliases.find(a) != nullptr);
    here.clock.advance(5h);
    CHECK(here.aliases.find(a) != nullptr);
    CHECK(here.aliases.find(b) == nullptr);
    here.clock.advance(25h);
    CHECK(here.aliases.find(a) == nullptr);
    CHECK(here.aliases.size() == 0);
}

TEST_CASE("The token of a binding that goes still leads to the phone", "[registrar]") {
    Aliases here;
    const auto before = here.obtain("sip:a@192.168.1.10");
    registrar::Binding binding;
    binding.token = "0123456789abcdef";
    binding.contact = uri("sip:a@192.168.1.10");
    binding.flow = {base::Protocol::Udp, at("192.168.1.1"), at("192.168.1.10"), 0};
    here.aliases.adopt(binding);
    here.aliases.adopt(binding);
    CHECK(here.aliases.size() == 2);
    REQUIRE(here.aliases.find(binding.token) != nullptr);
    CHECK(here.aliases.find(binding.token)->contact == binding.contact);
    CHECK(here.aliases.find(before) != nullptr);
    CHECK(here.obtain("sip:a@192.168.1.10") == binding.token);
    here.clock.advance(25h);
    CHECK(here.aliases.find(before) == nullptr);
    CHECK(here.aliases.size() == 0);
}
