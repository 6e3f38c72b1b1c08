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
#include "base/result.h"
#include "dns/outcome.h"
#include "dns/records.h"
#include "event/loop.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace siproxd::dns {

struct ChannelSettings {
    base::SocketAddress server;
    std::chrono::milliseconds timeout{};
    std::vector<std::string> search;  ///< domains for short names
    int dots = 1;                     ///< names with fewer dots are short
};

/// One c-ares channel with its sockets and its timer in an event loop: it asks one name server
/// once, and again by TCP when the answer is truncated. Addresses are looked for in the hosts file
/// first.
class CaresChannel {
public:
    using Done = std::function<void(Outcome)>;

    /// The loop must outlive the channel.
    [[nodiscard]] static base::Result<std::unique_ptr<CaresChannel>>
    open(event::Loop& loop, const ChannelSettings& settings);

    CaresChannel(const CaresChannel&) = delete;
    CaresChannel& operator=(const CaresChannel&) = delete;
    ~CaresChannel();

    /// `done` runs once, possibly inside this call, unless the channel is destroyed before. It must
    /// neither ask this channel nor destroy it.
    void ask(const Question& question, Done done);

private:
    struct Freed {
        void operator()(ares_channeldata* channel) const;
    };
    /// A question on its way through c-ares.
    struct Request {
        RecordType type;
        Done done;
    };

    explicit CaresChannel(event::Loop& loop);

    static void socketState(void* self, int fd, int readable, int writable);
    static void addressesCame(void* request, int status, int timeouts, ares_addrinfo* info);
    static void messageCame(void* request, int status, int timeouts, unsigned char* message,
                            int length);

    void process(int readable, int writable);
    void restartTimer();

    event::Loop& loop_;
    std::unique_ptr<event::Timer> timer_;
    std::map<int, std::unique_ptr<event::Watch>> watches_;
    std::unique_ptr<ares_channeldata, Freed> channel_;
};

}  // namespace siproxd::dns
