// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the program in the kernel on single packets (BPF_PROG_TEST_RUN): no interface has to be there.
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "kernel/flow_table.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::kernel;
using test::ip;

namespace {

using Bytes = std::vector<std::uint8_t>;

void put16(Bytes& bytes, std::size_t at, unsigned value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8U);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

unsigned get16(const Bytes& bytes, std::size_t at) {
    return static_cast<unsigned>(bytes.at(at)) << 8U | bytes.at(at + 1);
}

/// The Internet checksum's sum (RFC 1071) of big-endian words.
std::uint32_t sum(std::span<const std::uint8_t> bytes, std::uint32_t start = 0) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        start += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8U : bytes[i];
    }
    while (start > 0xffff) {
        start = (start & 0xffff) + (start >> 16U);
    }
    return start;
}

constexpr std::size_t kEthernet = 14;

/// An Ethernet frame with one UDP datagram, as much of it as this program looks at.
struct Frame {
    Bytes bytes;

    [[nodiscard]] bool isV6() const { return get16(bytes, 12) == 0x86dd; }
    [[nodiscard]] std::size_t udp() const { return kEthernet + (isV6() ? 40 : 20); }
    [[nodiscard]] Bytes payload() const {
        return {bytes.begin() + static_cast<std::ptrdiff_t>(udp()) + 8, bytes.end()};
    }
    [[nodiscard]] base::SocketAddress address(bool source) const {
        const auto port = static_cast<std::uint16_t>(get16(bytes, udp() + (source ? 0 : 2)));
        if (isV6()) {
            in6_addr v6{};
            std::copy_n(&bytes.at(kEthernet + (source ? 8 : 24)), 16,
                        reinterpret_cast<std::uint8_t*>(&v6));
            return {base::IpAddress(v6), port};
        }
        in_addr v4{};
        std::copy_n(&bytes.at(kEthernet + (source ? 12 : 16)), 4,
                    reinterpret_cast<std::uint8_t*>(&v4));
        return {base::IpAddress(v4), port};
    }
    [[nodiscard]] unsigned tos() const {
        return isV6() ? (get16(bytes, kEthernet) >> 4U) & 0xffU : bytes.at(kEthernet + 1);
    }
    [[nodiscard]] unsigned ttl() const { return bytes.at(kEthernet + (isV6() ? 7 : 8)); }

    /// What the receiver adds up: 0xffff when all is well.
    [[nodiscard]] std::uint32_t headerSum() const {
        return sum(std::span(bytes).subspan(kEthernet, 20));
    }
    [[nodiscard]] std::uint32_t udpSum() const {
        const auto addresses = isV6() ? std::span(bytes).subspan(kEthernet + 8, 32)
                                      : std::span(bytes).subspan(kEthernet + 12, 8);
        const auto datagram = std::span(bytes).subspan(udp());
        return sum(datagram,
                   sum(addresses, 17 + static_cast<std::uint32_t>(datagram.size())));
    }
    [[nodiscard]] unsigned udpChecksum() const { return get16(bytes, udp() + 6); }

    /// After the test has changed something.
    void seal(bool udpToo = true) {
        if (!isV6()) {
            put16(bytes, kEthernet + 10, 0);
            put16(bytes, kEthernet + 10, ~headerSum());
        }
        if (udpToo) {
            put16(bytes, udp() + 6, 0);
            put16(bytes, udp() + 6, ~udpSum());
        }
    }
};

Frame frame(const base::SocketAddress& from, const base::SocketAddress& to, const Bytes& payload) {
    const bool v6 = from.ip.isV6();
    Frame frame;
    auto& bytes = frame.bytes;
    bytes.assign(kEthernet + (v6 ? 40U : 20U) + 8, 0);
    put16(bytes, 12, v6 ? 0x86dd : 0x0800);
    const auto udpLength = static_cast<unsigned>(8 + payload.size());
    const std::size_t addressSize = v6 ? 16 : 4;
    std::size_t at = kEthernet + (v6 ? 8 : 12);
    for (const auto* one : {&from, &to}) {
        std::copy_n(one->ip.bytes().begin(), addressSize, bytes.begin() + static_cast<std::ptrdiff_t>(at));
        at += addressSize;
    }
    if (v6) {
        bytes[kEthernet] = 0x60;
        put16(bytes, kEthernet + 4, udpLength);
        bytes[kEthernet + 6] = 17;
        bytes[kEthernet + 7] = 33;
    } else {
        bytes[kEthernet] = 0x45;
        bytes[kEthernet + 1] = 0x10;
        put16(bytes, kEthernet + 2, 20 + udpLength);
        put16(bytes, kEthernet + 6, 0x4000);
        bytes[kEthernet + 8] = 33;
        bytes[kEthernet + 9] = 17;
    }
    put16(bytes, frame.udp(), from.port);
    put16(bytes, frame.udp() + 2, to.port);
    put16(bytes, frame.udp() + 4, udpLength);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    frame.seal();
    return frame;
}

Bytes rtp(unsigned sequence, std::size_t size = 172) {
    constexpr std::size_t kHeader = 12;
    Bytes bytes(std::max(size, kHeader));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(i * 7);
    }
    bytes[0] = 0x80;
    bytes[1] = 8;
    put16(bytes, 2, sequence);
    put16(bytes, 8, 0xdead);
    put16(bytes, 10, 0xbeef);
    bytes.resize(size);
    return bytes;
}

struct Ran {
    int verdict = 0;
    Frame frame;
};

Ran run(int program, const Frame& in) {
    Ran ran;
    ran.frame.bytes.resize(in.bytes.size() + 256);
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = in.bytes.data();
    options.data_size_in = static_cast<std::uint32_t>(in.bytes.size());
    options.data_out = ran.frame.bytes.data();
    options.data_size_out = static_cast<std::uint32_t>(ran.frame.bytes.size());
    options.repeat = 1;
    REQUIRE(::bpf_prog_test_run_opts(program, &options) == 0);
    ran.frame.bytes.resize(options.data_size_out);
    ran.verdict = static_cast<int>(options.retval);
    return ran;
}

/// A table for ports 7070 to 7089; none where the kernel does not allow that.
std::unique_ptr<FlowTable> makeTable() {
    auto table = FlowTable::load(7070, 7089);
    if (!table) {
        WARN("skipped: " << table.error().message);
        return nullptr;
    }
    return std::move(*table);
}

Flow flow4() {
    Flow flow;
    flow.source = {ip("10.0.0.5"), 4000};
    flow.local = {ip("10.0.0.1"), 7074};
    flow.newSource = {ip("198.51.100.1"), 7074};
    flow.destination = {ip("203.0.113.9"), 30002};
    flow.outInterface = 1;
    flow.tos = 46 << 2;
    flow.ttl = 64;
    return flow;
}

Flow flow6() {
    Flow flow = flow4();
    flow.source.ip = ip("2001:db8:1::5");
    flow.local.ip = ip("2001:db8:1::1");
    flow.newSource.ip = ip("2001:db8:2::1");
    flow.destination.ip = ip("2001:db8:9::9");
    return flow;
}

constexpr std::uint32_t clockWord(unsigned type, std::uint32_t hertz) {
    return type << SIPROXD_TYPE_SHIFT | hertz;
}

/// Nothing has been received; type 8 is measured.
siproxd_reception fresh(std::uint32_t hertz = 8000) {
    siproxd_reception state{};
    siproxd_reception_measure(&state, 8, siproxd_clock_factor(hertz));
    return state;
}

Frame frameOf(const Flow& flow, const Bytes& payload) {
    return frame(flow.source, flow.local, payload);
}

}  // namespace

TEST_CASE("RTP of a flow leaves rewritten, with its payload and checksums right", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    for (const auto& flow : {flow4(), flow6()}) {
        for (const Side side : {Side::A, Side::B}) {
            INFO(flow.source.toString() << " side " << static_cast<int>(side));
            const auto before = table->figures(side, 7074);
            table->put(side, flow, fresh());
            const auto payload = rtp(1000);
            const auto ran = run(table->ethernetProgram(), frameOf(flow, payload));
            CHECK(ran.verdict == TC_ACT_REDIRECT);
            CHECK(ran.frame.payload() == payload);
            CHECK(ran.frame.address(true) == flow.newSource);
            CHECK(ran.frame.address(false) == flow.destination);
            CHECK(ran.frame.tos() == flow.tos);
            CHECK(ran.frame.ttl() == 64);
            CHECK(ran.frame.udpSum() == 0xffff);
            if (!ran.frame.isV6()) {
                CHECK(ran.frame.headerSum() == 0xffff);
            }
            const auto figures = table->figures(side, 7074);
            CHECK(figures.packets == before.packets + 1);
            CHECK(figures.bytes == before.bytes + payload.size());
            const auto reception = table->reception(side, 7074);
            CHECK(reception.ssrc == 0xdeadbeef);
            CHECK(reception.highest == 1000);
            CHECK(reception.received == 1);
            CHECK(std::chrono::steady_clock::now() - figures.heard < std::chrono::seconds(10));
            table->take(side, 7074);
            CHECK(run(table->ethernetProgram(), frameOf(flow, payload)).verdict == TC_ACT_UNSPEC);
            CHECK(table->figures(side, 7074).packets == before.packets + 1);
        }
    }
}

TEST_CASE("A datagram without a checksum gets none", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    table->put(Side::A, flow4(), fresh());
    auto in = frameOf(flow4(), rtp(1));
    put16(in.bytes, in.udp() + 6, 0);
    const auto ran = run(table->ethernetProgram(), in);
    CHECK(ran.verdict == TC_ACT_REDIRECT);
    CHECK(ran.frame.udpChecksum() == 0);
    CHECK(ran.frame.headerSum() == 0xffff);
}

TEST_CASE("What is not RTP of the flow goes to the socket as it came", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    const auto flow = flow4();
    auto big = flow;
    big.outMtu = 200;  // 172 bytes of RTP make exactly that
    table->put(Side::A, big, fresh());
    const auto good = frameOf(flow, rtp(1));
    REQUIRE(run(table->ethernetProgram(), good).verdict == TC_ACT_REDIRECT);

    const auto from = [&](base::SocketAddress source, base::SocketAddress local) {
        return frame(source, local, rtp(1));
    };
    const auto with = [&](auto change) {
        auto changed = good;
        change(changed);
        changed.seal();
        return changed;
    };
    const auto payloadOf = [&](Bytes payload) { return frame(flow.source, flow.local, payload); };
    const auto first = [](std::uint8_t byte, std::uint8_t second = 8, std::size_t size = 172) {
        auto bytes = rtp(1, size);
        bytes[0] = byte;
        bytes[1] = second;
        return bytes;
    };
    const std::vector<std::pair<std::string, Frame>> cases{
        {"another port", from({flow.source.ip, 4002}, flow.local)},
        {"another address", from({ip("10.0.0.6"), 4000}, flow.local)},
        {"another address of ours", from(flow.source, {ip("10.0.0.2"), 7074})},
        {"another flow's port", from(flow.source, {flow.local.ip, 7076})},
        {"the RTCP port", from(flow.source, {flow.local.ip, 7075})},
        {"below the range", from(flow.source, {flow.local.ip, 7068})},
        {"above the range", from(flow.source, {flow.local.ip, 7090})},
        {"a type that is not known", payloadOf(first(0x80, 9))},
        {"IPv6", frame(flow6().source, flow6().local, rtp(1))},
        {"RTCP", payloadOf(first(0x80, 200))},
        {"the first type of RTCP", payloadOf(first(0x80, 192))},
        {"the last type of RTCP", payloadOf(first(0x80, 223))},
        {"STUN", payloadOf(first(0x00, 1))},
        {"DTLS", payloadOf(first(22, 254))},
        {"version 1", payloadOf(first(0x40))},
        {"version 3", payloadOf(first(0xc0))},
        {"less than a header", payloadOf(rtp(1, 11))},
        {"more contributors than bytes", payloadOf(first(0x8f, 8, 71))},
        {"nothing", payloadOf({})},
        {"a byte too long for the way out", payloadOf(rtp(1, 173))},
        {"a fragment, the first", with([](Frame& f) { put16(f.bytes, kEthernet + 6, 0x2000); })},
        {"a fragment, the last", with([](Frame& f) { put16(f.bytes, kEthernet + 6, 0x0010); })},
        {"the end of its way", with([](Frame& f) { f.bytes[kEthernet + 8] = 1; })},
        {"TCP", with([](Frame& f) { f.bytes[kEthernet + 9] = 6; })},
        {"IP options", with([](Frame& f) { f.bytes[kEthernet] = 0x46; })},
        {"a length that lies", with([](Frame& f) { put16(f.bytes, kEthernet + 2, 190); })},
        {"a UDP length that lies", with([](Frame& f) { put16(f.bytes, f.udp() + 4, 170); })},
        {"not IP", with([](Frame& f) { put16(f.bytes, 12, 0x0806); })},
    };
    for (const auto& [name, in] : cases) {
        INFO(name);
        const auto ran = run(table->ethernetProgram(), in);
        CHECK(ran.verdict == TC_ACT_UNSPEC);
        CHECK(ran.frame.bytes == in.bytes);
    }
    CHECK(table->figures(Side::A, 7074).packets == 1);
}

TEST_CASE("Packets above the limit of a flow are dropped and counted", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    auto flow = flow4();
    flow.packetsPerSecond = 80;  // eleven in a window
    table->put(Side::B, flow, fresh());
    int forwarded = 0;
    for (unsigned i = 0; i < 100; ++i) {
        const auto verdict = run(table->ethernetProgram(), frameOf(flow, rtp(i))).verdict;
        forwarded += verdict == TC_ACT_REDIRECT ? 1 : 0;
        CHECK((verdict == TC_ACT_REDIRECT || verdict == TC_ACT_SHOT));
    }
    // The packets take some microseconds; two windows at most are touched, a busy machine aside.
    CHECK(forwarded >= 11);
    CHECK(forwarded < 100);
    const auto figures = table->figures(Side::B, 7074);
    CHECK(figures.packets == static_cast<std::uint64_t>(forwarded));
    CHECK(figures.packets + figures.floods == 100);
}

TEST_CASE("Every port of the range has an entry of its own on both sides", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    for (std::uint16_t port = 7070; port < 7090; port = static_cast<std::uint16_t>(port + 2)) {
        for (const Side side : {Side::A, Side::B}) {
            auto flow = flow4();
            flow.local = {ip(side == Side::A ? "10.0.0.1" : "198.51.100.1"), port};
            flow.destination.port = port;
            table->put(side, flow, fresh());
        }
    }
    for (std::uint16_t port = 7070; port < 7090; port = static_cast<std::uint16_t>(port + 2)) {
        for (const char* local : {"10.0.0.1", "198.51.100.1"}) {
            const auto ran = run(table->ethernetProgram(),
                                 frame(flow4().source, {ip(local), port}, rtp(port)));
            CHECK(ran.verdict == TC_ACT_REDIRECT);
            CHECK(ran.frame.address(false).port == port);
        }
        CHECK(table->reception(Side::A, port).highest == port);
        CHECK(table->figures(Side::B, port).packets == 1);
    }
}

namespace {

/// RTP with these fields.
Bytes rtp(std::uint32_t ssrc, unsigned sequence, unsigned type, std::uint32_t timestamp) {
    auto bytes = rtp(sequence);
    bytes[1] = static_cast<std::uint8_t>(type);
    put16(bytes, 4, timestamp >> 16U);
    put16(bytes, 6, timestamp & 0xffffU);
    put16(bytes, 8, ssrc >> 16U);
    put16(bytes, 10, ssrc & 0xffffU);
    return bytes;
}

std::uint64_t nanoseconds(base::TimePoint when) {
    return static_cast<std::uint64_t>(when.time_since_epoch().count());
}

}  // namespace

TEST_CASE("What the program has received is what the process would have", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    const auto flow = flow4();
    for (const std::uint32_t hertz : {8000U, 48000U, 90000U}) {
        INFO(hertz);
        auto ours = fresh(hertz);
        // Somewhere in the life of a stream, one cycle of sequence numbers up.
        siproxd_reception_receive(&ours, 0x11111111, 65534, 8, 0xffffff00,
                                  nanoseconds(std::chrono::steady_clock::now()));
        table->put(Side::A, flow, ours);
        table->learn(Side::A, 7074, clockWord(101, SIPROXD_CLOCK_NONE));
        table->learn(Side::A, 7074, clockWord(0, 16000));
        table->learn(Side::A, 7074, clockWord(98, SIPROXD_CLOCK_UNKNOWN));
        const auto receive = [&](std::uint32_t ssrc, unsigned sequence, unsigned type,
                                 std::uint32_t timestamp) {
            const auto in = frameOf(flow, rtp(ssrc, sequence & 0xffffU, type, timestamp));
            REQUIRE(run(table->ethernetProgram(), in).verdict == TC_ACT_REDIRECT);
            type &= 0x7fU;
            if (type != ours.type) {
                siproxd_reception_follow(&ours, type == 101  ? clockWord(101, SIPROXD_CLOCK_NONE)
                                                : type == 98 ? clockWord(98, SIPROXD_CLOCK_UNKNOWN)
                                                : type == 0  ? clockWord(0, 16000)
                                                             : clockWord(8, hertz));
            }
            siproxd_reception_receive(&ours, ssrc, static_cast<std::uint16_t>(sequence),
                                      static_cast<std::uint8_t>(type), timestamp,
                                      nanoseconds(table->figures(Side::A, 7074).heard));
            const auto theirs = table->reception(Side::A, 7074);
            CHECK(std::memcmp(&theirs, &ours, sizeof ours) == 0);
        };
        const auto step = hertz / 50;
        std::uint32_t stamp = 0xffffff00;
        // In order with the marker, over the ends of both counts, with gaps, twice, overtaken.
        for (const unsigned sequence : {65535U, 65536U, 65537U, 65540U, 65540U, 65539U, 65541U, 65580U,
                                        65541U, 65590U, 65582U}) {
            stamp += step;
            receive(0x11111111, sequence, 8U | 0x80U, stamp);
        }
        CHECK(ours.duplicates == 1);
        CHECK(ours.late == 3);
        CHECK(ours.jitter > 0);
        // A picture in three packets.
        for (const unsigned sequence : {65591U, 65592U, 65593U}) {
            receive(0x11111111, sequence, 8, stamp + step);
        }
        // Events in between.
        const auto measured = ours.jitter;
        receive(0x11111111, 65594, 101, 1);
        receive(0x11111111, 65595, 101, 999);
        CHECK(ours.jitter == measured);
        CHECK(ours.type == 8);
        // A stray, a jump, another source, another codec.
        for (const unsigned sequence : {20000U, 65596U, 30000U, 30001U, 30002U}) {
            stamp += step;
            receive(0x11111111, sequence, 8, stamp);
        }
        CHECK(ours.jumps == 1);
        for (const unsigned sequence : {5U, 6U, 8U}) {
            stamp += step;
            receive(0x22222222, sequence, 8, stamp);
        }
        CHECK(ours.sources == 2);
        receive(0x22222222, 9, 0, stamp);
        receive(0x22222222, 10, 0, stamp + 320);
        CHECK(ours.type == 0);
        receive(0x22222222, 11, 98, stamp);
        CHECK(ours.clock == 0);
        table->take(Side::A, 7074);
    }
}

TEST_CASE("Jitter is measured by the time when packets come", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    const auto flow = flow4();
    table->put(Side::A, flow, fresh());
    // Of 8000 Hz, at once: each comes 20 ms before its time, so jitter nears 20 ms, 160 units.
    std::uint32_t before = 0;
    for (unsigned i = 0; i < 100; ++i) {
        run(table->ethernetProgram(), frameOf(flow, rtp(7, i, 8, 0xfffff000U + i * 160)));
        const auto jitter = table->reception(Side::A, 7074).jitter;
        // However busy the machine: as it comes to a difference.
        CHECK((jitter >= before || i > 30));
        before = jitter;
    }
    CHECK(before > 16 * 80);
}

TEST_CASE("A state that the process changes is gone on with", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    const auto flow = flow4();
    table->put(Side::A, flow, fresh());
    run(table->ethernetProgram(), frameOf(flow, rtp(7, 1, 8, 160)));
    auto state = table->reception(Side::A, 7074);
    siproxd_reception_receive(&state, 7, 2, 8, 320, nanoseconds(std::chrono::steady_clock::now()));
    table->setReception(Side::A, 7074, state);
    run(table->ethernetProgram(), frameOf(flow, rtp(7, 3, 8, 480)));
    state = table->reception(Side::A, 7074);
    CHECK(state.received == 3);
    CHECK(state.numbers == 3);
    CHECK(state.sources == 1);
}

TEST_CASE("A type is forwarded as soon as it is known, and forgotten for the next flow", "[kernel]") {
    const auto table = makeTable();
    if (!table) {
        return;
    }
    const auto flow = flow4();
    table->put(Side::A, flow, fresh());
    const auto verdict = [&](unsigned type) {
        return run(table->ethernetProgram(), frameOf(flow, rtp(7, 1, type, 160))).verdict;
    };
    CHECK(verdict(101) == TC_ACT_UNSPEC);
    CHECK(verdict(0) == TC_ACT_UNSPEC);
    table->learn(Side::A, 7074, clockWord(101, SIPROXD_CLOCK_NONE));
    CHECK(verdict(101) == TC_ACT_REDIRECT);
    CHECK(verdict(97) == TC_ACT_UNSPEC);
    // It has 101's place.
    table->learn(Side::A, 7074, clockWord(97, 48000));
    CHECK(verdict(97) == TC_ACT_REDIRECT);
    CHECK(verdict(101) == TC_ACT_UNSPEC);
    table->take(Side::A, 7074);
    table->put(Side::A, flow, fresh());
    CHECK(verdict(97) == TC_ACT_UNSPEC);
    CHECK(verdict(8) == TC_ACT_REDIRECT);
}
