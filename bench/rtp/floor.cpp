// SPDX-License-Identifier: GPL-2.0-or-later

/// The floor: as little as a relay in user space can do. Takes each datagram with recvfrom() and
/// passes it on with sendto(), looks at nothing and decides nothing.

#include <sys/epoll.h>

#include <array>
#include <csignal>
#include <vector>

#include "program.h"

using namespace rtpbench;

namespace {

volatile std::sig_atomic_t stopped = 0;

struct Way {
    int from;
    int to;
    sockaddr_in destination;
};

std::size_t relay(int epoll) {
    std::array<epoll_event, 128> events;
    std::array<char, 2048> buffer;
    std::size_t packets = 0;
    while (stopped == 0) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
        for (int i = 0; i < count; ++i) {
            const auto& way = *static_cast<Way*>(events[static_cast<std::size_t>(i)].data.ptr);
            sockaddr_in source{};
            socklen_t length = sizeof source;
            const auto size = ::recvfrom(way.from, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                         reinterpret_cast<sockaddr*>(&source), &length);
            if (size > 0) {
                ::sendto(way.to, buffer.data(), static_cast<std::size_t>(size), MSG_DONTWAIT,
                         reinterpret_cast<const sockaddr*>(&way.destination),
                         sizeof way.destination);
                ++packets;
            }
        }
    }
    return packets;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments(argc, argv);
    prepareProcess(arguments.number("--cpu"));
    std::signal(SIGTERM, [](int) { stopped = 1; });
    const auto streams = arguments.number("--streams");
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<Way> ways;
    ways.reserve(2 * std::size_t{streams});
    for (unsigned i = 0; i < streams; ++i) {
        const unsigned port = 30000 + 2 * i;
        const int a = boundSocket(address(arguments.text("--local-a"), port));
        const int b = boundSocket(address(arguments.text("--local-b"), port));
        ways.push_back({a, b, address(arguments.text("--party-b"), partyPort(i))});
        ways.push_back({b, a, address(arguments.text("--party-a"), partyPort(i))});
        std::printf("%u %u\n", port, port);
    }
    for (auto& way : ways) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &way;
        if (::epoll_ctl(epoll, EPOLL_CTL_ADD, way.from, &event) != 0) {
            die("epoll_ctl");
        }
    }
    std::printf("ready\n");
    std::fflush(stdout);
    const double before = cpuMicroseconds();
    const auto packets = relay(epoll);
    std::printf("packets=%zu cpu_us=%.0f\n", packets, cpuMicroseconds() - before);
}
