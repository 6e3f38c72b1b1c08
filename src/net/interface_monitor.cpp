// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_monitor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"
#include "net/route_message.h"
#include "net/route_socket.h"

namespace siproxd::net {

namespace {

/// The real one. Tables are read in a thread of their own: the kernel answers such questions under
/// a lock that it holds while it reconfigures devices, which takes seconds with some drivers, and
/// just then there is something to read.
class Rtnetlink final : public InterfaceMonitor::Kernel {
public:
    explicit Rtnetlink(event::Loop& loop) : loop_(loop) {}
    ~Rtnetlink() override { join(); }
    Rtnetlink(const Rtnetlink&) = delete;
    Rtnetlink& operator=(const Rtnetlink&) = delete;

    base::Result<int> listen() override {
        auto socket = RouteSocket::forNews();
        if (!socket) {
            return std::unexpected(socket.error());
        }
        news_ = std::move(*socket);
        return news_->fd();
    }

    base::Result<bool> takeNews() override {
        // Routers may hear of thousands of routes a second: let others have their turn.
        constexpr int kAtOnce = 64;
        alignas(std::max_align_t) std::array<char, 16384> buffer;
        bool changed = false;
        for (int i = 0; i < kAtOnce; ++i) {
            const auto [status, length] = news_->receive(buffer);
            switch (status) {
                case RouteSocket::Status::Empty:
                    return changed;
                case RouteSocket::Status::Lost:
                    changed = true;
                    break;
                case RouteSocket::Status::Datagram:
                    changed = changed || announcesChange(std::span(buffer).first(length));
                    break;
                case RouteSocket::Status::Failed:
                    return base::fail(std::string("cannot read netlink: ") + std::strerror(errno));
            }
        }
        return changed;
    }

    void read(Done done) override {
        join();
        const auto deliver = [this, owner = std::weak_ptr(alive_), done = std::move(done)] {
            auto table = InterfaceTable::read();
            loop_.post([owner, done, table = std::move(table)] {
                if (!owner.expired()) {
                    done(table);
                }
            });
        };
        try {
            reader_ = std::thread(deliver);
        } catch (const std::system_error&) {
            deliver();
        }
    }

private:
    void join() {
        if (reader_.joinable()) {
            reader_.join();
        }
    }

    event::Loop& loop_;
    std::optional<RouteSocket> news_;
    std::thread reader_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< shared to be seen expiring
};

}  // namespace

InterfaceMonitor::InterfaceMonitor(event::Loop& loop, InterfaceTable known, OnChanged onChanged)
    : InterfaceMonitor(loop, std::make_unique<Rtnetlink>(loop), std::move(known),
                       std::move(onChanged)) {}

InterfaceMonitor::InterfaceMonitor(event::Loop& loop, std::unique_ptr<Kernel> kernel,
                                   InterfaceTable known, OnChanged onChanged)
    : loop_(loop),
      onChanged_(std::move(onChanged)),
      table_(std::move(known)),
      kernel_(std::move(kernel)),
      timer_(loop.timer([this] { onTimer(); })) {
    listen();
    timer_->start(base::Duration::zero());
}

InterfaceMonitor::~InterfaceMonitor() = default;

void InterfaceMonitor::refresh() {
    if (isReading_) {
        isStale_ = true;
        return;
    }
    // Not put off by what comes later, so that restlessness cannot hold up a change for ever.
    if (!isCollecting_) {
        isCollecting_ = true;
        timer_->start(kSettle);
    }
}

void InterfaceMonitor::listen() {
    watch_.reset();
    const auto fd = kernel_->listen();
    if (!fd) {
        log::warningFromPeer("changes of the network interfaces are seen late: {}",
                             fd.error().message);
        return;
    }
    watch_ = loop_.watch(*fd, event::kReadable, [this](std::uint8_t) { onReadable(); });
}

void InterfaceMonitor::onReadable() {
    const auto changed = kernel_->takeNews();
    if (!changed) {
        log::warningFromPeer("changes of the network interfaces are seen late: {}",
                             changed.error().message);
        watch_.reset();
    }
    if (!changed || *changed) {
        refresh();
    }
}

void InterfaceMonitor::onTimer() {
    isCollecting_ = false;
    if (!watch_) {
        listen();
    }
    isReading_ = true;
    isStale_ = false;
    kernel_->read([this](base::Result<InterfaceTable> fresh) { onRead(std::move(fresh)); });
}

void InterfaceMonitor::onRead(base::Result<InterfaceTable> fresh) {
    isReading_ = false;
    if (!fresh) {
        log::warningFromPeer("{}; going on with what was known before", fresh.error().message);
    }
    if (isStale_) {
        refresh();
    } else if (!fresh || !watch_) {
        timer_->start(kRetry);
    }
    if (fresh && *fresh != table_) {
        table_ = std::move(*fresh);
        onChanged_(table_);
    }
}

}  // namespace siproxd::net
