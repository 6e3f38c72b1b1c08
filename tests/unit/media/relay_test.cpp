// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/relay.h"

#include "media_peer.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace std::chrono_literals;
using test::eventually;
using test::ip;
using test::MediaPeer;

namespace {

const char* const kInside = "127.0.0.1";
const char* const kOutside = "127.0.0.2";
constexpr std::uint32_t kPhoneSsrc = 0x11111111;
constexpr std::uint32_t kProviderSsrc = 0x22222222;

/// A relay on a few ports and one call through it.
struct Bench {
    explicit Bench(unsigned ports = 4, unsigned threads = 1)
        : low(test::testPorts(ports)), relay(make(ports, threads)),
          call(relay->open("call-1", nullptr)) {}

    std::unique_ptr<Relay> make(unsigned ports, unsigned threads, unsigned packetRate = 0,
                                base::Duration inputDelay = {}) {
        RelaySettings settings;
        settings.packetRate = packetRate;
        settings.inputDelay = inputDelay;
        settings.portLow = low;
        settings.portHigh = static_cast<std::uint16_t>(low + ports - 1);
        settings.threads = threads;
        settings.threadStackKb = 128;
        auto made = Relay::create(settings, loop, random);
        REQUIRE(made);
        return std::move(*made);
    }

    void limit(unsigned packetRate) {
        call.reset();
        relay = make(4, 1, packetRate);
        call = relay->open("call-1", nullptr);
    }

    void holdBack(base::Duration delay) {
        call.reset();
        relay = make(4, 1, 0, delay);
        call = relay->open("call-1", nullptr);
    }

    /// Opens stream 0, both parties announced.
    void connect(const base::SocketAddress& a, const base::SocketAddress& b,
                 const char* localA = kInside, const char* localB = kOutside) {
        const auto ports = call->openStream(0, ip(localA), ip(localB));
        REQUIRE(ports);
        toA = {ip(localA), (*ports)[Leg::A]};
        toB = {ip(localB), (*ports)[Leg::B]};
        announce(Leg::A, a);
        announce(Leg::B, b);
    }

    void announce(Leg leg, const base::SocketAddress& address, Framing framing = Framing::Rtp) {
        Announced announced;
        announced.rtp = address;
        announced.framing = framing;
        REQUIRE(call->setRemote(0, leg, announced));
    }

    [[nodiscard]] LegReport leg(Leg which) const { return call->report(0).value().legs[which]; }
    [[nodiscard]] bool dropped(Leg which, Drop reason, std::size_t count) const {
        return eventually([&] { return leg(which).droppedFor(reason) == count; });
    }

    std::uint16_t low;
    test::FakeLoop loop;
    test::FakeRandom random;
    std::unique_ptr<Relay> relay;
    std::unique_ptr<Session> call;
    base::SocketAddress toA;  ///< where party A sends
    base::SocketAddress toB;
};

base::SocketAddress rtcpOf(const base::SocketAddress& rtp) {
    return {rtp.ip, static_cast<std::uint16_t>(rtp.port + 1)};
}

}  // namespace

TEST_CASE("packets pass unchanged in both directions, from the announced ports",
          "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    CHECK(bench.toA.port == bench.toB.port);

    phone.send(test::rtp(kPhoneSsrc, 1, "hello"), bench.toA);
    CHECK(provider.receive() == test::rtp(kPhoneSsrc, 1, "hello"));
    CHECK(provider.from() == bench.toB);
    provider.send(test::rtp(kProviderSsrc, 1, "world"), bench.toB);
    CHECK(phone.receive() == test::rtp(kProviderSsrc, 1, "world"));
    CHECK(phone.from() == bench.toA);

    const auto a = bench.leg(Leg::A);
    CHECK(a.packets == 1);
    CHECK(a.bytes == 17);
    CHECK(a.peer == phone.address());
    CHECK(a.announced == phone.address());
}

TEST_CASE("IPv4 and IPv6 parties hear each other", "[media][relay]") {
    if (!test::hasIpv6()) {
        return;
    }
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("::1");
    bench.connect(phone.address(), provider.address(), kInside, "::1");
    phone.send(test::rtp(kPhoneSsrc, 1), bench.toA);
    CHECK(provider.receive() == test::rtp(kPhoneSsrc, 1));
    provider.send(test::rtp(kProviderSsrc, 1), bench.toB);
    CHECK(phone.receive() == test::rtp(kProviderSsrc, 1));
    CHECK(bench.leg(Leg::B).peer == provider.address());
}

TEST_CASE("two parties on one interface hear each other", "[media][relay]") {
    Bench bench;
    MediaPeer one("127.0.0.1");
    MediaPeer two("127.0.0.3");
    bench.connect(one.address(), two.address(), kInside, kInside);
    CHECK(bench.toA.port != bench.toB.port);
    one.send(test::rtp(kPhoneSsrc, 1), bench.toA);
    CHECK(two.receive() == test::rtp(kPhoneSsrc, 1));
}

TEST_CASE("who sprays the ports hears nothing and is not heard", "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    MediaPeer attacker("127.0.0.66");
    bench.connect(phone.address(), provider.address());
    for (unsigned i = 0; i < 50; ++i) {
        attacker.send(test::rtp(kProviderSsrc, i), bench.toB);
        attacker.send(test::rtp(kPhoneSsrc, i), bench.toA);
    }
    attacker.send(test::rtcp(kProviderSsrc), rtcpOf(bench.toB));
    CHECK(bench.dropped(Leg::A, Drop::WrongSource, 50));
    CHECK(bench.dropped(Leg::B, Drop::WrongSource, 51));
    phone.send(test::rtp(kPhoneSsrc, 1), bench.toA);
    CHECK(provider.receive() == test::rtp(kPhoneSsrc, 1));
    CHECK(phone.receiveNow().empty());
    CHECK(attacker.receiveNow().empty());
}

TEST_CASE("a rebind in mid-call is followed by both legs", "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    MediaPeer moved("127.0.0.9");
    bench.connect(phone.address(), provider.address());
    unsigned sequence = 0;
    provider.send(test::rtp(kProviderSsrc, ++sequence), bench.toB);
    CHECK_FALSE(phone.receive().empty());
    REQUIRE(eventually([&] {
        moved.send(test::rtp(kProviderSsrc, ++sequence), bench.toB);
        ::poll(nullptr, 0, 10);
        return bench.leg(Leg::B).peer == moved.address();
    }));
    phone.send(test::rtp(kPhoneSsrc, 1), bench.toA);
    CHECK(moved.receive() == test::rtp(kPhoneSsrc, 1));
    CHECK(provider.receiveNow().empty());
}

TEST_CASE("more packets than a stream may carry are dropped", "[media][relay]") {
    Bench bench;
    bench.limit(80);  // eleven in a window
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    MediaPeer stranger("127.0.0.66");
    bench.connect(phone.address(), provider.address());
    for (unsigned i = 0; i < 100; ++i) {
        stranger.send(test::rtp(kPhoneSsrc, i), bench.toA);
    }
    CHECK(bench.dropped(Leg::A, Drop::WrongSource, 100));
    for (unsigned i = 0; i < 200; ++i) {
        phone.send(test::rtp(kPhoneSsrc, i), bench.toA);
    }
    REQUIRE(eventually([&] {
        const auto leg = bench.leg(Leg::A);
        return leg.packets + leg.droppedFor(Drop::Flood) == 200;
    }));
    // They take less than a millisecond; some windows are touched when the machine is busy.
    CHECK(bench.leg(Leg::A).packets >= 11);
    CHECK(bench.leg(Leg::A).packets < 100);
    provider.send(test::rtp(kProviderSsrc, 1), bench.toB);
    CHECK_FALSE(phone.receive().empty());
}

TEST_CASE("what comes from outside is held back where that is wanted", "[media][relay]") {
    Bench bench;
    bench.holdBack(80ms);
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    const auto start = std::chrono::steady_clock::now();
    provider.send(test::rtp(kProviderSsrc, 1), bench.toB);
    provider.send(test::rtp(kProviderSsrc, 2), bench.toB);
    phone.send(test::rtp(kPhoneSsrc, 1), bench.toA);
    CHECK_FALSE(provider.receive().empty());
    CHECK(phone.receiveNow().empty());
    CHECK(phone.receive() == test::rtp(kProviderSsrc, 1));
    CHECK(std::chrono::steady_clock::now() - start >= 80ms);
    CHECK(phone.receive() == test::rtp(kProviderSsrc, 2));
    // A call that ends takes with it what still waits.
    provider.send(test::rtp(kProviderSsrc, 3), bench.toB);
    REQUIRE(eventually([&] { return bench.leg(Leg::B).packets == 3; }));
    bench.call.reset();
    CHECK(bench.relay->totals().streams == 0);
    ::poll(nullptr, 0, 100);
    CHECK(phone.receiveNow().empty());
}

TEST_CASE("RTCP passes on the odd ports", "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer phoneRtcp("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    MediaPeer providerRtcp("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    Announced announced;
    announced.rtp = provider.address();
    announced.rtcp = providerRtcp.address();
    REQUIRE(bench.call->setRemote(0, Leg::B, announced));

    phoneRtcp.send(test::rtcp(kPhoneSsrc), rtcpOf(bench.toA));
    CHECK(providerRtcp.receive() == test::rtcp(kPhoneSsrc));
    CHECK(providerRtcp.from() == rtcpOf(bench.toB));
    providerRtcp.send(test::rtcp(kProviderSsrc), rtcpOf(bench.toB));
    CHECK(phoneRtcp.receive() == test::rtcp(kProviderSsrc));
    phoneRtcp.send(test::rtp(kPhoneSsrc, 1), rtcpOf(bench.toA));
    CHECK(bench.dropped(Leg::A, Drop::Garbage, 1));
}

TEST_CASE("RTCP, STUN and DTLS pass on the RTP port between those who are known",
          "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    const std::string stun(20, '\0');
    const std::string dtls(40, '\x16');
    for (const auto& packet : {test::rtcp(kPhoneSsrc), stun, dtls}) {
        phone.send(packet, bench.toA);
        CHECK(provider.receive() == packet);
    }
    CHECK_FALSE(bench.leg(Leg::A).peer);
}

TEST_CASE("garbage, empty and oversized datagrams are counted and go no further",
          "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    phone.send("", bench.toA);
    phone.send("\r\n\r\n", bench.toA);
    phone.send(test::rtp(kPhoneSsrc, 1, std::string(kMaxDatagram, 'x')), bench.toA);
    CHECK(bench.dropped(Leg::A, Drop::Garbage, 2));
    CHECK(bench.dropped(Leg::A, Drop::Truncated, 1));
    const auto largest = test::rtp(kPhoneSsrc, 2, std::string(kMaxDatagram - 12, 'x'));
    phone.send(largest, bench.toA);
    CHECK(provider.receive() == largest);
}

TEST_CASE("nothing passes before the announcement, and nothing without a destination",
          "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    const auto ports = bench.call->openStream(0, ip(kInside), ip(kOutside));
    REQUIRE(ports);
    const base::SocketAddress toA{ip(kInside), (*ports)[Leg::A]};
    phone.send(test::rtp(kPhoneSsrc, 1), toA);
    CHECK(bench.dropped(Leg::A, Drop::NotAnnounced, 1));
    bench.announce(Leg::A, phone.address());
    REQUIRE(eventually([&] {
        phone.send(test::rtp(kPhoneSsrc, 2), toA);
        return bench.leg(Leg::A).droppedFor(Drop::NoDestination) > 0;
    }));
}

TEST_CASE("an address that never answers gets 500 packets", "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer victim("127.0.0.3");
    bench.connect(phone.address(), victim.address());
    unsigned received = 0;
    for (unsigned i = 0; i < kUnheardLimit; ++i) {
        phone.send(test::rtp(kPhoneSsrc, i), bench.toA);
        received += victim.receive().empty() ? 0 : 1;
    }
    CHECK(received == kUnheardLimit);
    for (unsigned i = 0; i < 100; ++i) {
        phone.send(test::rtp(kPhoneSsrc, 500 + i), bench.toA);
    }
    CHECK(bench.dropped(Leg::A, Drop::Unheard, 100));
    CHECK(victim.receiveNow().empty());
    victim.send(test::rtp(kProviderSsrc, 1), bench.toB);
    CHECK_FALSE(phone.receive().empty());
    phone.send(test::rtp(kPhoneSsrc, 600), bench.toA);
    CHECK_FALSE(victim.receive().empty());
}

TEST_CASE("the old peer's last packets do not vouch for a new address", "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    MediaPeer victim("127.0.0.4");
    bench.connect(phone.address(), provider.address());
    provider.send(test::rtp(kProviderSsrc, 1), bench.toB);
    CHECK_FALSE(phone.receive().empty());
    bench.announce(Leg::B, victim.address());
    provider.send(test::rtp(kProviderSsrc, 2), bench.toB);
    unsigned received = 0;
    for (unsigned i = 0; i < kUnheardLimit; ++i) {
        phone.send(test::rtp(kPhoneSsrc, i), bench.toA);
        received += victim.receive().empty() ? 0 : 1;
    }
    CHECK(received == kUnheardLimit);
    phone.send(test::rtp(kPhoneSsrc, 500), bench.toA);
    CHECK(bench.dropped(Leg::A, Drop::Unheard, 1));
}

TEST_CASE("fax datagrams pass between the announced addresses only", "[media][relay]") {
    Bench bench;
    MediaPeer phone("127.0.0.1");
    MediaPeer otherPort("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    bench.announce(Leg::A, phone.address(), Framing::Opaque);
    bench.announce(Leg::B, provider.address(), Framing::Opaque);
    const std::string udptl = std::string("\0\1\3\1", 4) + "t38";
    phone.send(udptl, bench.toA);
    CHECK(provider.receive() == udptl);
    otherPort.send(udptl, bench.toA);
    CHECK(bench.dropped(Leg::A, Drop::WrongSource, 1));
}

TEST_CASE("ports are free at once when a call ends", "[media][relay]") {
    Bench bench(4);
    for (int i = 0; i < 50; ++i) {
        REQUIRE(bench.call->openStream(0, ip(kInside), ip(kOutside)));
        REQUIRE(bench.call->openStream(1, ip(kInside), ip(kOutside)));
        auto refused = bench.call->openStream(2, ip(kInside), ip(kOutside));
        REQUIRE_FALSE(refused);
        CHECK(bench.relay->totals().streams == 2);
        CHECK(bench.relay->totals().freePairs == 0);
        bench.call = bench.relay->open("next", nullptr);
        CHECK(bench.relay->totals().sessions == 1);
    }
    CHECK(bench.relay->totals().freePairs == 2);
}

TEST_CASE("a stream stays as it is when it is opened again", "[media][relay]") {
    Bench bench(8);
    const auto first = bench.call->openStream(0, ip(kInside), ip(kOutside));
    REQUIRE(first);
    CHECK(bench.call->openStream(0, ip(kInside), ip(kOutside)).value() == *first);
    CHECK(bench.call->streamCount() == 1);

    const auto moved = bench.call->openStream(0, ip(kInside), ip("127.0.0.5"));
    REQUIRE(moved);
    CHECK(*moved != *first);
    CHECK(bench.call->streamCount() == 1);
    bench.call->closeStream(0);
    bench.call->closeStream(7);
    CHECK(bench.call->streamCount() == 0);
    CHECK_FALSE(bench.call->report(0));
}

TEST_CASE("a refused offer is taken back", "[media][relay]") {
    const base::SocketAddress before{ip("127.0.0.21"), 4000};
    const base::SocketAddress other{ip("127.0.0.22"), 5000};
    Bench bench(8);
    bench.connect(before, other);
    bench.call->remember();
    bench.announce(Leg::A, {ip("127.0.0.23"), 6000});
    REQUIRE(bench.call->openStream(1, ip(kInside), ip(kOutside)));
    bench.call->remember();  // another offer before the answer: what was agreed is still the first

    SECTION("refused") {
        bench.call->restore();
        CHECK(bench.leg(Leg::A).announced == before);
        CHECK(bench.call->streamCount() == 1);
    }
    SECTION("accepted") {
        bench.call->forget();
        bench.call->restore();
        CHECK(bench.leg(Leg::A).announced.toString() == "127.0.0.23:6000");
        CHECK(bench.call->streamCount() == 2);
    }
    CHECK(bench.leg(Leg::B).announced == other);
}

TEST_CASE("a party that cannot be reached from its leg is refused", "[media][relay]") {
    Bench bench;
    Announced announced;
    announced.rtp = {ip("2001:db8::1"), 4000};
    CHECK_FALSE(bench.call->setRemote(0, Leg::A, announced));
    REQUIRE(bench.call->openStream(0, ip(kInside), ip(kOutside)));
    CHECK_FALSE(bench.call->setRemote(0, Leg::A, announced));
    announced.rtp = {ip("::"), 4000};
    CHECK(bench.call->setRemote(0, Leg::A, announced));
}

TEST_CASE("streams are spread over the threads and all are served", "[media][relay]") {
    Bench bench(12, 3);
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    for (std::size_t i = 0; i < 6; ++i) {
        const auto ports = bench.call->openStream(i, ip(kInside), ip(kOutside));
        REQUIRE(ports);
        Announced announced;
        announced.rtp = phone.address();
        REQUIRE(bench.call->setRemote(i, Leg::A, announced));
        announced.rtp = provider.address();
        REQUIRE(bench.call->setRemote(i, Leg::B, announced));
        const auto sequence = static_cast<unsigned>(i);
        phone.send(test::rtp(kPhoneSsrc, sequence), {ip(kInside), (*ports)[Leg::A]});
        CHECK(provider.receive() == test::rtp(kPhoneSsrc, sequence));
    }
    CHECK(bench.relay->totals().streams == 6);
    CHECK(bench.call->reports().size() == 6);
}

TEST_CASE("late packets of a call do not come to the next one on its ports", "[media][relay]") {
    Bench bench(2);
    MediaPeer phone("127.0.0.1");
    MediaPeer provider("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    phone.send(test::rtp(kPhoneSsrc, 1), bench.toA);
    REQUIRE_FALSE(provider.receive().empty());
    const auto port = bench.toA.port;

    bench.call.reset();
    phone.send(test::rtp(kPhoneSsrc, 2, "late"), bench.toA);
    bench.call = bench.relay->open("call-2", nullptr);
    // Two ports for one call: there is nothing else to be had.
    bench.connect(phone.address(), provider.address());
    REQUIRE(bench.toA.port == port);
    phone.send(test::rtp(kPhoneSsrc, 3, "new"), bench.toA);
    CHECK(provider.receive() == test::rtp(kPhoneSsrc, 3, "new"));
    CHECK(bench.leg(Leg::A).packets == 1);
    CHECK(bench.relay->totals().freePairs == 0);
}

TEST_CASE("ports of a call that has ended are closed if none follows", "[media][relay]") {
    Bench bench(2);
    MediaPeer phone("127.0.0.1");
    bench.connect(phone.address(), phone.address());
    const auto port = bench.toA;
    const auto isFree = [&port] { return net::UdpSocket::bind(port).has_value(); };
    bench.call.reset();
    CHECK_FALSE(isFree());
    CHECK(eventually([&] {
        bench.loop.advance(RestingPorts::kKept);
        return isFree();
    }));
    CHECK(eventually([&] {
        bench.loop.advance(RestingPorts::kKept);
        return bench.relay->totals().freePairs == 1 && bench.loop.pendingTimers() == 0;
    }));
}

TEST_CASE("resting ports on other addresses do not stand in the way", "[media][relay]") {
    Bench bench(2);
    MediaPeer phone("127.0.0.1");
    bench.connect(phone.address(), phone.address());
    bench.call.reset();
    bench.call = bench.relay->open("call-2", nullptr);
    bench.connect(phone.address(), phone.address(), kInside, "127.0.0.4");
    CHECK(bench.toB.ip == ip("127.0.0.4"));
}

TEST_CASE("the descriptors that a range of ports needs are known", "[media][relay]") {
    RelaySettings settings;
    settings.portLow = 7070;
    settings.portHigh = 7089;
    settings.threads = 2;
    // Ten streams with four sockets each, two descriptors for each thread.
    CHECK(descriptorsNeeded(settings) == 44);
    settings.portLow = settings.portHigh = 0;
    CHECK(descriptorsNeeded(settings) == 4);
}

TEST_CASE("what comes to a leg is counted by sequence and codec", "[media]") {
    Bench bench;
    const MediaPeer phone(kInside);
    const MediaPeer provider(kOutside);
    bench.connect(phone.address(), provider.address());
    for (const unsigned sequence : {65534U, 65535U, 1U, 2U, 2U}) {
        phone.send(test::rtp(kPhoneSsrc, sequence), bench.toA);
    }
    REQUIRE(eventually([&] { return bench.leg(Leg::A).packets == 5; }));
    const auto heard = bench.leg(Leg::A);
    CHECK(heard.reception.expected() == 5);
    CHECK(heard.reception.lost() == 1);
    CHECK(heard.reception.duplicates == 1);
    CHECK(heard.codec.name == "PCMA");
    CHECK(bench.leg(Leg::B).reception.expected() == 0);
    CHECK(bench.leg(Leg::B).codec.name.empty());
}

TEST_CASE("a stranger's address is kept for the report until a new one is announced", "[media]") {
    Bench bench;
    const MediaPeer phone(kInside);
    const MediaPeer provider(kOutside);
    const MediaPeer stranger("127.0.0.3");
    bench.connect(phone.address(), provider.address());
    stranger.send(test::rtp(9, 1), bench.toB);
    REQUIRE(bench.dropped(Leg::B, Drop::WrongSource, 1));
    REQUIRE(eventually([&] { return bench.leg(Leg::B).stranger == stranger.address(); }));
    CHECK_FALSE(bench.leg(Leg::A).stranger);
}

TEST_CASE("reports that pass are read, those about others are not", "[media]") {
    Bench bench;
    const MediaPeer phone(kInside);
    const MediaPeer provider(kOutside);
    bench.connect(phone.address(), provider.address());
    phone.send(test::rtp(kPhoneSsrc, 1), bench.toA);
    REQUIRE(eventually([&] { return bench.leg(Leg::A).packets == 1; }));
    const MediaPeer providerRtcp(kOutside,
                                 static_cast<std::uint16_t>(provider.address().port + 1));
    auto report = test::rtcp(kProviderSsrc);
    report[0] = '\x81';
    report[3] = 7;
    report += test::rtp(kPhoneSsrc, 0, "").substr(8, 4) + std::string("\x80\0\0\3", 4) +
              std::string(16, '\0');
    auto toB = bench.toB;
    ++toB.port;
    providerRtcp.send(report, toB);
    REQUIRE(eventually([&] { return bench.leg(Leg::B).rtcp.reports == 1; }));
    CHECK(bench.leg(Leg::B).rtcp.fractionLost == 0x80);
    CHECK(bench.leg(Leg::B).rtcp.lost == 3);
    CHECK(bench.leg(Leg::A).rtcp.reports == 0);
}
