// SPDX-License-Identifier: GPL-2.0-or-later
#include "party.h"

#include <algorithm>

#include "siproxd/plugin.hpp"

namespace forward {

using siproxd::api::lowered;
using siproxd::api::trim;

namespace {

constexpr std::string_view kSeparators = "-.() ";
constexpr std::string_view kDigits = "0123456789*#";

}  // namespace

bool isNumber(std::string_view text) {
    bool hasDigit = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (kDigits.find(c) != std::string_view::npos) {
            hasDigit = true;
        } else if (kSeparators.find(c) == std::string_view::npos && !(c == '+' && i == 0)) {
            return false;
        }
    }
    return hasDigit;
}

std::string dialled(std::string_view text) {
    std::string result(text);
    if (isNumber(text)) {
        std::erase_if(result, [](char c) { return kSeparators.find(c) != std::string_view::npos; });
    }
    return result;
}

bool matches(std::string_view mask, std::string_view text) {
    return siproxd::api::fits(mask, text, {.any = '%'});
}

bool matches(std::string_view mask, const Party& party) {
    if (mask.find('@') != std::string_view::npos) {
        return matches(mask, std::string_view(party.toString()));
    }
    // A number may be written as one likes.
    return matches(mask, std::string_view(party.user)) ||
           matches(dialled(mask), std::string_view(dialled(party.user))) ||
           // %domain% is anybody there.
           (mask.find('%') != std::string_view::npos && matches(mask, std::string_view(party.toString())));
}

std::string uriOf(std::string_view recipient, std::string_view home) {
    const auto text = trim(recipient);
    for (const std::string_view scheme : {"sip:", "sips:", "tel:"}) {
        if (lowered(text.substr(0, scheme.size())) == scheme) {
            return std::string(text);
        }
    }
    if (text.empty() || text.find_first_of(" <>\"\t") != std::string_view::npos) {
        return isNumber(text) ? "sip:" + dialled(text) + "@" + std::string(home) : "";
    }
    if (text.find('@') != std::string_view::npos) {
        return "sip:" + std::string(text);
    }
    std::string user;
    for (const char c : dialled(text)) {
        // Not every character of a telephone may stand in the user part (RFC 3261 §25.1).
        user += c == '#' ? "%23" : std::string(1, c);
    }
    return home.empty() ? "" : "sip:" + user + "@" + std::string(home);
}

}  // namespace forward
