// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace siproxd::net {

/// A rtnetlink socket, closed on exec.
class RouteSocket {
public:
    /// One that is asked. Its reads wait, a few seconds at most.
    [[nodiscard]] static base::Result<RouteSocket> forQuestions();

    /// One that hears of all changes of links, addresses and routes, of both IP versions. Its reads
    /// never wait.
    [[nodiscard]] static base::Result<RouteSocket> forNews();

    [[nodiscard]] int fd() const { return fd_.get(); }

    /// Asks for all of a kind: `type` is RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE (of the main
    /// table, as far as the kernel can choose), `family` AF_UNSPEC, AF_INET or AF_INET6.
    [[nodiscard]] base::Result<void> ask(std::uint16_t type, std::uint8_t family,
                                         std::uint32_t sequence) const;

    /// Sends a whole message of the caller's making to the kernel.
    [[nodiscard]] base::Result<void> send(std::span<const char> message) const;

    enum class Status : std::uint8_t {
        Datagram,  ///< of the kernel, whole, `length` bytes
        Empty,     ///< nothing is waiting; on a socket for questions: no answer in time
        Lost,      ///< the kernel could not keep some, or the buffer is too short for this one
        Failed,    ///< errno says why; the socket is of no more use
    };
    struct Received {
        Status status = Status::Empty;
        std::size_t length = 0;
    };

    /// Reads one datagram into `buffer`. What other processes send is passed over.
    [[nodiscard]] Received receive(std::span<char> buffer) const;

private:
    explicit RouteSocket(base::UniqueFd fd) : fd_(std::move(fd)) {}

    base::UniqueFd fd_;
};

}  // namespace siproxd::net
