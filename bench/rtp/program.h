// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <arpa/inet.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

/// What the three programs of the benchmark have in common.
namespace rtpbench {

[[noreturn]] inline void die(const std::string& what) {
    std::perror(what.c_str());
    std::exit(1);
}

/// `--name value` pairs of the command line.
class Arguments {
public:
    Arguments(int argc, char** argv) {
        for (int i = 1; i + 1 < argc; i += 2) {
            values_[argv[i]] = argv[i + 1];
        }
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        const auto found = values_.find(name);
        if (found == values_.end()) {
            std::fprintf(stderr, "%s is missing\n", name.c_str());
            std::exit(2);
        }
        return found->second;
    }
    [[nodiscard]] unsigned number(const std::string& name) const {
        return static_cast<unsigned>(std::strtoul(text(name).c_str(), nullptr, 10));
    }

private:
    std::map<std::string, std::string> values_;
};

inline sockaddr_in address(const std::string& ip, unsigned port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, ip.c_str(), &out.sin_addr) != 1) {
        std::fprintf(stderr, "%s is no IPv4 address\n", ip.c_str());
        std::exit(2);
    }
    return out;
}

inline int boundSocket(const sockaddr_in& local) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
        die("cannot bind port " + std::to_string(ntohs(local.sin_port)));
    }
    return fd;
}

/// Port of a party's stream; both parties use the same numbers.
inline unsigned partyPort(unsigned stream) {
    return 20000 + 2 * stream;
}

/// CPU time of this process, user and system, in microseconds.
inline double cpuMicroseconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto micros = [](const timeval& tv) {
        return static_cast<double>(tv.tv_sec) * 1e6 + static_cast<double>(tv.tv_usec);
    };
    return micros(usage.ru_utime) + micros(usage.ru_stime);
}

/// One CPU for this process, ahead of whatever else the machine does; as many descriptors as it may
/// have.
inline void prepareProcess(unsigned cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu % static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN)), &cpus);
    ::sched_setaffinity(0, sizeof cpus, &cpus);
    sched_param parameters{};
    parameters.sched_priority = 10;
    ::sched_setscheduler(0, SCHED_RR, &parameters);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace rtpbench
