// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" {
struct ssl_st;
}

namespace siproxd::event {

struct StreamOptions {
    bool connecting = false;  ///< connect(2) has been called and is under way
    /// A TLS session to speak, owned by the stream from then on; null: plain TCP.
    ::ssl_st* tls = nullptr;
    bool tlsServer = false;  ///< the peer begins the handshake
    /// Reading pauses while at least this many bytes have not been consumed. Up to one read (32 kB)
    /// more may be held.
    std::size_t readLimit = 128 * 1024;
};

/// A byte stream over a non-blocking socket, plain or TLS. Destroying it closes it at once and is
/// allowed inside each callback; no callback comes after that. No callback comes from inside a
/// call of its own.
class Stream {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        /// Connection and TLS handshake are done. Not called for an accepted plain stream, which is
        /// connected from the start.
        virtual void onConnected() = 0;
        /// received() has grown.
        virtual void onData() = 0;
        /// Everything written has gone to the kernel.
        virtual void onDrained() = 0;
        /// It is over; `reason` says why and is empty when the peer closed in order, or when
        /// finish() is done. What has been received and not consumed can still be read.
        virtual void onClosed(std::string_view reason) = 0;
    };

    virtual ~Stream() = default;

    /// What has come and has not been consumed, in one piece; valid until the next call of
    /// consume(), or until the loop runs.
    [[nodiscard]] virtual std::string_view received() = 0;
    /// Forgets the first `length` bytes of received().
    virtual void consume(std::size_t length) = 0;

    /// Queues bytes without limit (see unsent()); also before it is connected.
    virtual void write(std::string_view bytes) = 0;
    /// Bytes written that have not gone to the kernel.
    [[nodiscard]] virtual std::size_t unsent() const = 0;

    /// Writes the rest, tells the peer that this was all, and reads and forgets until the peer
    /// closes too; then onClosed(). Without this wait the kernel could tear down what the peer has
    /// not read yet. There is no time limit: the owner sets one.
    virtual void finish() = 0;

    [[nodiscard]] virtual int fd() const = 0;
    /// The TLS session, null for plain TCP.
    [[nodiscard]] virtual ::ssl_st* tls() const = 0;
};

}  // namespace siproxd::event
