// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>

#include "sdp/media.h"

namespace siproxd::sdp {

/// A session description (RFC 8866) that is edited in place: every byte that is not edited comes
/// out of toString() as it went in, line order and line ends (CRLF or LF) included.
class Session {
public:
    static constexpr std::size_t kMaxBytes = 65536;
    static constexpr std::size_t kMaxLines = 1024;
    static constexpr std::size_t kMaxMedia = 32;

    /// Reads a body; it is copied. Errors: not `v=0` first, a line that is not `letter=value`,
    /// control characters, an o=, c= or m= line that cannot be read, media in use without any c=,
    /// too much of anything.
    [[nodiscard]] static base::Result<Session> parse(std::string_view body);

    [[nodiscard]] std::string toString() const;

    /// Session-level lines: connection, attributes.
    [[nodiscard]] const Section& top() const { return top_; }
    [[nodiscard]] Section& top() { return top_; }

    /// The media descriptions in order. They can be edited but not added or taken away.
    [[nodiscard]] const std::vector<Media>& media() const { return media_; }
    [[nodiscard]] std::vector<Media>& media() { return media_; }

    /// Address of the o= line.
    [[nodiscard]] std::optional<NetAddress> origin() const;
    void setOrigin(const base::IpAddress& address);

    /// c= in force for a media: its own or the session's. Media with port 0 may have none.
    [[nodiscard]] std::optional<NetAddress> connectionOf(const Media& media) const;

    /// For each media the index of the one that it shares its transport with: its own, unless an
    /// earlier member of its BUNDLE group has the same address and port (RFC 8843). Members are in
    /// the order of a=group. As in an offer that has not been answered yet, members whose addresses
    /// differ stand for themselves.
    [[nodiscard]] std::vector<std::size_t> carriers() const;

    /// Direction in force: the media's, else the session's, else sendrecv.
    [[nodiscard]] Direction directionOf(const Media& media) const;

    /// On hold in one of its spellings: any direction but sendrecv, or c=0.0.0.0 (RFC 2543).
    [[nodiscard]] bool isHeld(const Media& media) const;

    /// Whether ICE is offered anywhere.
    [[nodiscard]] bool hasIce() const;
    /// Value of an attribute of ICE that may stand at either level; the media's comes first.
    [[nodiscard]] std::optional<std::string_view> iceValue(const Media& media,
                                                           std::string_view attribute) const;
    void removeIce();

private:
    explicit Session(std::string_view body) : body_(std::make_unique<const std::string>(body)) {}

    [[nodiscard]] base::Result<void> read();
    [[nodiscard]] base::Result<void> add(Line line);
    [[nodiscard]] base::Result<void> check() const;
    [[nodiscard]] Section& current();

    std::unique_ptr<const std::string> body_;  ///< held apart: lines view it and sessions move
    Section top_;
    std::vector<Media> media_;
};

}  // namespace siproxd::sdp
