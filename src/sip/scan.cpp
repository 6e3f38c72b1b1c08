// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/scan.h"

#include <algorithm>

#include "base/address.h"
#include "base/character_set.h"
#include "base/text.h"

namespace siproxd::sip {

namespace {

constexpr std::size_t kMaxHost = 255;

bool isHexDigit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool isHostName(std::string_view host) {
    return host.size() <= kMaxHost && base::hasHostCharacters(host);
}

/// The address between the brackets.
std::optional<std::string> readReference(std::string_view inside) {
    std::string address(inside);
    // Senders that trust the grammar of RFC 3261 write one colon too many.
    if (const auto colons = address.find(":::"); colons != std::string::npos &&
                                                 address.find('.', colons) != std::string::npos) {
        address.erase(colons, 1);
    }
    const bool isV6 = !address.starts_with('[') && address.find(':') != std::string::npos &&
                      base::IpAddress::parse(address);
    return isV6 ? std::optional(std::move(address)) : std::nullopt;
}

}  // namespace

bool isToken(std::string_view text) {
    static constexpr base::CharacterSet kToken(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~");
    return !text.empty() && kToken.hasAllOf(text);
}

bool isQuotedString(std::string_view text) {
    if (text.size() < 2 || text.front() != '"') {
        return false;
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            return i + 1 == text.size();
        }
    }
    return false;
}

bool isParamValue(std::string_view text) {
    static constexpr auto kEnds = base::CharacterSet("\",;<>\x7f").with(0, ' ');
    return !kEnds.hasAnyOf(text) || isQuotedString(text);
}

bool isEscaped(std::string_view text) {
    for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
        if (at + 2 >= text.size() || !isHexDigit(text[at + 1]) || !isHexDigit(text[at + 2])) {
            return false;
        }
    }
    return true;
}

std::optional<HostPort> readHostPort(std::string_view text) {
    HostPort out;
    const auto bracket = text.starts_with('[') ? text.find(']') : 0;
    if (bracket == std::string_view::npos) {
        return std::nullopt;
    }
    const auto colon = text.find(':', bracket);
    const auto host = base::trim(text.substr(0, colon));
    if (bracket > 0) {
        auto address = host.ends_with(']') ? readReference(host.substr(1, host.size() - 2))
                                           : std::nullopt;
        if (!address) {
            return std::nullopt;
        }
        out.host = std::move(*address);
    } else if (isHostName(host)) {
        out.host = std::string(host);
    } else {
        return std::nullopt;
    }
    if (colon != std::string_view::npos) {
        const auto port = base::parseUnsigned(base::trim(text.substr(colon + 1)), 65535);
        if (!port || *port == 0) {
            return std::nullopt;
        }
        out.port = static_cast<std::uint16_t>(*port);
    }
    return out;
}

void appendHost(std::string& out, std::string_view host) {
    const bool isV6 = host.find(':') != std::string_view::npos;
    if (isV6) {
        out += '[';
    }
    out += host;
    if (isV6) {
        out += ']';
    }
}

std::optional<std::size_t> findOutsideQuotes(std::string_view text, char wanted) {
    const auto first = text.find(wanted);
    const auto before = text.substr(0, first);
    if (before.find('"') == std::string_view::npos && before.find('<') == std::string_view::npos) {
        return before.size();  // nothing has been opened
    }
    bool quoted = false;
    bool bracketed = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == wanted && !bracketed) {
            return i;
        } else if (c == '"' && !bracketed) {
            quoted = true;
        } else if (c == '<') {
            bracketed = true;
        } else if (c == '>') {
            bracketed = false;
        }
    }
    if (quoted || bracketed) {
        return std::nullopt;
    }
    return text.size();
}

std::optional<std::vector<std::string_view>> splitValues(std::string_view text) {
    std::vector<std::string_view> values;
    for (;;) {
        const auto end = findOutsideQuotes(text, ',');
        if (!end) {
            return std::nullopt;
        }
        const auto value = base::trim(text.substr(0, *end));
        if (!value.empty()) {
            values.push_back(value);
        }
        if (*end == text.size()) {
            return values;
        }
        text.remove_prefix(*end + 1);
    }
}

}  // namespace siproxd::sip
