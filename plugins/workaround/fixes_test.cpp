// SPDX-License-Identifier: GPL-2.0-or-later
// Masks, lists, session descriptions.
#include "fixes.h"

#include "known_devices.h"
#include "support/catch.h"

using namespace workaround;

TEST_CASE("masks of devices", "[plugin_workaround]") {
    CHECK(matches("Acme SIP*", "acme sip 2.0"));
    CHECK(matches("*phone*", "Some Phone/1"));
    CHECK(matches("Foo-??", "foo-12"));
    CHECK_FALSE(matches("Foo-??", "foo-123"));
    CHECK_FALSE(matches("Acme", "Acme 2"));
    CHECK(matches("*", ""));
    CHECK_FALSE(matches("", "x"));
    CHECK(matches("", ""));
}

TEST_CASE("members are taken out of lists", "[plugin_workaround]") {
    CHECK(without("100rel, timer,replaces", {"timer"}) == "100rel, replaces");
    CHECK(without("TIMER;x=1", {"timer"}) == "");
    CHECK_FALSE(without("100rel, timers", {"timer"}));
    CHECK_FALSE(without("", {"timer"}));
    CHECK(without(" a ,, b ", {"a"}) == "b");
}

TEST_CASE("media is where the message comes from", "[plugin_workaround]") {
    const std::string before = "v=0\r\no=- 1 1 IN IP4 10.9.9.9\r\nc=IN IP4 10.9.9.9\r\nm=audio 4000 RTP/AVP 0\r\n";
    CHECK(connectedTo(before, "192.0.2.1") ==
          "v=0\r\no=- 1 1 IN IP4 10.9.9.9\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n");
    CHECK(connectedTo(before, "2001:db8::1")->find("c=IN IP6 2001:db8::1\r\n") != std::string::npos);
    CHECK_FALSE(connectedTo("v=0\r\nc=IN IP4 192.0.2.1\r\n", "192.0.2.1"));
    CHECK_FALSE(connectedTo("v=0\r\nc=IN IP4 0.0.0.0\r\n", "192.0.2.1"));
    CHECK_FALSE(connectedTo("no description\r\nc=IN IP4 10.9.9.9\r\n", "192.0.2.1"));
    CHECK(connectedTo("v=0\nm=audio 1 RTP/AVP 0\nc=IN IP4 10.9.9.9", "192.0.2.1") ==
          "v=0\nm=audio 1 RTP/AVP 0\nc=IN IP4 192.0.2.1");
}

TEST_CASE("devices are remembered, not too many of them", "[plugin_workaround]") {
    KnownDevices devices;
    devices.note("10.0.0.1", "Acme");
    devices.note("", "Acme");
    devices.note("10.0.0.2", "");
    CHECK(devices.size() == 1);
    devices.note("10.0.0.1", "Foo");
    CHECK(devices.at("10.0.0.1") == "Foo");
    CHECK(devices.at("10.0.0.2").empty());
    for (int i = 0; i < 10'000; ++i) {
        devices.note("x" + std::to_string(i), "Acme");
    }
    CHECK(devices.size() == 10'000);
    CHECK(devices.at("10.0.0.1").empty());
}
