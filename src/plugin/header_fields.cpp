// SPDX-License-Identifier: GPL-2.0-or-later
// Header fields that plugins give as text.
#include <algorithm>

#include "base/text.h"
#include "plugin/handles.h"

namespace siproxd::plugin {

namespace {

bool isReserved(std::string_view name) {
    constexpr std::string_view kReserved[] = {"Via",    "v",            "From",          "f",
                                              "To",     "t",            "Call-ID",       "i",
                                              "CSeq",   "Contact",      "m",             "Content-Length",
                                              "l",      "Max-Forwards", "Authorization", "Proxy-Authorization"};
    return std::ranges::any_of(kReserved, [name](std::string_view reserved) {
        return base::equalsIgnoreCase(name, reserved);
    });
}

}  // namespace

std::optional<HeaderFields> headerFields(std::string_view lines) {
    HeaderFields fields;
    while (!lines.empty()) {
        const auto end = lines.find("\r\n");
        const auto line = lines.substr(0, end);
        const auto colon = line.find(':');
        if (end == std::string_view::npos || colon == std::string_view::npos) {
            return std::nullopt;
        }
        const auto name = base::trim(line.substr(0, colon));
        const auto value = base::trim(line.substr(colon + 1));
        if (!isHeaderName(name) || isReserved(name) || !isHeaderValue(value)) {
            return std::nullopt;
        }
        fields.emplace_back(name, value);
        lines.remove_prefix(end + 2);
    }
    return fields;
}

}  // namespace siproxd::plugin
