// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/port_pool.h"

#include <utility>

#include "base/log.h"

namespace siproxd::media {

namespace {

/// Port 0: any two ports.
base::Result<LegSockets> bindPair(const base::IpAddress& local, std::uint16_t port) {
    auto rtp = net::UdpSocket::bind({local, port});
    if (!rtp) {
        return std::unexpected(std::move(rtp.error()));
    }
    auto rtcp = net::UdpSocket::bind({local, static_cast<std::uint16_t>(port == 0 ? 0 : port + 1)});
    if (!rtcp) {
        return std::unexpected(std::move(rtcp.error()));
    }
    return LegSockets{std::move(*rtp), std::move(*rtcp)};
}

}  // namespace

PortPool::PortPool(std::uint16_t low, std::uint16_t high, unsigned dscp, base::Random& random)
    : low_(low), high_(high), dscp_(dscp), random_(random) {
    for (unsigned port = (low + 1U) & ~1U; port != 0 && port + 1 <= high; port += 2) {
        free_.push_back(static_cast<std::uint16_t>(port));
    }
    pairs_ = free_.size();
}

base::Result<StreamSockets> PortPool::acquire(const PerLeg<base::IpAddress>& local) {
    std::vector<std::uint16_t> busy;
    const auto bind = [this, &local, &busy]() -> base::Result<StreamSockets> {
        if (local[Leg::A] != local[Leg::B]) {
            auto both = bindAny({local[Leg::A], local[Leg::B]}, busy);
            if (!both) {
                return std::unexpected(std::move(both.error()));
            }
            return StreamSockets(std::move((*both)[0]), std::move((*both)[1]));
        }
        auto a = bindAny({local[Leg::A]}, busy);
        if (!a) {
            return std::unexpected(std::move(a.error()));
        }
        auto b = bindAny({local[Leg::B]}, busy);
        if (!b) {
            free_.push_back(a->front().port());
            return std::unexpected(std::move(b.error()));
        }
        return StreamSockets(std::move(a->front()), std::move(b->front()));
    };
    auto sockets = bind();
    // What is busy now may be free for the next call.
    free_.insert(free_.end(), busy.begin(), busy.end());
    if (sockets && dscp_ != 0) {
        for (auto& leg : *sockets) {
            mark(leg);
        }
    }
    return sockets;
}

void PortPool::release(const PerLeg<std::uint16_t>& ports) {
    free_.push_back(ports[Leg::A]);
    if (ports[Leg::B] != ports[Leg::A]) {
        free_.push_back(ports[Leg::B]);
    }
}

base::Result<std::vector<LegSockets>> PortPool::bindAny(const Addresses& addresses,
                                                        std::vector<std::uint16_t>& busy) {
    while (!free_.empty()) {
        const auto port = takeRandom();
        auto sockets = bindAll(addresses, port);
        if (sockets) {
            return sockets;
        }
        busy.push_back(port);
        // If the addresses can be bound at all, it is the port that somebody else has.
        if (const auto probe = bindAll(addresses, 0); !probe) {
            return std::unexpected(probe.error());
        }
        log::debug(log::Class::Rtp, "relay port {} is busy: {}", port, sockets.error().message);
    }
    return base::fail("no relay port is free in " + std::to_string(low_) + "-" +
                      std::to_string(high_));
}

base::Result<std::vector<LegSockets>> PortPool::bindAll(const Addresses& addresses,
                                                        std::uint16_t port) {
    std::vector<LegSockets> bound;
    for (const auto& address : addresses) {
        auto pair = bindPair(address, port);
        if (!pair) {
            return std::unexpected(std::move(pair.error()));
        }
        bound.push_back(std::move(*pair));
    }
    return bound;
}

std::uint16_t PortPool::takeRandom() {
    auto& picked = free_[random_.below(static_cast<std::uint32_t>(free_.size()))];
    std::swap(picked, free_.back());
    const auto port = free_.back();
    free_.pop_back();
    return port;
}

void PortPool::mark(LegSockets& sockets) {
    for (auto* socket : {&sockets.rtp, &sockets.rtcp}) {
        if (const auto marked = socket->setDscp(dscp_); !marked && !dscpFailureLogged_) {
            dscpFailureLogged_ = true;
            log::warning("rtp_dscp has no effect: {}", marked.error().message);
        }
    }
}

}  // namespace siproxd::media
