// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/plugin_services.h"

#include "harness.h"
#include "probe.h"
#include "unit/dns/fake_records.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

struct Fixture {
    std::vector<plugin::BindingView> show(plugin::BindingQuery query, std::string_view text = "") {
        std::vector<plugin::BindingView> seen;
        services.bindings(query, text, [&](const plugin::BindingView& binding) {
            seen.push_back(binding);
            return seen.size() < most;
        });
        return seen;
    }

    House house;
    FakeRecords records{house.loop};
    std::vector<std::optional<base::IpAddress>> announced;
    proxy::PluginServices services{house.chain, house.locations, *house.proxy, records,
                                   [this](std::optional<base::IpAddress> ip) { announced.push_back(ip); }};
    std::size_t most = 10;
};

}  // namespace

TEST_CASE("plugins see a registration at a provider as both sides know it", "[proxy]") {
    Fixture f;
    const auto shown = f.house.enrol();
    const auto all = f.show(plugin::BindingQuery::All);
    REQUIRE(all.size() == 1);
    CHECK(all[0].aor == "sip:alice@example.org");
    CHECK(all[0].contact.starts_with("sip:alice@10.0.0.10"));
    CHECK(all[0].shown == shown.toString());
    CHECK(all[0].source == kPhone.toString());
    CHECK(all[0].expires > f.house.loop.wallNow());
}

TEST_CASE("plugins find registrations by what they know of them", "[proxy]") {
    Fixture f;
    const auto shown = f.house.enrol();
    CHECK(f.show(plugin::BindingQuery::OfAor, "sip:alice@example.org").size() == 1);
    CHECK(f.show(plugin::BindingQuery::OfAor, "sip:bob@example.org").empty());
    CHECK(f.show(plugin::BindingQuery::OfAor, "not a URI").empty());
    CHECK(f.show(plugin::BindingQuery::OfContactHost, "10.0.0.10").size() == 1);
    CHECK(f.show(plugin::BindingQuery::OfContactHost, "10.0.0.11").empty());
    CHECK(f.show(plugin::BindingQuery::OfShown, shown.toString()).size() == 1);
    CHECK(f.show(plugin::BindingQuery::OfShown, "sip:alice@203.0.113.1;siproxd=0123456789abcdef").empty());
    f.most = 0;
    CHECK(f.show(plugin::BindingQuery::All).size() == 1);
    f.house.loop.advance(24h);
    f.house.locations.expire();
    CHECK(f.show(plugin::BindingQuery::All).empty());
    CHECK(f.show(plugin::BindingQuery::OfContactHost, "10.0.0.10").empty());
}

namespace {

/// Keeps what a plugin is told.
struct Told {
    std::vector<std::string> texts;
    bool isDone = false;

    static void addresses(void* context, const char* const* ips, std::size_t count, const char* why) {
        auto& told = *static_cast<Told*>(context);
        told.isDone = true;
        told.texts.assign(ips, ips + count);
        CHECK((why == nullptr) == (count > 0));
    }
    static void naptr(void* context, const siproxd_naptr* records, std::size_t count, const char* why) {
        auto& told = *static_cast<Told*>(context);
        told.isDone = true;
        for (std::size_t i = 0; i < count; ++i) {
            told.texts.push_back(std::to_string(records[i].order) + " " + records[i].flags + " " +
                                 records[i].service + " " + records[i].regexp + records[i].replacement);
        }
        CHECK((why == nullptr) == (count > 0));
    }
    static int datagram(void* context, const void* data, std::size_t size) {
        auto& told = *static_cast<Told*>(context);
        told.texts.emplace_back(data == nullptr ? "(nothing)"
                                                : std::string(static_cast<const char*>(data), size));
        return told.isDone ? 1 : 0;
    }
};

int goOn(const siproxd_host&, siproxd_message*) {
    return SIPROXD_CONTINUE;
}

}  // namespace

TEST_CASE("plugins ask the name servers", "[proxy]") {
    Fixture f;
    Probe probe(f.house, SIPROXD_STAGE_PRE_PROXY, goOn);
    f.house.chain.setServices(&f.services);
    f.records.addresses("stun.example.test", {"192.0.2.9", "2001:db8::9"});
    f.records.naptr("4.3.2.1.e164.arpa", {{10, 1, "u", "E2U+sip", "", "!^.*$!sip:a@example.test!"}});
    Told addresses;
    Told naptr;
    Told none;
    Told forgotten;
    const auto& host = *probe.host;
    CHECK(host.dns_addresses(probe.self, "stun.example.test", Told::addresses, &addresses) != 0);
    CHECK(host.dns_naptr(probe.self, "4.3.2.1.e164.arpa", Told::naptr, &naptr) != 0);
    CHECK(host.dns_naptr(probe.self, "5.e164.arpa", Told::naptr, &none) != 0);
    const auto late = host.dns_addresses(probe.self, "stun.example.test", Told::addresses, &forgotten);
    host.dns_forget(probe.self, late);
    CHECK_FALSE(addresses.isDone);
    f.house.loop.advance(1s);
    CHECK(addresses.texts == std::vector<std::string>{"192.0.2.9", "2001:db8::9"});
    CHECK(naptr.texts == std::vector<std::string>{"10 u E2U+sip !^.*$!sip:a@example.test!"});
    CHECK(none.isDone);
    CHECK(none.texts.empty());
    CHECK_FALSE(forgotten.isDone);
    host.dns_forget(probe.self, late);
}

TEST_CASE("plugins exchange datagrams by the SIP socket", "[proxy]") {
    Fixture f;
    Probe probe(f.house, SIPROXD_STAGE_PRE_PROXY, goOn);
    f.house.chain.setServices(&f.services);
    const auto& host = *probe.host;
    Told told;
    const auto id = host.datagram_send(probe.self, "203.0.113.9:3478", "ask", 3, 2000, Told::datagram, &told);
    REQUIRE(id != 0);
    const auto sent = f.house.takeRaw();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].first == "ask");
    CHECK(sent[0].second.remote == at("203.0.113.9", 3478));
    CHECK(sent[0].second.local.ip == f.house.outside.ip);
    const auto comes = [&](const char* text, std::uint16_t port) {
        f.house.receive(text, at("203.0.113.9", port), proxy::Side::Outside);
    };
    comes("from elsewhere", 3479);
    CHECK(told.texts.empty());
    comes("not it", 3478);
    told.isDone = true;
    comes("it", 3478);
    comes("once more", 3478);
    CHECK(told.texts == std::vector<std::string>{"not it", "it"});
    f.house.loop.advance(3s);
    CHECK(told.texts.size() == 2);
    SECTION("and hear when nothing comes") {
        CHECK(host.datagram_send(probe.self, "203.0.113.9:3478", "ask", 3, 2000, Told::datagram, &told) != 0);
        f.house.loop.advance(1900ms);
        CHECK(told.texts.size() == 2);
        f.house.loop.advance(200ms);
        CHECK(told.texts.back() == "(nothing)");
    }
    SECTION("or do not want it any more") {
        const auto again =
            host.datagram_send(probe.self, "203.0.113.9:3478", "ask", 3, 2000, Told::datagram, &told);
        host.datagram_forget(probe.self, again);
        f.house.loop.advance(3s);
        CHECK(told.texts.size() == 2);
    }
    SECTION("not even while they look at one") {
        struct Looking {
            const siproxd_host& host;
            siproxd_self* self;
            std::uint64_t id = 0;
            int times = 0;

            static int at(void* context, const void*, std::size_t) {
                auto& looking = *static_cast<Looking*>(context);
                ++looking.times;
                looking.host.datagram_forget(looking.self, looking.id);
                return 0;
            }
        };
        Looking looking{host, probe.self};
        looking.id = host.datagram_send(probe.self, "203.0.113.9:3478", "ask", 3, 2000, Looking::at, &looking);
        comes("not it", 3478);
        comes("it", 3478);
        f.house.loop.advance(3s);
        CHECK(looking.times == 1);
    }
    SECTION("within bounds") {
        std::size_t taken = 0;
        for (int i = 0; i < 100; ++i) {
            taken += host.datagram_send(probe.self, "203.0.113.9:3478", "x", 1, 2000, Told::datagram, &told) != 0;
        }
        CHECK(taken == 64);
    }
    SECTION("to addresses only") {
        for (const char* nowhere : {"stun.example.test:3478", "203.0.113.9:0", "203.0.113.9", ""}) {
            INFO(nowhere);
            CHECK(host.datagram_send(probe.self, nowhere, "x", 1, 2000, Told::datagram, &told) == 0);
        }
    }
    static_cast<void>(f.house.takeRaw());
}

TEST_CASE("plugins say what our address is", "[proxy]") {
    Fixture f;
    Probe probe(f.house, SIPROXD_STAGE_PRE_PROXY, goOn);
    const auto& host = *probe.host;
    CHECK(host.announce(probe.self, "198.51.100.1") == 0);
    CHECK(host.announce(probe.self, nullptr) == 0);
    CHECK(host.announce(probe.self, "example.test") != 0);
    CHECK(host.announce(probe.self, "0.0.0.0") != 0);
    REQUIRE(f.announced.size() == 2);
    CHECK(f.announced[0] == ip("198.51.100.1"));
    CHECK_FALSE(f.announced[1].has_value());
}

TEST_CASE("plugins see what comes, whoever has sent it", "[proxy]") {
    House house;
    std::vector<std::string> seen;
    Probe probe(house, SIPROXD_STAGE_PRE_PROXY, goOn, {}, [&](const siproxd_packet& packet) {
        seen.push_back(std::string(packet.is_sent != 0 ? "to " : "from ") + packet.remote_ip + ":" +
                       std::to_string(packet.remote_port) + " " + packet.local_ip + " " +
                       std::string(packet.data, std::min<std::size_t>(packet.length, 6)));
    });
    house.receive("no message of any kind", at("203.0.113.9"), proxy::Side::Outside);
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == "from 203.0.113.9:5060 203.0.113.1 no mes");
    CHECK(seen[1] == "from 10.0.0.10:5060 10.0.0.1 INVITE");
    house.fromOutside(answerTo(house.takeOutside(), 486));
}

TEST_CASE("plugins learn who is a user of ours", "[proxy]") {
    HouseOptions options;
    options.proxy.registrar.domains = {"home.example", "second.example"};
    House house(std::move(options));
    FakeRecords records{house.loop};
    proxy::PluginServices services{house.chain, house.locations, *house.proxy, records, [](auto) {}};
    Probe probe(house, SIPROXD_STAGE_PRE_PROXY, goOn);
    house.chain.setServices(&services);
    const auto own = [&](const char* uri) {
        const char* text = probe.host->own_user(probe.self, uri);
        return std::string(text == nullptr ? "-" : text);
    };
    CHECK(own("sip:alice@home.example") == "alice@home.example");
    CHECK(own("sip:alice@Second.example:5060") == "alice@home.example");
    CHECK(own("sip:alice@10.0.0.1") == "-");
    CHECK(own("sip:alice@other.example") == "-");
    CHECK(own("sip:home.example") == "-");
    CHECK(own("rubbish") == "-");
    house.fromInside(fromAlice("REGISTER", "sip:home.example").set("To", "<sip:alice@home.example>").set("From", "<sip:alice@home.example>;tag=1"));
    CHECK(house.takeInside().message.status() == 200);
    CHECK(own("sip:alice@10.0.0.1") == "alice@home.example");
}
