// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace siproxd::transport {

struct FramerLimits {
    std::size_t head = 32 * 1024;  ///< start line and header fields with the empty line, in bytes
    std::size_t body = 64 * 1024;  ///< largest Content-Length
    std::size_t message = 96 * 1024;  ///< both together
};

/// What stands at the front of a stream.
struct Frame {
    enum class Kind : std::uint8_t {
        NeedMore,  ///< nothing whole yet
        Message,   ///< exactly one message
        Ping,      ///< CRLFCRLF: a pong (CRLF) is owed (RFC 5626 §3.5.1)
        Pong,      ///< CRLF, the answer to our ping, or an empty line in front of a message
        Error,     ///< where the message ends is not known: the connection has to be closed
    };
    Kind kind = Kind::NeedMore;
    std::size_t length = 0;   ///< bytes that it takes; of an Error, those that an answer may quote
    int status = 0;           ///< of an Error: what a request gets for it
    std::string_view reason = {};  ///< of an Error: static text for answer and log
};

/// Cuts a byte stream into SIP messages by Content-Length (RFC 3261 §18.3), which must be there
/// once, in digits only and not above the limit. Whatever two readers could understand differently
/// (bare CR or LF, NUL but in a quoted-pair, a space before the colon, a folded or repeated length) is an error. It
/// stores no bytes: the owner keeps those that have not been consumed, and passes them again with
/// what has come since.
class StreamFramer {
public:
    explicit StreamFramer(const FramerLimits& limits = {}) : limits_(limits) {}

    /// Looks at the front of `bytes`: what was passed last time and more, or, after a frame of any
    /// kind but NeedMore, what follows its `length` bytes. Nothing is looked at twice, so that many
    /// small reads cost no more than one large one. `pongAwaited`: a lone CRLF is a pong at once,
    /// instead of waiting for the second half of a ping. An Error stays one for ever.
    [[nodiscard]] Frame next(std::string_view bytes, bool pongAwaited = false);

    /// From the next call on.
    void setLimits(const FramerLimits& limits) { limits_ = limits; }

    /// Whether a message has begun that is not complete yet.
    [[nodiscard]] bool midMessage() const { return scanned_ > 0; }

private:
    [[nodiscard]] static std::optional<Frame> lineEnds(std::string_view bytes, bool pongAwaited);
    [[nodiscard]] std::optional<Frame> scanHead(std::string_view bytes);
    void takeLine(std::string_view line);
    /// The length cannot be believed. Said at the end of the head: what an answer has to quote may
    /// come behind.
    void doubt(std::string_view reason);
    [[nodiscard]] Frame fail(int status, std::string_view reason, std::size_t length);
    [[nodiscard]] Frame message(std::string_view bytes);

    FramerLimits limits_;
    std::optional<Frame> error_;
    std::size_t scanned_ = 0;    ///< bytes of the head that have been looked at
    std::size_t lineStart_ = 0;  ///< where the line begins that is being read
    std::size_t headLength_ = 0; ///< 0 while its end has not been seen
    std::optional<std::size_t> contentLength_;
    std::string_view doubt_;  ///< why the length cannot be believed; empty: it can so far
    bool lastWasLength_ = false;  ///< whether a folded line would continue Content-Length
};

}  // namespace siproxd::transport
