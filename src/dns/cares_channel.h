// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "dns/resolver.h"
#include "event/loop.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace siproxd::dns {

/// What became of a question to the hosts file and the name servers.
struct Outcome {
    enum class Kind : std::uint8_t {
        Found,
        Negative,  ///< there are none
        Failure,   ///< no name server could say
    };
    Kind kind = Kind::Failure;
    Addresses addresses;
    base::Duration ttl{};  ///< of the addresses; 0 for those of the hosts file
    std::string reason;    ///< what c-ares says when there are no addresses
};

struct ChannelSettings {
    std::vector<base::SocketAddress> servers;  ///< empty: the system's
    std::chrono::milliseconds tryTimeout{};
    int tries = 1;
};

/// One c-ares channel with its sockets and its timer in an event loop.
class CaresChannel {
public:
    using Done = std::function<void(Outcome)>;

    /// Reads the system's configuration. The loop must outlive the channel.
    [[nodiscard]] static base::Result<std::unique_ptr<CaresChannel>> open(
        event::Loop& loop, const ChannelSettings& settings);

    CaresChannel(const CaresChannel&) = delete;
    CaresChannel& operator=(const CaresChannel&) = delete;
    ~CaresChannel();

    /// `done` runs once, possibly inside this call, unless the channel is destroyed before. It must
    /// neither ask nor destroy the channel.
    void ask(const std::string& host, base::Family family, Done done);

private:
    struct Freed {
        void operator()(ares_channeldata* channel) const;
    };

    explicit CaresChannel(event::Loop& loop);

    static void socketState(void* self, int fd, int readable, int writable);
    static void answered(void* request, int status, int timeouts, ares_addrinfo* info);

    void process(int readable, int writable);
    void restartTimer();

    event::Loop& loop_;
    std::unique_ptr<event::Timer> timer_;
    std::map<int, std::unique_ptr<event::Watch>> watches_;
    std::unique_ptr<ares_channeldata, Freed> channel_;
};

}  // namespace siproxd::dns
