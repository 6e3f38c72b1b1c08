// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/settings.h"

#include <fmt/core.h>

namespace siproxd::config {

namespace {

template <class Wanted>
std::vector<const PluginOption*> select(const std::vector<PluginOption>& options,
                                        const Wanted& wanted) {
    std::vector<const PluginOption*> found;
    for (const PluginOption& option : options) {
        if (wanted(option.key)) {
            found.push_back(&option);
        }
    }
    return found;
}

}  // namespace

std::string Origin::toString() const {
    if (file.empty()) {
        return "default";
    }
    return line == 0 ? file : fmt::format("{}:{}", file, line);
}

std::string builtInPluginDir() {
    return PKGLIBDIR "/";
}

const PluginOption* PluginOptions::last(std::string_view key) const {
    const auto found = all(key);
    return found.empty() ? nullptr : found.back();
}

std::vector<const PluginOption*> PluginOptions::all(std::string_view key) const {
    return select(*options_, [key](std::string_view candidate) { return candidate == key; });
}

std::vector<const PluginOption*> PluginOptions::of(std::string_view plugin) const {
    return select(*options_, [plugin](std::string_view candidate) {
        return candidate.starts_with(plugin) && candidate.substr(plugin.size()).starts_with('_');
    });
}

std::string Settings::where(std::string_view key) const {
    const auto found = origins.find(key);
    return found == origins.end() ? Origin{}.toString() : found->second.toString();
}

}  // namespace siproxd::config
