// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/announced.h"

#include <string_view>
#include <vector>

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;
using test::at;
using test::ip;

namespace {

Announced announce(const char* host, std::uint16_t port, std::string_view sipSource) {
    Announced announced;
    announced.rtp = at(host, port);
    announced.sipSource = sipSource.empty() ? base::IpAddress() : ip(sipSource);
    return announced;
}

}  // namespace

TEST_CASE("the SDP is believed unless a NAT stands before it", "[media]") {
    struct Case {
        const char* what;
        Announced announced;
        Expectation rtp;
        Expectation rtcp;
    };
    auto natted = announce("198.51.100.9", 4000, "203.0.113.5");
    natted.natted = true;
    auto nattedUnknown = announce("198.51.100.9", 4000, "");
    nattedUnknown.natted = true;
    auto withRtcp = announce("198.51.100.9", 4000, "198.51.100.9");
    withRtcp.rtcp = at("198.51.100.10", 5001);
    const auto known = [](const char* host, std::uint16_t port) {
        return Expectation{at(host, port), ip(host), false};
    };
    const auto hidden = [](const char* host) { return Expectation{{}, ip(host), false}; };
    const std::vector<Case> cases{
        {"public", announce("198.51.100.9", 4000, "198.51.100.9"), known("198.51.100.9", 4000),
         known("198.51.100.9", 4001)},
        {"media server apart", announce("198.51.100.9", 4000, "203.0.113.5"),
         known("198.51.100.9", 4000), known("198.51.100.9", 4001)},
        {"phone on the LAN", announce("192.168.1.10", 4000, "192.168.1.10"),
         known("192.168.1.10", 4000), known("192.168.1.10", 4001)},
        {"routed LAN", announce("192.168.1.10", 4000, "10.0.0.1"), known("192.168.1.10", 4000),
         known("192.168.1.10", 4001)},
        {"phone behind a far NAT", announce("192.168.1.10", 4000, "203.0.113.5"),
         hidden("203.0.113.5"), hidden("203.0.113.5")},
        {"shared address space", announce("100.64.1.10", 4000, "203.0.113.5"),
         hidden("203.0.113.5"), hidden("203.0.113.5")},
        {"caller knows of a NAT", natted, hidden("203.0.113.5"), hidden("203.0.113.5")},
        {"NAT but source unknown", nattedUnknown, known("198.51.100.9", 4000),
         known("198.51.100.9", 4001)},
        {"private, source unknown", announce("10.1.1.1", 4000, ""), known("10.1.1.1", 4000),
         known("10.1.1.1", 4001)},
        {"hold of old", announce("0.0.0.0", 4000, "203.0.113.5"),
         {{}, ip("203.0.113.5"), true}, {{}, ip("203.0.113.5"), true}},
        {"a=rtcp elsewhere", withRtcp, known("198.51.100.9", 4000), known("198.51.100.10", 5001)},
        {"last port", announce("198.51.100.9", 65535, ""), known("198.51.100.9", 65535),
         {{}, ip("198.51.100.9"), false}},
        {"IPv6", announce("2001:db8::9", 4000, ""), known("2001:db8::9", 4000),
         known("2001:db8::9", 4001)},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        CHECK(expectedRtp(c.announced) == c.rtp);
        CHECK(expectedRtcp(c.announced) == c.rtcp);
    }
}

TEST_CASE("the SIP peer and trusted hosts are no strangers", "[media]") {
    CHECK(sendingIsLimited(announce("198.51.100.9", 4000, "203.0.113.5")));
    CHECK(sendingIsLimited(announce("198.51.100.9", 4000, "")));
    CHECK_FALSE(sendingIsLimited(announce("198.51.100.9", 4000, "198.51.100.9")));
    auto trusted = announce("198.51.100.9", 4000, "203.0.113.5");
    trusted.trusted = true;
    CHECK_FALSE(sendingIsLimited(trusted));
    auto elsewhere = announce("198.51.100.9", 4000, "198.51.100.9");
    elsewhere.rtcp = at("192.0.2.66", 5001);
    CHECK(sendingIsLimited(elsewhere));
}
