// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Stage;
using test::option;

extern "C" const siproxd_plugin plugin_fix_DTAG_LTX_siproxd_plugin;

namespace {

constexpr const char* kOwn = "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKown";
constexpr const char* kTheirs = "SIP/2.0/UDP 217.0.20.5:5061;branch=z9hG4bKtheirs;received=1.2.3.4";

struct Fixture {
    explicit Fixture(const std::string& networks = "217.0.0.0/13, 2003::/19") {
        REQUIRE(chain.add(plugin_fix_DTAG_LTX_siproxd_plugin,
                          {option("plugin_fix_DTAG_networks", networks)}));
    }

    /// A request leaves with that Via of ours.
    void send(const std::string& via, const std::string& callId = "c1@192.168.1.10",
              Direction direction = Direction::RequestOutgoing) {
        test::Shown shown(test::request(), direction);
        shown.message.setVia(0, *sip::Via::parse(via));
        shown.message.setCallId(callId);
        CHECK(chain.run(Stage::PostProxy, shown.context).goesOn());
    }

    /// The topmost Via of a response behind the plugin.
    std::string viaOf(const std::string& via, std::string_view source = "217.0.20.6",
                      const std::string& cseq = "7 INVITE") {
        test::Shown shown(test::response(), Direction::Unknown);
        shown.message.popVia();
        shown.message.setVia(0, *sip::Via::parse(via));
        shown.message.setHeader("CSeq", cseq);
        shown.context.flow.remote = test::address(source, 5060);
        CHECK(chain.run(Stage::Validate, shown.context).goesOn());
        CHECK(shown.message.viaCount() == 1);
        return shown.message.via(0)->toString();
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

}  // namespace

TEST_CASE("our Via comes back in place of theirs", "[plugin_fix_DTAG]") {
    Fixture f;
    f.send(kOwn);
    CHECK(f.viaOf(kTheirs) == "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKown;received=1.2.3.4");
    // A 200 that is repeated, and the answer to the CANCEL.
    CHECK(f.viaOf("SIP/2.0/TCP 217.0.20.5;branch=z9hG4bKx") == kOwn);
    CHECK(f.viaOf("SIP/2.0/UDP 217.0.20.5;branch=z9hG4bKx", "217.0.20.6", "7 CANCEL") == kOwn);
}

TEST_CASE("fix_DTAG knows IPv6 and Vias without a port", "[plugin_fix_DTAG]") {
    Fixture f;
    f.send("SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKown");
    CHECK(f.viaOf("SIP/2.0/UDP [2003::5]:5061;branch=z9hG4bKtheirs", "2003::6") ==
          "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKown");
}

TEST_CASE("the branch tells which of several requests is answered", "[plugin_fix_DTAG]") {
    Fixture f;
    f.send("SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKone");
    f.send("SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKtwo");
    CHECK(f.viaOf("SIP/2.0/UDP 217.0.20.5;branch=z9hG4bKone") ==
          "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKone");
    CHECK(f.viaOf(kTheirs).starts_with("SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKtwo"));
}

TEST_CASE("only what both comes from there and is said to be for there is mended",
          "[plugin_fix_DTAG]") {
    Fixture f;
    f.send(kOwn);
    CHECK(f.viaOf(kTheirs, "198.51.100.5") == kTheirs);
    const std::string elsewhere = "SIP/2.0/UDP 198.51.100.5;branch=z9hG4bKtheirs";
    CHECK(f.viaOf(elsewhere) == elsewhere);
}

TEST_CASE("answers to what we have not sent stay as they are", "[plugin_fix_DTAG]") {
    Fixture f;
    CHECK(f.viaOf(kTheirs) == kTheirs);
    f.send(kOwn, "other@192.168.1.10");
    CHECK(f.viaOf(kTheirs) == kTheirs);
    f.send(kOwn, "c1@192.168.1.10", Direction::RequestIncoming);
    CHECK(f.viaOf(kTheirs) == kTheirs);
    f.send(kOwn);
    CHECK(f.viaOf(kTheirs, "217.0.20.6", "8 INVITE") == kTheirs);
}

TEST_CASE("requests that have left are not remembered for ever", "[plugin_fix_DTAG]") {
    Fixture f;
    f.send(kOwn);
    SECTION("by time") {
        f.loop.advance(std::chrono::minutes(31));
        f.send(kOwn, "other@192.168.1.10");
    }
    SECTION("by number") {
        for (int i = 0; i < 10'000; ++i) {
            f.send(kOwn, "call" + std::to_string(i));
        }
    }
    CHECK(f.viaOf(kTheirs) == kTheirs);
}

TEST_CASE("networks that are none keep fix_DTAG out, no networks are warned about",
          "[plugin_fix_DTAG]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_fix_DTAG_LTX_siproxd_plugin,
                          {option("plugin_fix_DTAG_networks", "217.0.0.0/40", 7)}));
    CHECK(spy.has("siproxd.conf:7: plugin_fix_DTAG_networks = 217.0.0.0/40: "));
    CHECK(chain.add(plugin_fix_DTAG_LTX_siproxd_plugin));
    CHECK(spy.has("plugin_fix_DTAG has nothing to do"));
}
