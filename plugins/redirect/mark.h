// SPDX-License-Identifier: GPL-2.0-or-later
/// The mark that a plugin leaves on a number which it has rewritten: a phone that follows a 302 dials that number, and it must
/// not be rewritten once more. It is the URI parameter `redirected`, with the names of all such plugins, joined by `-`; in a
/// tel: URI it stands at the end.
#pragma once

#include <string>
#include <string_view>

#include "siproxd/plugin.hpp"

namespace siproxd::redirect {

namespace detail {

constexpr const char* kParameter = "redirected";

inline bool hasName(std::string_view names, std::string_view name) {
    for (;;) {
        const auto dash = names.find('-');
        if (api::equals(names.substr(0, dash), name)) {
            return true;
        }
        if (dash == std::string_view::npos) {
            return false;
        }
        names.remove_prefix(dash + 1);
    }
}

}  // namespace detail

/// Whether the address has the mark of the plugin `name`.
[[nodiscard]] inline bool isMarked(const api::Message& message, api::At at, std::string_view name) {
    if (const auto names = message.uriParam(at, detail::kParameter)) {
        return detail::hasName(*names, name);
    }
    // Of a tel: URI all is one text.
    const auto text = api::orEmpty(message.uri(at, api::Part::Opaque));
    const auto param = text.find(std::string(";") + detail::kParameter + "=");
    if (param == std::string_view::npos) {
        return false;
    }
    const auto value = text.substr(text.find('=', param) + 1);
    return detail::hasName(value.substr(0, value.find(';')), name);
}

/// Adds the mark of the plugin `name`.
inline void mark(api::Uri& target, std::string_view name) {
    if (const auto number = target.part(api::Part::Opaque)) {
        target.set(api::Part::Opaque,
                   std::string(*number) + ";" + detail::kParameter + "=" + std::string(name));
        return;
    }
    const auto others = api::orEmpty(target.param(detail::kParameter));
    target.setParam(detail::kParameter, others.empty() ? std::string(name)
                                                       : std::string(others) + "-" + std::string(name));
}

}  // namespace siproxd::redirect
