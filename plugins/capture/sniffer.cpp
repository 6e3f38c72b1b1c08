// SPDX-License-Identifier: GPL-2.0-or-later
#include "sniffer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "frames.h"

namespace capture {

namespace {

constexpr int kSnap = 65'535;
constexpr int kBuffer = 8 * 1024 * 1024;  // bytes, of the kernel
constexpr int kAtOnce = 256;              // packets of one device before others have a turn

struct Ends {
    std::string from;
    std::string to;
};

/// Of an IP packet with UDP.
Ends endsOf(std::string_view packet) {
    const auto ports = udpPorts(packet);
    if (ports.from == 0 && ports.to == 0) {
        return {};
    }
    const bool isV4 = (static_cast<std::uint8_t>(packet[0]) >> 4U) == 4;
    const auto text = [&](std::size_t at) {
        std::array<char, INET6_ADDRSTRLEN> out{};
        ::inet_ntop(isV4 ? AF_INET : AF_INET6, packet.data() + at, out.data(), out.size());
        return std::string(out.data());
    };
    return {Sniffer::keyOf(text(isV4 ? 12 : 8), ports.from), Sniffer::keyOf(text(isV4 ? 16 : 24), ports.to)};
}

}  // namespace

void Sniffer::Close::operator()(::pcap* handle) const {
    ::pcap_close(handle);
}

std::string Sniffer::keyOf(std::string_view ip, std::uint16_t port) {
    return std::string(ip) + " " + std::to_string(port);
}

std::unique_ptr<Sniffer> Sniffer::open(const std::vector<std::string>& devices, Sink sink, std::string& why) {
    std::unique_ptr<Sniffer> sniffer(new Sniffer(std::move(sink)));
    for (const auto& device : devices) {
        char error[PCAP_ERRBUF_SIZE] = "";
        std::unique_ptr<::pcap, Close> handle(::pcap_create(device.c_str(), error));
        if (handle == nullptr) {
            why = device + ": " + error;
            return nullptr;
        }
        ::pcap_set_snaplen(handle.get(), kSnap);
        ::pcap_set_immediate_mode(handle.get(), 1);
        ::pcap_set_buffer_size(handle.get(), kBuffer);
        ::bpf_program udp{};
        if (::pcap_activate(handle.get()) < 0 || ::pcap_compile(handle.get(), &udp, "udp", 1, PCAP_NETMASK_UNKNOWN) != 0) {
            why = device + ": " + ::pcap_geterr(handle.get());
            return nullptr;
        }
        const bool isFiltered = ::pcap_setfilter(handle.get(), &udp) == 0;
        ::pcap_freecode(&udp);
        if (!isFiltered || ::pcap_setnonblock(handle.get(), 1, error) != 0) {
            why = device + ": " + (isFiltered ? error : ::pcap_geterr(handle.get()));
            return nullptr;
        }
        sniffer->handles_.push_back(std::move(handle));
    }
    if (::pipe2(sniffer->wake_, O_CLOEXEC) != 0) {
        why = std::strerror(errno);
        return nullptr;
    }
    return sniffer;
}

Sniffer::~Sniffer() {
    if (wake_[1] >= 0) {
        ::close(wake_[1]);
    }
    if (thread_.joinable()) {
        thread_.join();
    }
    if (wake_[0] >= 0) {
        ::close(wake_[0]);
    }
}

void Sniffer::want(std::unordered_set<std::string> ends) {
    idle_ = ends.empty();
    {
        const std::lock_guard lock(mutex_);
        ends_ = std::move(ends);
    }
    if (!idle_ && !thread_.joinable()) {
        thread_ = std::thread([this] { run(); });
    }
}

void Sniffer::take(int linkType, std::int64_t time, std::string_view frame) {
    const auto packet = ipIn(frame, linkType);
    const auto ends = endsOf(packet);
    if (ends.from.empty()) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        if (!ends_.contains(ends.from) && !ends_.contains(ends.to)) {
            return;
        }
    }
    sink_(time, packet);
}

void Sniffer::run() {
    // Signals are the main thread's.
    ::sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::vector<::pollfd> watched{{.fd = wake_[0], .events = POLLIN, .revents = 0}};
    for (const auto& handle : handles_) {
        watched.push_back({.fd = ::pcap_get_selectable_fd(handle.get()), .events = POLLIN, .revents = 0});
    }
    struct Context {
        Sniffer* sniffer;
        int linkType;
    };
    while (::poll(watched.data(), watched.size(), -1) >= 0 || errno == EINTR) {
        if (watched[0].revents != 0) {
            return;
        }
        for (std::size_t i = 1; i < watched.size(); ++i) {
            if (watched[i].revents == 0) {
                continue;
            }
            auto* handle = handles_[i - 1].get();
            Context context{this, ::pcap_datalink(handle)};
            const int count = ::pcap_dispatch(
                handle, kAtOnce,
                [](::u_char* user, const ::pcap_pkthdr* header, const ::u_char* bytes) {
                    const auto& known = *reinterpret_cast<Context*>(user);
                    if (!known.sniffer->idle_) {
                        known.sniffer->take(known.linkType,
                                            static_cast<std::int64_t>(header->ts.tv_sec) * 1'000'000 +
                                                header->ts.tv_usec,
                                            {reinterpret_cast<const char*>(bytes), header->caplen});
                    }
                },
                reinterpret_cast<::u_char*>(&context));
            if (count < 0) {
                watched[i].fd = -1;  // the device has gone; it is not watched any more
            }
        }
    }
}

}  // namespace capture
