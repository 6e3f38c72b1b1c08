// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/name_addr.h"

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

/// Position of the `<` that opens the URI: the first one outside of quotes; npos when there is none.
std::size_t findBracket(std::string_view text) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted && text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (text[i] == '<' && !quoted) {
            return i;
        }
    }
    return std::string_view::npos;
}

/// A quoted string, or what people write without quotes; never what could be taken for the address.
bool isDisplay(std::string_view text) {
    return isQuotedString(text) || text.find_first_of("\",;>") == std::string_view::npos;
}

}  // namespace

std::optional<NameAddr> NameAddr::parse(std::string_view text) {
    text = base::trim(text);
    NameAddr out;
    std::string_view spec;
    std::string_view rest;
    if (const auto open = findBracket(text); open != std::string_view::npos) {
        out.display = std::string(base::trim(text.substr(0, open)));
        const auto close = text.find('>', open);
        if (close == std::string_view::npos || !isDisplay(out.display)) {
            return std::nullopt;
        }
        spec = text.substr(open + 1, close - open - 1);
        rest = text.substr(close + 1);
    } else {
        const auto semicolon = findOutsideQuotes(text, ';');
        if (!semicolon) {
            return std::nullopt;
        }
        spec = base::trim(text.substr(0, *semicolon));
        rest = text.substr(*semicolon);
        // RFC 3261 §20.10: such a URI must be in angle brackets.
        if (spec.find_first_of("?,") != std::string_view::npos) {
            return std::nullopt;
        }
    }
    auto uri = Uri::parse(spec);
    auto params = Params::parse(rest);
    if (!uri || !params) {
        return std::nullopt;
    }
    out.uri = std::move(*uri);
    out.params = std::move(*params);
    return out;
}

std::uint16_t NameAddr::preference() const {
    // RFC 3261 §25.1: "0" or "1", then perhaps a dot and up to three digits.
    constexpr std::uint16_t kMost = 1000;
    const auto text = params.value("q").value_or("1");
    const bool hasForm = !text.empty() && text.size() <= 5 && (text[0] == '0' || text[0] == '1') &&
                         (text.size() == 1 || text[1] == '.');
    unsigned value = 0;
    unsigned scale = kMost;
    for (std::size_t i = 0; hasForm && i < text.size(); i += i == 0 ? 2 : 1, scale /= 10) {
        if (text[i] < '0' || text[i] > '9') {
            return kMost;
        }
        value += static_cast<unsigned>(text[i] - '0') * scale;
    }
    return hasForm && value <= kMost ? static_cast<std::uint16_t>(value) : kMost;
}

std::string NameAddr::toString() const {
    std::string out;
    out.reserve(display.size() + uri.lengthHint() + params.length() + 3);
    out += display;
    if (!out.empty()) {
        out += ' ';
    }
    out += '<';
    uri.appendTo(out);
    out += '>';
    params.appendTo(out);
    return out;
}

}  // namespace siproxd::sip
