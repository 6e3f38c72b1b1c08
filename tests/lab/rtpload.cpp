// SPDX-License-Identifier: GPL-2.0-or-later
// Many RTP streams from one thread: sends on every stream at its pace and counts what arrives on
// it. Both ends of a call run this, each for its side.
//
//     rtpload SECONDS PLAN
//
// PLAN is a file of lines `own-address own-port peer-address peer-port number`, one per call. Each
// packet carries the call's number and the side that sent it (its process id as SSRC), so that a
// packet of the wrong call is noticed. After the last packet it listens for another second. The
// result is one line of JSON on stdout. `ready` on stdout asks for a line on stdin to begin.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::size_t kPacketSize = 172;
constexpr auto kPace = microseconds(20'000);
constexpr auto kLinger = std::chrono::seconds(1);

struct Stream {
    int fd = -1;
    std::uint32_t number = 0;
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    std::uint32_t highest = 0;
    std::uint32_t reordered = 0;
};

struct Totals {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t reordered = 0;
    std::uint64_t foreign = 0;
    std::uint64_t failed = 0;
    std::uint32_t silentStreams = 0;
    std::uint32_t leastReceived = UINT32_MAX;
    std::int64_t worstLagMicros = 0;
};

[[noreturn]] void fail(const std::string& what) {
    std::cerr << what << ": " << std::strerror(errno) << '\n';
    std::exit(2);
}

sockaddr_in socketAddress(const std::string& host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        fail("address " + host);
    }
    return address;
}

int openSocket(const sockaddr_in& own, const sockaddr_in& peer) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const int reuse = 1;
    const int buffer = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
        connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) {
        fail("socket on port " + std::to_string(ntohs(own.sin_port)));
    }
    return fd;
}

std::vector<Stream> openStreams(const char* planFile, int poll) {
    std::vector<Stream> streams;
    std::ifstream plan(planFile);
    std::string ownHost;
    std::string peerHost;
    std::uint16_t ownPort = 0;
    std::uint16_t peerPort = 0;
    std::uint32_t number = 0;
    while (plan >> ownHost >> ownPort >> peerHost >> peerPort >> number) {
        Stream stream;
        stream.fd = openSocket(socketAddress(ownHost, ownPort), socketAddress(peerHost, peerPort));
        stream.number = number;
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = streams.size();
        if (epoll_ctl(poll, EPOLL_CTL_ADD, stream.fd, &event) != 0) {
            fail("epoll");
        }
        streams.push_back(stream);
    }
    return streams;
}

void put32(std::uint8_t* at, std::uint32_t value) {
    value = htonl(value);
    std::memcpy(at, &value, sizeof value);
}

std::uint32_t get32(const std::uint8_t* at) {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return ntohl(value);
}

/// RTP header of 12 bytes, then call number and sequence in full.
void sendPacket(Stream& stream, std::uint32_t side, Totals& totals) {
    std::array<std::uint8_t, kPacketSize> packet{0x80, 8};
    const std::uint32_t sequence = ++stream.sent;
    packet[2] = static_cast<std::uint8_t>(sequence >> 8);
    packet[3] = static_cast<std::uint8_t>(sequence);
    put32(&packet[4], sequence * 160);
    put32(&packet[8], side ^ stream.number);
    put32(&packet[12], stream.number);
    put32(&packet[16], sequence);
    if (send(stream.fd, packet.data(), packet.size(), 0) != static_cast<ssize_t>(packet.size())) {
        ++totals.failed;
    }
}

void receivePackets(Stream& stream, Totals& totals) {
    std::array<std::uint8_t, 2048> packet;
    ssize_t size = 0;
    while ((size = recv(stream.fd, packet.data(), packet.size(), 0)) > 0) {
        if (size != static_cast<ssize_t>(kPacketSize) || get32(&packet[12]) != stream.number) {
            ++totals.foreign;
            continue;
        }
        const std::uint32_t sequence = get32(&packet[16]);
        ++stream.received;
        stream.reordered += sequence <= stream.highest ? 1 : 0;
        stream.highest = std::max(stream.highest, sequence);
    }
}

void receiveFor(int poll, microseconds wait, std::vector<Stream>& streams, Totals& totals) {
    std::array<epoll_event, 256> events;
    const auto millis = static_cast<int>((wait.count() + 999) / 1000);
    const int count = epoll_wait(poll, events.data(), events.size(), std::max(0, millis));
    for (int index = 0; index < count; ++index) {
        receivePackets(streams[events[static_cast<std::size_t>(index)].data.u64], totals);
    }
}

/// Spreads the streams evenly over the pace of 20 ms and keeps to it for `rounds` packets each.
void runStreams(int poll, std::vector<Stream>& streams, std::uint64_t rounds, Totals& totals) {
    const auto side = static_cast<std::uint32_t>(getpid()) << 16;
    const auto start = Clock::now();
    const std::uint64_t steps = rounds * streams.size();
    std::uint64_t done = 0;
    while (done < steps) {
        const auto now = Clock::now();
        const auto elapsed = std::chrono::duration_cast<microseconds>(now - start);
        const auto due = std::min<std::uint64_t>(
            steps, static_cast<std::uint64_t>(elapsed.count()) * streams.size() /
                           static_cast<std::uint64_t>(kPace.count()) + 1);
        const auto lag = static_cast<std::int64_t>((due - done) *
                             static_cast<std::uint64_t>(kPace.count()) / streams.size());
        totals.worstLagMicros = std::max(totals.worstLagMicros, lag);
        for (; done < due; ++done) {
            sendPacket(streams[done % streams.size()], side, totals);
        }
        receiveFor(poll, microseconds(1000), streams, totals);
    }
    for (const auto end = Clock::now() + kLinger; Clock::now() < end;) {
        receiveFor(poll, microseconds(10'000), streams, totals);
    }
}

void report(const std::vector<Stream>& streams, Totals totals) {
    for (const Stream& stream : streams) {
        totals.sent += stream.sent;
        totals.received += stream.received;
        totals.reordered += stream.reordered;
        totals.silentStreams += stream.received == 0 ? 1 : 0;
        totals.leastReceived = std::min(totals.leastReceived, stream.received);
    }
    std::printf("{\"streams\": %zu, \"sent\": %llu, \"received\": %llu, \"reordered\": %llu, "
                "\"foreign\": %llu, \"failed\": %llu, \"silent_streams\": %u, "
                "\"least_received\": %u, \"worst_lag_ms\": %.1f}\n",
                streams.size(), static_cast<unsigned long long>(totals.sent),
                static_cast<unsigned long long>(totals.received),
                static_cast<unsigned long long>(totals.reordered),
                static_cast<unsigned long long>(totals.foreign),
                static_cast<unsigned long long>(totals.failed), totals.silentStreams,
                totals.leastReceived, static_cast<double>(totals.worstLagMicros) / 1000.0);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: rtpload SECONDS PLAN\n";
        return 2;
    }
    rlimit files{65536, 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    const int poll = epoll_create1(0);
    std::vector<Stream> streams = openStreams(argv[2], poll);
    if (streams.empty()) {
        std::cerr << "no streams in " << argv[2] << '\n';
        return 2;
    }
    std::cout << "ready" << std::endl;
    std::string line;
    std::getline(std::cin, line);
    Totals totals;
    const auto rounds = static_cast<std::uint64_t>(std::strtod(argv[1], nullptr) * 50.0);
    runStreams(poll, streams, rounds, totals);
    report(streams, totals);
    return 0;
}
