// SPDX-License-Identifier: GPL-2.0-or-later
#include "sdp/media.h"

#include "base/text.h"

namespace siproxd::sdp {

namespace {

enum Field : std::size_t { kType, kPort, kProtocol, kFirstFormat };

/// Takes the first word off `text`; empty when there is none.
std::string_view takeWord(std::string_view& text) {
    const auto isBlank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && isBlank(text.front())) {
        text.remove_prefix(1);
    }
    std::size_t end = 0;
    while (end < text.size() && !isBlank(text[end])) {
        ++end;
    }
    const auto word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> found;
    for (auto word = takeWord(text); !word.empty(); word = takeWord(text)) {
        found.push_back(word);
    }
    return found;
}

}  // namespace

base::Result<Media> Media::parse(Line line) {
    const auto fields = words(line.value());
    if (fields.size() <= kProtocol) {
        return base::fail("m= line is too short: " + base::printable(line.value(), 80));
    }
    const auto slash = fields[kPort].find('/');
    const auto port = base::parseUnsigned(fields[kPort].substr(0, slash), UINT16_MAX);
    std::optional<std::uint64_t> count = 1;
    if (slash != std::string_view::npos) {
        count = base::parseUnsigned(fields[kPort].substr(slash + 1), UINT16_MAX);
    }
    if (!port || !count || *count == 0) {
        return base::fail("m= line has no proper port: " + base::printable(line.value(), 80));
    }
    Media media;
    media.port_ = static_cast<std::uint16_t>(*port);
    media.portCount_ = static_cast<unsigned>(*count);
    media.append(std::move(line));
    return media;
}

std::string_view Media::field(std::size_t index) const {
    auto text = lines().front().value();
    for (std::size_t i = 0; i < index; ++i) {
        takeWord(text);
    }
    return takeWord(text);
}

std::string_view Media::type() const {
    return field(kType);
}

std::string_view Media::protocol() const {
    return field(kProtocol);
}

std::vector<RtpMap> Media::rtpMaps() const {
    constexpr std::uint64_t kHighestType = 127;
    constexpr std::uint64_t kFastestClock = 900'000;
    std::vector<RtpMap> maps;
    for (auto value : values("rtpmap")) {
        const auto type = base::parseUnsigned(takeWord(value), kHighestType);
        const auto encoding = takeWord(value);
        const auto slash = encoding.find('/');
        if (!type || slash == std::string_view::npos || slash == 0) {
            continue;
        }
        const auto parameters = encoding.substr(slash + 1);
        const auto clock =
            base::parseUnsigned(parameters.substr(0, parameters.find('/')), kFastestClock);
        if (clock && *clock > 0) {
            maps.push_back({static_cast<std::uint8_t>(*type), encoding.substr(0, slash),
                            static_cast<std::uint32_t>(*clock)});
        }
    }
    return maps;
}

std::vector<std::string_view> Media::formats() const {
    auto fields = words(lines().front().value());
    fields.erase(fields.begin(), fields.begin() + kFirstFormat);
    return fields;
}

bool Media::isRtp() const {
    const auto name = base::toLower(protocol());
    return name.find("rtp/") != std::string::npos && !name.starts_with("tcp");
}

bool Media::isUdp() const {
    return isRtp() || base::startsWithIgnoreCase(protocol(), "udp");
}

void Media::setPort(std::uint16_t port) {
    auto& line = lines().front();
    const auto text = line.value();
    const auto old = field(kPort);
    const auto start = static_cast<std::size_t>(old.data() - text.data());
    std::string edited(text.substr(0, start));
    edited += std::to_string(port);
    edited += text.substr(start + old.size());
    line.setValue(std::move(edited));
    port_ = port;
    portCount_ = 1;
}

void Media::setConnection(const base::IpAddress& address) {
    if (replaceConnection(address)) {
        return;
    }
    // RFC 8866 §5: m=, i=, c=, the rest.
    std::size_t position = 0;
    if (lines().size() > 1 && lines()[1].type() == 'i') {
        position = 1;
    }
    insertAfter(position, 'c',
                std::string(address.isV6() ? "IN IP6 " : "IN IP4 ") + address.toString());
}

std::optional<RtcpAddress> Media::rtcp() const {
    const auto text = value("rtcp");
    if (!text) {
        return std::nullopt;
    }
    const auto fields = words(*text);
    const auto port =
        fields.empty() ? std::nullopt : base::parseUnsigned(fields.front(), UINT16_MAX);
    if (!port) {
        return std::nullopt;
    }
    RtcpAddress rtcp{static_cast<std::uint16_t>(*port), std::nullopt};
    if (fields.size() > 1) {
        const auto address = parseNetAddress(*text);
        if (!address) {
            return std::nullopt;
        }
        rtcp.address = *address;
    }
    return rtcp;
}

void Media::setRtcp(std::uint16_t port, const base::IpAddress& address) {
    set("rtcp", std::to_string(port) + (address.isV6() ? " IN IP6 " : " IN IP4 ") +
                    address.toString());
}

}  // namespace siproxd::sdp
