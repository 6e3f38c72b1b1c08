// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/reload.h"

#include "config/schema.h"

#include <algorithm>

namespace siproxd::config {

namespace {

bool sameValue(const Directive& directive, const Settings& a, const Settings& b) {
    const std::size_t count = directive.binding.count(a);
    if (count != directive.binding.count(b)) {
        return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (directive.binding.show(a, i) != directive.binding.show(b, i)) {
            return false;
        }
    }
    return true;
}

bool sameOptions(const PluginSettings& a, const PluginSettings& b) {
    return std::ranges::equal(a.options, b.options,
                              [](const PluginOption& x, const PluginOption& y) {
                                  return x.key == y.key && x.value == y.value;
                              });
}

}  // namespace

Reloaded reload(const Settings& running, const Settings& fresh) {
    // Starting from the fresh ones brings lines and files of unchanged directives up to date too.
    Reloaded result{.settings = fresh, .changed = {}, .needRestart = {}};
    for (const Directive& directive : directives()) {
        if (sameValue(directive, running, fresh)) {
            continue;
        }
        if (directive.reloadable) {
            result.changed.push_back(directive.key);
        } else {
            directive.binding.copy(result.settings, running);
            result.needRestart.push_back(directive.key);
        }
    }
    if (!sameOptions(running.plugins, fresh.plugins)) {
        result.settings.plugins.options = running.plugins.options;
        result.needRestart.emplace_back("plugin_*");
    }
    return result;
}

}  // namespace siproxd::config
