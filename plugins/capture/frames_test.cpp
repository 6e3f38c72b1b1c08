// SPDX-License-Identifier: GPL-2.0-or-later
// Packets, files, filters.
#include "frames.h"

#include <pcap/dlt.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <optional>

#include "pcap_format.h"
#include "ring.h"
#include "selection.h"
#include "sniffer.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace capture;

namespace {

const End kA{"192.0.2.1", 5060};
const End kB{"198.51.100.2", 5070};
const End kC{"2001:db8::1", 5060};
const End kD{"2001:db8::2", 5070};

/// While it lives no file gets longer than that.
class Full {
public:
    explicit Full(std::optional<rlim_t> most) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        auto tight = before_;
        tight.rlim_cur = most.value_or(before_.rlim_cur);
        ::setrlimit(RLIMIT_FSIZE, &tight);
    }
    ~Full() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }
    Full(const Full&) = delete;
    Full& operator=(const Full&) = delete;

private:
    void (*handler_)(int);
    rlimit before_{};
};

bool lets(const std::string& filter, const std::string& packet) {
    std::string why;
    const auto compiled = Filter::compile(filter, why);
    INFO(why);
    REQUIRE(compiled);
    return compiled->lets(packet);
}

std::uint32_t u32(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8U | static_cast<std::uint8_t>(bytes[at + i]);
    }
    return value;
}

/// RFC 1071 over all words is 0xFFFF when the checksum in them is right.
std::uint32_t total(std::string_view bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        sum += static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << (i % 2 == 0 ? 8U : 0U);
    }
    while (sum > 0xFFFF) {
        sum = (sum & 0xFFFFU) + (sum >> 16U);
    }
    return sum;
}

}  // namespace

TEST_CASE("datagrams as packets", "[plugin_capture]") {
    const auto packet = udpPacket(kA, kB, "hello");
    REQUIRE(packet.size() == 33);
    CHECK(packet.substr(28) == "hello");
    CHECK(total(packet.substr(0, 20)) == 0xFFFF);
    std::string pseudo = packet.substr(12, 8);
    pseudo += std::string("\0\x11\0\x0d", 4) + packet.substr(20);
    CHECK(total(pseudo) == 0xFFFF);
    CHECK(lets("udp and src host 192.0.2.1 and dst port 5070", packet));
    CHECK_FALSE(lets("tcp", packet));
    CHECK(lets("ip6 and udp dst port 5070 and src host 2001:db8::1", udpPacket(kC, kD, "hello")));
    CHECK(udpPorts(packet).from == 5060);
    CHECK(udpPorts(packet).to == 5070);
    CHECK(udpPorts(udpPacket(kC, kD, "x")).to == 5070);
    CHECK(udpPacket(kA, kC, "x").empty());
    CHECK(udpPacket({"host", 1}, kB, "x").empty());
    CHECK(udpPacket(kA, kB, std::string(100'000, 'x')).size() < 65'536);
}

TEST_CASE("messages of a connection are a stream", "[plugin_capture]") {
    TcpPackets tcp;
    const auto first = tcp.packets(kA, kB, 7, "hello");
    const auto answer = tcp.packets(kB, kA, 7, "hi");
    const auto second = tcp.packets(kA, kB, 7, std::string(70'000, 'x'));
    REQUIRE(first.size() == 1);
    REQUIRE(second.size() == 2);
    CHECK(lets("tcp src port 5060 and dst host 198.51.100.2", first[0]));
    const auto sequence = [](const std::string& packet) { return u32(packet, 24); };
    const auto acknowledged = [](const std::string& packet) { return u32(packet, 28); };
    CHECK(sequence(first[0]) == 1);
    CHECK(acknowledged(answer[0]) == 6);
    CHECK(sequence(answer[0]) == 1);
    CHECK(sequence(second[0]) == 6);
    CHECK(acknowledged(second[0]) == 3);
    CHECK(sequence(second[1]) == 6 + 65'000);
    CHECK(sequence(tcp.packets(kA, kB, 8, "other")[0]) == 1);
    for (std::uint64_t i = 0; i < 6000; ++i) {
        static_cast<void>(tcp.packets(kA, kB, 100 + i, "x"));
    }
    CHECK(tcp.size() == 5000);
}

TEST_CASE("packets in frames", "[plugin_capture]") {
    const auto packet = udpPacket(kA, kB, "hello");
    const std::string addresses(12, 'm');
    CHECK(ipIn(addresses + std::string("\x08\0", 2) + packet, DLT_EN10MB) == packet);
    CHECK(ipIn(addresses + std::string("\x81\0\0\5\x08\0", 6) + packet, DLT_EN10MB) == packet);
    CHECK(ipIn(addresses + std::string("\x08\x06", 2) + packet, DLT_EN10MB).empty());
    CHECK(ipIn(std::string(14, 's') + std::string("\x08\0", 2) + packet, DLT_LINUX_SLL) == packet);
    CHECK(ipIn(std::string("\x08\0", 2) + std::string(18, 's') + packet, DLT_LINUX_SLL2) == packet);
    CHECK(ipIn(packet, DLT_RAW) == packet);
    CHECK(ipIn("", DLT_RAW).empty());
    CHECK(ipIn(packet, 9999).empty());
    for (std::size_t size = 0; size < 40; ++size) {
        for (const int type : {DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_NULL}) {
            static_cast<void>(udpPorts(ipIn(std::string(size, '\x08'), type)));
        }
    }
}

TEST_CASE("wrong filters are told", "[plugin_capture]") {
    std::string why;
    CHECK_FALSE(Filter::compile("udp prt 5060", why));
    CHECK_FALSE(why.empty());
    CHECK(lets("", "anything"));
}

TEST_CASE("what the switch says", "[plugin_capture]") {
    const auto wish = wishIn("# a comment\n\nCall-ID abc@x\naddress 10.0.0.1\naddress 10.0.0.2/31\r\nfilter udp port 5060\n");
    CHECK(wish.callIds == std::vector<std::string>{"abc@x"});
    CHECK(wish.addresses == "10.0.0.1/32,10.0.0.2/31");
    CHECK(wish.filter == "udp port 5060");
    CHECK(wish.complaint.empty());
    CHECK(wishIn("").complaint.empty());
    CHECK(wishIn("call abc").complaint == "call abc: call-id, address or filter is needed");
    CHECK_FALSE(wishIn("address").complaint.empty());
}

TEST_CASE("Call-IDs of messages", "[plugin_capture]") {
    CHECK(callIdIn("INVITE sip:a@b SIP/2.0\r\nVia: x\r\nCall-ID:  abc@x \r\n\r\n") == "abc@x");
    CHECK(callIdIn("INVITE sip:a@b SIP/2.0\ni: abc\n\n") == "abc");
    CHECK(callIdIn("SIP/2.0 200 OK\r\nVia: x\r\n\r\nCall-ID: body\r\n").empty());
    CHECK(callIdIn("").empty());
    CHECK(callIdIn("\r\n\r\n").empty());
    CHECK(callIdIn("Call-ID: " + std::string(1000, 'x')).size() == 256);
}

TEST_CASE("the latest calls are followed", "[plugin_capture]") {
    FollowedCalls calls;
    calls.follow("");
    CHECK(calls.size() == 0);
    for (int i = 0; i < 5100; ++i) {
        calls.follow("c" + std::to_string(i));
    }
    CHECK(calls.size() == 5000);
    CHECK_FALSE(calls.has("c0"));
    CHECK(calls.has("c5099"));
    SECTION("those that go on longer than the others") {
        calls.follow("c100");
        calls.follow("new");
        CHECK(calls.size() == 5000);
        CHECK(calls.has("c100"));
        CHECK_FALSE(calls.has("c101"));
    }
    SECTION("until that is over") {
        calls.clear();
        CHECK_FALSE(calls.has("c5099"));
    }
}

TEST_CASE("files are written in turn", "[plugin_capture]") {
    siproxd::test::TemporaryDirectory directory;
    Ring::Settings settings{.path = directory.file("cap.pcap"), .format = Format::Pcap, .files = 3, .size = 1000};
    CHECK(Ring::nameOf(settings, 0) == directory.file("cap-1.pcap"));
    CHECK(Ring::nameOf({.path = "a.b/cap", .files = 12}, 4) == "a.b/cap-05");
    CHECK(Ring::nameOf({.path = "cap.pcap", .files = 1}, 0) == "cap.pcap");
    const auto packet = udpPacket(kA, kB, std::string(272, 'x'));  // 300 bytes, 316 with its head
    const auto content = [&](unsigned index) {
        return siproxd::test::TemporaryDirectory::read(Ring::nameOf(settings, index));
    };
    {
        Ring ring(settings);
        for (int i = 0; i < 7; ++i) {
            ring.write(1'000'000 * i, packet, "");
            ring.flush();
        }
        CHECK(ring.takeTrouble().lost == 0);
    }
    // Three in each, and the seventh begins the third.
    CHECK(content(0).size() == 24 + 3 * 316);
    CHECK(content(1).size() == 24 + 3 * 316);
    CHECK(content(2).size() == 24 + 316);
    {
        Ring ring(settings);
        ring.write(0, packet, "");
    }
    CHECK(content(0).size() == 24 + 316);
}

TEST_CASE("a file that cannot be written is told", "[plugin_capture]") {
    siproxd::test::TemporaryDirectory directory;
    Ring ring({.path = directory.file("missing/cap.pcap"), .format = Format::Pcap, .files = 1, .size = 1000});
    ring.write(0, "x", "");
    ring.flush();
    const auto trouble = ring.takeTrouble();
    CHECK(trouble.lost == 1);
    CHECK(trouble.error.find("missing/cap.pcap") != std::string::npos);
    CHECK(ring.takeTrouble().lost == 0);
}

TEST_CASE("a full disk takes nothing away of what has been written", "[plugin_capture]") {
    siproxd::test::TemporaryDirectory directory;
    const auto path = directory.file("cap.pcap");
    const auto packet = udpPacket(kA, kB, std::string(272, 'x'));  // 300 bytes, 316 with its head
    Ring ring({.path = path, .format = Format::Pcap, .files = 1, .size = 10'000});
    const auto write = [&](int packets, std::optional<rlim_t> most = std::nullopt) {
        const Full full(most);
        for (int i = 0; i < packets; ++i) {
            ring.write(0, packet, "");
            ring.flush();
        }
        return ring.takeTrouble().lost;
    };
    const auto size = [&] { return std::filesystem::file_size(path); };
    SECTION("packets") {
        CHECK(write(2) == 0);
        CHECK(write(2, 24 + 2 * 316 + 100) == 2);
        CHECK(size() == 24 + 2 * 316);
        CHECK(write(1) == 0);
        CHECK(size() == 24 + 3 * 316);
    }
    SECTION("nor does it leave a file without a beginning") {
        CHECK(write(2, 10) == 2);
        CHECK(write(1) == 0);
        CHECK(size() == 24 + 316);
    }
}

TEST_CASE("blocks of pcapng have their length at both ends", "[plugin_capture]") {
    for (const auto& block : {packetRecord(Format::Pcapng, 1'700'000'000'123'456, "abcde", "a comment"),
                              packetRecord(Format::Pcapng, 0, "abcd", "")}) {
        std::uint32_t length = 0;
        std::memcpy(&length, block.data() + 4, 4);
        CHECK(length == block.size());
        CHECK(block.substr(block.size() - 4) == block.substr(4, 4));
        CHECK(block.size() % 4 == 0);
    }
}

TEST_CASE("a device that is not there", "[plugin_capture]") {
    std::string why;
    CHECK(Sniffer::open({"nosuchdevice0"}, {}, why) == nullptr);
    CHECK(why.starts_with("nosuchdevice0: "));
}
