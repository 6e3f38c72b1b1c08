// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/dump.h"

#include "config/schema.h"

#include <fmt/core.h>

#include <vector>

namespace siproxd::config {

namespace {

using Columns = std::vector<const Directive*>;

/// The directive alone, or all of its group when it is the first of that; empty for the others.
Columns columnsAt(const Directive& directive) {
    if (directive.group == Group::None) {
        return {&directive};
    }
    Columns columns;
    for (const Directive& other : directives()) {
        if (other.group == directive.group) {
            columns.push_back(&other);
        }
    }
    return columns.front() == &directive ? columns : Columns{};
}

void appendHelp(std::string& text, const Directive& directive, const Settings& settings) {
    text += fmt::format("\n# {}\n# ({}; set by: {})\n", directive.help, factsOf(directive),
                        settings.where(directive.key));
}

void append(std::string& text, const Columns& columns, const Settings& settings) {
    for (const Directive* column : columns) {
        appendHelp(text, *column, settings);
    }
    const std::size_t count = columns.front()->binding.count(settings);
    for (std::size_t i = 0; i < count; ++i) {
        for (const Directive* column : columns) {
            text += fmt::format("{} = {}\n", column->key, column->binding.show(settings, i));
        }
    }
    for (const Directive* column : count == 0 ? columns : Columns{}) {
        text += fmt::format("#{} =\n", column->key);
    }
}

}  // namespace

std::string dump(const Settings& settings) {
    std::string text = "# Settings of siproxd as in effect\n";
    for (const Directive& directive : directives()) {
        if (const Columns columns = columnsAt(directive); !columns.empty()) {
            append(text, columns, settings);
        }
    }
    if (!settings.plugins.options.empty()) {
        text += "\n# Options of plugins\n";
    }
    for (const PluginOption& option : settings.plugins.options) {
        text += fmt::format("{} = {}\n", option.key, option.value);
    }
    return text;
}

}  // namespace siproxd::config
