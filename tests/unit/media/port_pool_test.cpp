// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/port_pool.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/resource.h>

#include <set>

#include "media_peer.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace siproxd::media;
using test::ip;

namespace {

const char* const kInside = "127.0.0.1";
const char* const kOutside = "127.0.0.2";

PerLeg<base::IpAddress> twoInterfaces() {
    return {ip(kInside), ip(kOutside)};
}

PerLeg<base::IpAddress> oneInterface() {
    return {ip(kInside), ip(kInside)};
}

}  // namespace

TEST_CASE("twenty ports carry ten streams on a router with two interfaces", "[media][ports]") {
    test::FakeRandom random;
    const auto low = test::testPorts(20);
    PortPool pool(low, static_cast<std::uint16_t>(low + 19), 0, random);
    REQUIRE(pool.pairs() == 10);

    std::vector<StreamSockets> streams;
    std::vector<std::uint16_t> order;
    for (int i = 0; i < 10; ++i) {
        auto stream = pool.acquire(twoInterfaces());
        REQUIRE(stream);
        const auto& a = (*stream)[Leg::A];
        const auto& b = (*stream)[Leg::B];
        CHECK(a.port() == b.port());
        CHECK(a.port() % 2 == 0);
        CHECK(a.rtp.local().ip == ip(kInside));
        CHECK(b.rtp.local().ip == ip(kOutside));
        CHECK(a.rtcp.local().port == a.port() + 1);
        CHECK(b.rtcp.local().port == a.port() + 1);
        order.push_back(a.port());
        streams.push_back(std::move(*stream));
    }
    CHECK(std::set<std::uint16_t>(order.begin(), order.end()).size() == 10);
    CHECK_FALSE(std::is_sorted(order.begin(), order.end()));

    const auto none = pool.acquire(twoInterfaces());
    REQUIRE_FALSE(none);
    CHECK(none.error().message.find("no relay port is free") != std::string::npos);

    const PerLeg<std::uint16_t> ports(streams[3][Leg::A].port(), streams[3][Leg::B].port());
    streams.erase(streams.begin() + 3);
    pool.release(ports);
    const auto again = pool.acquire(twoInterfaces());
    REQUIRE(again);
    CHECK((*again)[Leg::A].port() == ports[Leg::A]);
}

TEST_CASE("one interface takes two pairs a stream", "[media][ports]") {
    test::FakeRandom random;
    const auto low = test::testPorts(6);
    PortPool pool(low, static_cast<std::uint16_t>(low + 5), 0, random);
    {
        const auto stream = pool.acquire(oneInterface());
        REQUIRE(stream);
        CHECK((*stream)[Leg::A].port() != (*stream)[Leg::B].port());
        CHECK(pool.freePairs() == 1);
        CHECK_FALSE(pool.acquire(oneInterface()));
        CHECK(pool.freePairs() == 1);
        pool.release({(*stream)[Leg::A].port(), (*stream)[Leg::B].port()});
    }
    CHECK(pool.freePairs() == 3);
}

TEST_CASE("a port that another program holds is passed over", "[media][ports]") {
    test::FakeRandom random;
    const auto low = test::testPorts(4);
    PortPool pool(low, static_cast<std::uint16_t>(low + 3), 0, random);
    // An RTCP port on one of the two addresses is enough to spoil the pair.
    const test::MediaPeer other(kOutside, static_cast<std::uint16_t>(low + 1));
    for (int i = 0; i < 8; ++i) {
        const auto stream = pool.acquire(twoInterfaces());
        REQUIRE(stream);
        CHECK((*stream)[Leg::A].port() == low + 2);
        CHECK_FALSE(pool.acquire(twoInterfaces()));
        pool.release({(*stream)[Leg::A].port(), (*stream)[Leg::B].port()});
    }
    CHECK(pool.freePairs() == 2);
}

TEST_CASE("an address that is not ours is told, not taken for busy ports", "[media][ports]") {
    test::FakeRandom random;
    const auto low = test::testPorts(4);
    PortPool pool(low, static_cast<std::uint16_t>(low + 3), 0, random);
    const auto stream = pool.acquire({ip(kInside), ip("192.0.2.1")});
    REQUIRE_FALSE(stream);
    CHECK(stream.error().message.find("192.0.2.1") != std::string::npos);
    CHECK(pool.freePairs() == 2);
}

TEST_CASE("running out of descriptors leaks nothing", "[media][ports]") {
    test::FakeRandom random;
    const auto low = test::testPorts(4);
    PortPool pool(low, static_cast<std::uint16_t>(low + 3), 0, random);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const auto next = static_cast<rlim_t>(test::MediaPeer(kInside).fd());
    const rlimit tight{next + 2, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    const auto stream = pool.acquire(twoInterfaces());
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK_FALSE(stream);
    CHECK(pool.freePairs() == 2);
    CHECK(pool.acquire(twoInterfaces()));
}

TEST_CASE("pairs stay within the range and begin even", "[media][ports]") {
    test::FakeRandom random;
    const auto pairs = [&random](std::uint16_t low, std::uint16_t high) {
        return PortPool(low, high, 0, random).pairs();
    };
    CHECK(pairs(7070, 7089) == 10);
    CHECK(pairs(7071, 7089) == 9);
    CHECK(pairs(7070, 7088) == 9);
    CHECK(pairs(7070, 7070) == 0);
    CHECK(pairs(7089, 7070) == 0);
    CHECK(pairs(0, 0) == 0);
    CHECK(pairs(65530, 65535) == 3);
    CHECK(pairs(65535, 65535) == 0);
}

TEST_CASE("rtp_dscp marks RTP and RTCP of both families", "[media][ports]") {
    test::FakeRandom random;
    const auto low = test::testPorts(2);
    PortPool pool(low, static_cast<std::uint16_t>(low + 1), 46, random);
    const bool v6 = test::hasIpv6();
    const auto stream = pool.acquire({ip(kInside), ip(v6 ? "::1" : kOutside)});
    REQUIRE(stream);
    const auto octet = [](const net::UdpSocket& socket) {
        const bool isV6 = socket.local().ip.isV6();
        int value = -1;
        socklen_t size = sizeof value;
        ::getsockopt(socket.fd(), isV6 ? IPPROTO_IPV6 : IPPROTO_IP, isV6 ? IPV6_TCLASS : IP_TOS,
                     &value, &size);
        return value;
    };
    for (const auto& leg : *stream) {
        CHECK(octet(leg.rtp) == 46 << 2);
        CHECK(octet(leg.rtcp) == 46 << 2);
    }
}
