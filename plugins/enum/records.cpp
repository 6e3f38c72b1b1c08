// SPDX-License-Identifier: GPL-2.0-or-later
#include "records.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "../pattern/replacement.h"

namespace enumlookup {

using siproxd::api::lowered;
using siproxd::api::Naptr;
namespace pattern = siproxd::pattern;

namespace {

constexpr std::size_t kLongestUri = 512;

/// Up to the next delimiter that no backslash stands before; those with one lose it.
std::optional<std::string> upTo(char delimiter, std::string_view& text) {
    std::string part;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == delimiter) {
            text.remove_prefix(i + 1);
            return part;
        }
        if (text[i] == '\\' && i + 1 < text.size()) {
            if (text[i + 1] != delimiter) {
                part += text[i];
            }
            ++i;
        }
        part += text[i];
    }
    return std::nullopt;
}

bool isWanted(std::string_view uri, Wanted wanted) {
    const auto text = lowered(uri.substr(0, 5));
    return text == "sips:" || (wanted == Wanted::SipOrSips && text.starts_with("sip:"));
}

/// The user part may hold a `?`, too.
std::string_view withoutHeaders(std::string_view uri) {
    const auto at = uri.find('@');
    return uri.substr(0, uri.find('?', at == std::string_view::npos ? 0 : at));
}

}  // namespace

bool isSipService(std::string_view service) {
    const auto text = lowered(service);
    if (text == "sip+e2u" || text == "sips+e2u") {
        return true;
    }
    if (!text.starts_with("e2u+")) {
        return false;
    }
    std::string_view rest = std::string_view(text).substr(4);
    for (;;) {
        const auto end = rest.find('+');
        const auto type = rest.substr(0, end);
        if (type == "sip" || type == "sips" || type.starts_with("sip:") || type.ends_with(":sip")) {
            return true;
        }
        if (end == std::string_view::npos) {
            return false;
        }
        rest.remove_prefix(end + 1);
    }
}

std::string substitute(std::string_view regexp, std::string_view e164, pattern::Effort& effort) {
    // RFC 3402 §3.2: the delimiter is neither a digit nor a flag, nor a backslash.
    if (regexp.size() < 4 || std::string_view("0123456789iI\\").find(regexp.front()) != std::string_view::npos) {
        return "";
    }
    const char delimiter = regexp.front();
    regexp.remove_prefix(1);
    const auto ere = upTo(delimiter, regexp);
    const auto with = ere ? upTo(delimiter, regexp) : std::nullopt;
    if (!with || (!regexp.empty() && lowered(regexp) != "i")) {
        return "";
    }
    const auto compiled = pattern::Pattern::compile(*ere);
    if (!compiled) {
        return "";
    }
    const pattern::Replacement replacement(*with);
    pattern::Match match;
    if (replacement.highestGroup() > compiled->groups() ||
        compiled->find(e164, 0, match, effort) != pattern::Found::Yes) {
        return "";
    }
    // The result is the replacement alone, whatever stands around the match.
    std::string uri;
    replacement.appendTo(uri, e164, match);
    return uri.size() <= kLongestUri ? uri : "";
}

Meaning meaningOf(const std::vector<Naptr>& records, std::string_view e164, Wanted wanted) {
    auto sorted = records;
    std::ranges::stable_sort(sorted, {}, [](const Naptr& r) { return std::tuple(r.order, r.preference); });
    pattern::Effort effort{.left = kEffort};
    for (const auto& record : sorted) {
        const auto flags = lowered(record.flags);
        if (flags.empty() && !record.replacement.empty()) {
            return {.uri = "", .domain = record.replacement};
        }
        if (flags != "u" || !isSipService(record.service)) {
            continue;
        }
        if (const auto uri = substitute(record.regexp, e164, effort); isWanted(uri, wanted)) {
            return {.uri = std::string(withoutHeaders(uri)), .domain = ""};
        }
    }
    return {};
}

}  // namespace enumlookup
