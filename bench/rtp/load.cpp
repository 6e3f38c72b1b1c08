// SPDX-License-Identifier: GPL-2.0-or-later

/// Both parties of all calls: sends 172-byte RTP packets, --rate a second for every stream and
/// direction, spread evenly over time, and takes what comes out at the other end. Reads one line
/// `portA portB` for every stream from standard input: where party A and party B send to.

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include "program.h"

using namespace rtpbench;

namespace {

constexpr std::size_t kPacket = 172;
constexpr std::int64_t kSecond = 1'000'000'000;  // ns
constexpr std::int64_t kSlots = 80;              // between two packets of a stream

std::int64_t now(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
}

/// Sockets belong to the namespace in which they are made.
void enterNamespace(const std::string& name) {
    const int fd = ::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::setns(fd, CLONE_NEWNET) != 0) {
        die("cannot enter namespace " + name);
    }
    ::close(fd);
}

int connectedSocket(const sockaddr_in& local, const sockaddr_in& remote) {
    const int fd = boundSocket(local);
    const int on = 1;
    if (::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        ::connect(fd, reinterpret_cast<const sockaddr*>(&remote), sizeof remote) != 0) {
        die("cannot connect");
    }
    return fd;
}

class Load {
public:
    explicit Load(unsigned rate)
        : epoll_(::epoll_create1(EPOLL_CLOEXEC)), slot_(kSecond / (rate * kSlots)) {}

    void add(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
            die("epoll_ctl");
        }
        sockets_.push_back(fd);
    }

    void run(unsigned seconds) {
        const auto start = now(CLOCK_MONOTONIC);
        const auto slots = seconds * kSecond / slot_;
        for (std::int64_t slot = 0; slot < slots; ++slot) {
            sleepUntil(start + slot * slot_);
            sendSlot(slot);
            receive();
        }
        // What is still on its way.
        const auto end = now(CLOCK_MONOTONIC) + 200'000'000;
        while (now(CLOCK_MONOTONIC) < end) {
            receive();
            sleepUntil(now(CLOCK_MONOTONIC) + 1'000'000);
        }
    }

    void print(double cpu) {
        std::sort(latencies_.begin(), latencies_.end());
        std::printf("sent=%zu received=%zu p50_us=%.1f p99_us=%.1f cpu_us=%.0f\n", sent_,
                    latencies_.size(), percentile(50), percentile(99), cpu);
    }

private:
    static void sleepUntil(std::int64_t at) {
        const timespec until{at / kSecond, at % kSecond};
        ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }

    void sendSlot(std::int64_t slot) {
        const auto count = static_cast<std::int64_t>(sockets_.size());
        const auto place = slot % kSlots;
        const auto round = static_cast<std::uint16_t>(slot / kSlots);
        const auto first = (place * count + kSlots - 1) / kSlots;
        const auto last = ((place + 1) * count + kSlots - 1) / kSlots;
        for (auto i = first; i < last; ++i) {
            sendOne(static_cast<std::size_t>(i), round);
        }
    }

    void sendOne(std::size_t index, std::uint16_t sequence) {
        std::array<char, kPacket> packet{};
        packet[0] = static_cast<char>(0x80);
        packet[1] = 8;
        packet[2] = static_cast<char>(sequence >> 8U);
        packet[3] = static_cast<char>(sequence & 0xffU);
        std::memcpy(&packet[8], &index, 4);
        const auto time = now(CLOCK_REALTIME);
        std::memcpy(&packet[12], &time, sizeof time);
        if (::send(sockets_[index], packet.data(), packet.size(), MSG_DONTWAIT) > 0) {
            ++sent_;
        }
    }

    void receive() {
        std::array<epoll_event, 256> events;
        for (;;) {
            const int count =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
            if (count <= 0) {
                return;
            }
            for (int i = 0; i < count; ++i) {
                receiveOne(events[static_cast<std::size_t>(i)].data.fd);
            }
        }
    }

    void receiveOne(int fd) {
        std::array<char, 2048> buffer;
        alignas(cmsghdr) std::array<char, 128> control;
        iovec vector{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (::recvmsg(fd, &message, MSG_DONTWAIT) != static_cast<ssize_t>(kPacket)) {
            return;
        }
        std::int64_t sentAt = 0;
        std::memcpy(&sentAt, &buffer[12], sizeof sentAt);
        // The kernel's time of arrival: how soon this program looks is not the relay's fault.
        for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
             header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
                timespec arrived{};
                std::memcpy(&arrived, CMSG_DATA(header), sizeof arrived);
                latencies_.push_back(std::int64_t{arrived.tv_sec} * 1'000'000'000 +
                                     arrived.tv_nsec - sentAt);
            }
        }
    }

    [[nodiscard]] double percentile(std::size_t percent) const {
        if (latencies_.empty()) {
            return 0;
        }
        return static_cast<double>(latencies_[(latencies_.size() - 1) * percent / 100]) / 1000;
    }

    int epoll_;
    const std::int64_t slot_;  // ns
    std::vector<int> sockets_;
    std::vector<std::int64_t> latencies_;
    std::size_t sent_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments(argc, argv);
    prepareProcess(arguments.number("--cpu"));
    ::prctl(PR_SET_TIMERSLACK, 1);
    const auto streams = arguments.number("--streams");
    std::vector<std::array<unsigned, 2>> ports(streams);
    for (auto& pair : ports) {
        if (std::scanf("%u %u", pair.data(), &pair[1]) != 2) {
            die("ports on standard input");
        }
    }
    Load load(std::max(1U, arguments.number("--rate")));
    for (std::size_t side = 0; side < 2; ++side) {
        const std::string letter = side == 0 ? "a" : "b";
        enterNamespace(arguments.text("--netns-" + letter));
        for (unsigned i = 0; i < streams; ++i) {
            load.add(connectedSocket(
                address(arguments.text("--party-" + letter), partyPort(i)),
                address(arguments.text("--to-" + letter), ports[i][side])));
        }
    }
    const double before = cpuMicroseconds();
    load.run(arguments.number("--seconds"));
    load.print(cpuMicroseconds() - before);
}
