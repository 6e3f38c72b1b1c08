// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using test::option;

extern "C" const siproxd_plugin plugin_fix_bogus_via_LTX_siproxd_plugin;

namespace {

struct Fixture {
    explicit Fixture(const std::string& networks = "10.0.0.0/8, 192.168.0.0/16, fd00::/8") {
        REQUIRE(chain.add(plugin_fix_bogus_via_LTX_siproxd_plugin,
                          {option("plugin_fix_bogus_via_networks", networks)}));
    }

    /// The topmost Via that an INVITE with this one has behind the plugin.
    std::string viaOf(const std::string& via, std::string_view source = "203.0.113.9",
                      Direction direction = Direction::RequestIncoming) {
        test::Shown shown(test::request(), direction);
        shown.message.setVia(0, *sip::Via::parse(via));
        shown.message.addHeader("Via", "SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKbelow");
        shown.context.flow.remote = test::address(source, 2048);
        CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
        CHECK(shown.message.via(1)->toString() == "SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKbelow");
        return shown.message.via(0)->toString();
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

}  // namespace

TEST_CASE("a bogus Via names the source of the packet", "[plugin_fix_bogus_via]") {
    Fixture f;
    CHECK(f.viaOf("SIP/2.0/UDP 192.168.1.5:5062;branch=z9hG4bKa;received=203.0.113.9") ==
          "SIP/2.0/UDP 203.0.113.9:2048;branch=z9hG4bKa;received=203.0.113.9");
    CHECK(f.viaOf("SIP/2.0/UDP 10.1.2.3;branch=z9hG4bKa") ==
          "SIP/2.0/UDP 203.0.113.9:2048;branch=z9hG4bKa");
    CHECK(f.viaOf("SIP/2.0/UDP [fd00::5]:5062;branch=z9hG4bKa", "2001:db8::9") ==
          "SIP/2.0/UDP [2001:db8::9]:2048;branch=z9hG4bKa");
}

TEST_CASE("a Via that is not bogus stays", "[plugin_fix_bogus_via]") {
    Fixture f;
    const std::string via = GENERATE(
        "SIP/2.0/UDP 203.0.113.9:5062;branch=z9hG4bKa", "SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKa",
        "SIP/2.0/UDP pbx.example;branch=z9hG4bKa", "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKa");
    CHECK(f.viaOf(via) == via);
}

TEST_CASE("somebody in the networks may say where he is himself", "[plugin_fix_bogus_via]") {
    // His port is where he wants to be answered, whatever he sends from.
    Fixture f;
    CHECK(f.viaOf("SIP/2.0/UDP 10.1.2.3:5070;branch=z9hG4bKa", "10.1.2.3") ==
          "SIP/2.0/UDP 10.1.2.3:5070;branch=z9hG4bKa");
}

TEST_CASE("only requests from outside are looked at", "[plugin_fix_bogus_via]") {
    Fixture f;
    const std::string via = "SIP/2.0/UDP 192.168.1.5:5062;branch=z9hG4bKa";
    const auto direction = GENERATE(Direction::Unknown, Direction::RequestOutgoing,
                                    Direction::ResponseIncoming, Direction::ResponseOutgoing);
    CHECK(f.viaOf(via, "203.0.113.9", direction) == via);
}

TEST_CASE("without networks fix_bogus_via says so and does nothing", "[plugin_fix_bogus_via]") {
    const test::LogSpy spy;
    Fixture f("");
    CHECK(spy.has("plugin_fix_bogus_via has nothing to do"));
    const std::string via = "SIP/2.0/UDP 192.168.1.5:5062;branch=z9hG4bKa";
    CHECK(f.viaOf(via) == via);
}

TEST_CASE("networks that are none keep fix_bogus_via out", "[plugin_fix_bogus_via]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_fix_bogus_via_LTX_siproxd_plugin,
                          {option("plugin_fix_bogus_via_networks", "10.0.0.0", 7)}));
    CHECK(spy.has("siproxd.conf:7: plugin_fix_bogus_via_networks = 10.0.0.0: "));
}
