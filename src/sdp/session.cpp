// SPDX-License-Identifier: GPL-2.0-or-later
#include "sdp/session.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>

#include "base/text.h"

namespace siproxd::sdp {

namespace {

/// Splits the next line off `rest`. A view of the value and one of the line end, both in the body.
Line takeLine(std::string_view& rest) {
    const auto newline = rest.find('\n');
    std::size_t length = newline == std::string_view::npos ? rest.size() : newline;
    const std::size_t consumed = newline == std::string_view::npos ? rest.size() : newline + 1;
    if (newline != std::string_view::npos && length > 0 && rest[length - 1] == '\r') {
        --length;
    }
    const auto text = rest.substr(0, length);
    const auto end = rest.substr(length, consumed - length);
    rest.remove_prefix(consumed);
    if (text.size() >= 2 && text[0] != '\0' && text[1] == '=') {
        return {text[0], text.substr(2), end};
    }
    return {'\0', text, end};
}

bool isLetter(char c) {
    return c >= 'a' && c <= 'z';
}

/// A lone CR or a NUL would be read as a line end by some and not by others.
bool isClean(std::string_view text) {
    return !base::hasControlBytes(text) || std::none_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

}  // namespace

base::Result<Session> Session::parse(std::string_view body) {
    if (body.size() > kMaxBytes) {
        return base::fail("SDP is longer than 64 KiB");
    }
    Session session(body);
    if (auto read = session.read(); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return session;
}

base::Result<void> Session::read() {
    std::string_view rest = *body_;
    std::size_t count = 0;
    bool ended = false;
    while (!rest.empty()) {
        if (++count > kMaxLines) {
            return base::fail("SDP has more than 1024 lines");
        }
        const auto line = takeLine(rest);
        const bool empty = line.type() == '\0' && line.value().empty();
        if ((!empty && (ended || !isLetter(line.type()))) || !isClean(line.value())) {
            return base::fail("SDP line " + std::to_string(count) +
                              " is not letter=value: " + base::printable(line.value(), 80));
        }
        // Empty lines are tolerated at the end, where careless senders put them.
        ended = empty;
        if (count == 1 && (line.type() != 'v' || base::trim(line.value()) != "0")) {
            return base::fail("SDP does not begin with v=0");
        }
        if (auto added = add(line); !added) {
            return added;
        }
    }
    if (count == 0) {
        return base::fail("SDP is empty");
    }
    return check();
}

base::Result<void> Session::add(Line line) {
    if (line.type() == 'm') {
        if (media_.size() == kMaxMedia) {
            return base::fail("SDP has more than 32 m= lines");
        }
        auto media = Media::parse(std::move(line));
        if (!media) {
            return std::unexpected(std::move(media.error()));
        }
        media_.push_back(std::move(*media));
        return {};
    }
    if (line.type() == 'c' || line.type() == 'o') {
        if (const auto address = parseNetAddress(line.value()); !address) {
            return base::fail(address.error().message + ": " +
                              base::printable(line.value(), 80));
        }
    }
    current().append(std::move(line));
    return {};
}

Section& Session::current() {
    return media_.empty() ? top_ : media_.back();
}

base::Result<void> Session::check() const {
    for (std::size_t i = 0; i < media_.size(); ++i) {
        if (media_[i].port() != 0 && !connectionOf(media_[i])) {
            return base::fail("SDP has no c= for its m= line " + std::to_string(i + 1));
        }
    }
    return {};
}

std::string Session::toString() const {
    std::string out;
    out.reserve(body_->size() + 64);
    top_.appendTo(out);
    for (const auto& media : media_) {
        media.appendTo(out);
    }
    return out;
}

std::optional<NetAddress> Session::origin() const {
    for (const auto& line : top_.lines()) {
        if (line.type() == 'o') {
            if (const auto address = parseNetAddress(line.value())) {
                return *address;
            }
        }
    }
    return std::nullopt;
}

void Session::setOrigin(const base::IpAddress& address) {
    // An o= below an m= line is against the grammar, but it would still tell the address.
    const auto edit = [&address](Section& section) {
        for (auto& line : section.lines()) {
            if (line.type() == 'o') {
                line.setValue(withNetAddress(line.value(), address));
            }
        }
    };
    edit(top_);
    std::for_each(media_.begin(), media_.end(), edit);
}

std::optional<NetAddress> Session::connectionOf(const Media& media) const {
    const auto own = media.connection();
    return own ? own : top_.connection();
}

std::vector<std::size_t> Session::carriers() const {
    std::vector<std::size_t> carriers(media_.size());
    std::iota(carriers.begin(), carriers.end(), std::size_t{0});
    std::map<std::string_view, std::size_t> byMid;
    for (std::size_t i = 0; i < media_.size(); ++i) {
        if (const auto mid = media_[i].value("mid"); mid && media_[i].port() != 0) {
            byMid.emplace(base::trim(*mid), i);
        }
    }
    for (const auto group : top_.values("group")) {
        auto members = base::split(base::trim(group), ' ');
        if (!base::equalsIgnoreCase(members.front(), "BUNDLE")) {
            continue;
        }
        std::map<std::pair<std::string_view, std::uint16_t>, std::size_t> byAddress;
        for (const auto member : std::span(members).subspan(1)) {
            if (const auto found = byMid.find(member); found != byMid.end()) {
                const auto& media = media_[found->second];
                carriers[found->second] =
                    byAddress
                        .try_emplace({connectionOf(media)->host, media.port()}, found->second)
                        .first->second;
                byMid.erase(found);  // of one group only
            }
        }
    }
    return carriers;
}

Direction Session::directionOf(const Media& media) const {
    const auto own = media.direction();
    return own ? *own : top_.direction().value_or(Direction::SendRecv);
}

bool Session::isHeld(const Media& media) const {
    if (directionOf(media) != Direction::SendRecv) {
        return true;
    }
    const auto connection = connectionOf(media);
    const auto ip = connection ? connection->ip() : std::nullopt;
    return ip && ip->isUnspecified();
}

bool Session::hasIce() const {
    return top_.hasIce() || std::any_of(media_.begin(), media_.end(),
                                        [](const Media& media) { return media.hasIce(); });
}

std::optional<std::string_view> Session::iceValue(const Media& media,
                                                  std::string_view attribute) const {
    const auto own = media.value(attribute);
    return own ? own : top_.value(attribute);
}

void Session::removeIce() {
    top_.removeIce();
    for (auto& media : media_) {
        media.removeIce();
    }
}

}  // namespace siproxd::sdp
