// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/stream_framer.h"

#include <algorithm>

#include "base/text.h"

namespace siproxd::transport {

namespace {

bool isContentLength(std::string_view name) {
    return base::equalsIgnoreCase(name, "Content-Length") || base::equalsIgnoreCase(name, "l");
}

}  // namespace

Frame StreamFramer::next(std::string_view bytes, bool pongAwaited) {
    if (error_) {
        return *error_;
    }
    if (scanned_ == 0) {
        if (const auto frame = lineEnds(bytes, pongAwaited)) {
            return *frame;
        }
    }
    if (headLength_ == 0) {
        if (const auto failure = scanHead(bytes)) {
            return *failure;
        }
    }
    return headLength_ == 0 ? Frame{} : message(bytes);
}

std::optional<Frame> StreamFramer::lineEnds(std::string_view bytes, bool pongAwaited) {
    if (bytes.empty() || bytes == "\r" || bytes == "\r\n\r") {
        return Frame{};
    }
    if (bytes.starts_with("\r\n\r\n")) {
        return Frame{.kind = Frame::Kind::Ping, .length = 4};
    }
    if (bytes == "\r\n" && !pongAwaited) {
        return Frame{};
    }
    if (bytes.starts_with("\r\n")) {
        return Frame{.kind = Frame::Kind::Pong, .length = 2};
    }
    return std::nullopt;
}

std::optional<Frame> StreamFramer::scanHead(std::string_view bytes) {
    const std::size_t end = std::min(bytes.size(), limits_.head);
    while (scanned_ < end) {
        const std::size_t at = scanned_++;
        const char byte = bytes[at];
        const bool afterCr = at > lineStart_ && bytes[at - 1] == '\r';
        // RFC 3261 §25.1 allows one in a quoted-pair; whether this is one is for the parser to see.
        if (byte == '\0' && !(at > lineStart_ && bytes[at - 1] == '\\')) {
            return fail(400, "NUL in the header", at);
        }
        if (afterCr != (byte == '\n')) {
            return fail(400, "Bare CR or LF in the header", at);
        }
        if (byte != '\n') {
            continue;
        }
        const std::string_view line = bytes.substr(lineStart_, at - 1 - lineStart_);
        if (line.empty()) {
            headLength_ = at + 1;
            if (!contentLength_) {
                doubt("Missing Content-Length");
            }
            if (!doubt_.empty()) {
                return fail(400, doubt_, at + 1);
            }
            return headLength_ + *contentLength_ <= limits_.message
                       ? std::nullopt
                       : std::optional(fail(513, "Message Too Large", at + 1));
        }
        // The start line is no header field, whatever it looks like.
        if (lineStart_ > 0) {
            takeLine(line);
        }
        lineStart_ = at + 1;
    }
    if (bytes.size() >= limits_.head) {
        return fail(513, "Message Too Large", scanned_);
    }
    return std::nullopt;
}

void StreamFramer::takeLine(std::string_view line) {
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (folded) {
        if (lastWasLength_) {
            doubt("Folded Content-Length");
        }
        return;
    }
    const auto colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    lastWasLength_ = isContentLength(base::trim(name));
    if (!lastWasLength_) {
        return;
    }
    if (colon == std::string_view::npos || !isContentLength(name)) {
        doubt("Malformed Content-Length");
        return;
    }
    if (contentLength_) {
        doubt("Repeated Content-Length");
        return;
    }
    const std::string_view value = base::trim(line.substr(colon + 1));
    const bool digits = !value.empty() && std::ranges::all_of(value, [](char c) {
        return c >= '0' && c <= '9';
    });
    const auto length = base::parseUnsigned(value, limits_.body);
    if (!digits || !length) {
        doubt(digits ? "Content-Length Too Large" : "Malformed Content-Length");
    }
    contentLength_ = static_cast<std::size_t>(length.value_or(0));
}

void StreamFramer::doubt(std::string_view reason) {
    if (doubt_.empty()) {
        doubt_ = reason;
    }
}

Frame StreamFramer::fail(int status, std::string_view reason, std::size_t length) {
    error_ = Frame{
        .kind = Frame::Kind::Error, .length = length, .status = status, .reason = reason};
    return *error_;
}

Frame StreamFramer::message(std::string_view bytes) {
    const std::size_t length = headLength_ + contentLength_.value_or(0);
    if (bytes.size() < length) {
        return {};
    }
    scanned_ = lineStart_ = headLength_ = 0;
    contentLength_.reset();
    lastWasLength_ = false;
    return {.kind = Frame::Kind::Message, .length = length};
}

}  // namespace siproxd::transport
