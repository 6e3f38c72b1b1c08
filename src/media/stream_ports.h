// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "media/port_pool.h"

namespace siproxd::media {

class Stream;

enum class Channel : std::uint8_t { Rtp, Rtcp };

/// The four sockets of a stream, as a media thread watches them. They outlive the stream: another one may
/// have them after it.
struct StreamPorts {
    /// One socket, for the event loop.
    struct Endpoint {
        StreamPorts* ports;
        Leg leg;
        Channel channel;
        int fd;
    };

    explicit StreamPorts(StreamSockets bound)
        : sockets(std::move(bound)),
          endpoints{Endpoint{this, Leg::A, Channel::Rtp, sockets[Leg::A].rtp.fd()},
                    Endpoint{this, Leg::A, Channel::Rtcp, sockets[Leg::A].rtcp.fd()},
                    Endpoint{this, Leg::B, Channel::Rtp, sockets[Leg::B].rtp.fd()},
                    Endpoint{this, Leg::B, Channel::Rtcp, sockets[Leg::B].rtcp.fd()}} {}
    StreamPorts(const StreamPorts&) = delete;
    StreamPorts& operator=(const StreamPorts&) = delete;

    /// Those of RTP.
    [[nodiscard]] PerLeg<std::uint16_t> numbers() const {
        return {sockets[Leg::A].port(), sockets[Leg::B].port()};
    }
    /// Whether they are bound to these addresses.
    [[nodiscard]] bool areOn(const PerLeg<base::IpAddress>& local) const {
        return sockets[Leg::A].rtp.local().ip == local[Leg::A] &&
               sockets[Leg::B].rtp.local().ip == local[Leg::B];
    }

    const StreamSockets sockets;
    std::array<Endpoint, 4> endpoints;
    std::size_t thread = 0;    ///< number of the media thread that watches them
    Stream* stream = nullptr;  ///< that thread's: who has them; nullptr: what comes is dropped
};

}  // namespace siproxd::media
