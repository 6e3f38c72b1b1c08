// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "config/value.h"

namespace siproxd::plugin {

namespace {

/// What is wrong with a value; empty: nothing.
std::string problemOf(const siproxd_option& option, std::string_view value) {
    if (option.type != SIPROXD_OPTION_INTEGER) {
        return {};
    }
    const auto number = config::parseInteger(value);
    if (!number) {
        return "an integer is needed";
    }
    const bool ranged = option.minimum != 0 || option.maximum != 0;
    if (ranged && (number->value < option.minimum || number->value > option.maximum)) {
        return fmt::format("out of range ({} to {})", option.minimum, option.maximum);
    }
    return {};
}

}  // namespace

Options::Options(std::string plugin, std::vector<siproxd_option> declared,
                 std::vector<config::PluginOption> lines)
    : plugin_(std::move(plugin)), declared_(std::move(declared)) {
    for (auto& line : lines) {
        lines_.push_back({line.key.substr(std::min(plugin_.size() + 1, line.key.size())),
                          std::move(line.value), line.origin.toString()});
    }
}

bool Options::check() const {
    bool good = true;
    for (const Line& line : lines_) {
        const siproxd_option* option = declaration(line.name);
        const std::string problem = option == nullptr ? "" : problemOf(*option, line.value);
        if (!problem.empty()) {
            log::error("{}: {} = {}: {}", line.where, keyOf(line.name), base::printable(line.value),
                       problem);
            good = false;
        }
    }
    return good;
}

void Options::warnAboutUnknown() const {
    for (const Line& line : lines_) {
        if (declaration(line.name) == nullptr && !asked_.contains(line.name)) {
            log::warning("{}: {} is no option of {}, line ignored", line.where,
                         base::printable(keyOf(line.name)), plugin_);
        }
    }
}

std::size_t Options::count(std::string_view name) {
    std::size_t lines = 0;
    while (findAsked(name, lines) != nullptr) {
        ++lines;
    }
    return lines;
}

const char* Options::value(std::string_view name, std::size_t index) {
    const Line* line = findAsked(name, index);
    return line == nullptr ? nullptr : line->value.c_str();
}

const char* Options::string(std::string_view name) {
    const std::size_t lines = count(name);
    if (lines > 0) {
        return value(name, lines - 1);
    }
    const siproxd_option* option = declaration(name);
    return option == nullptr ? nullptr : option->fallback;
}

std::optional<std::int64_t> Options::integer(std::string_view name) {
    const char* text = string(name);
    const auto number = text == nullptr ? std::nullopt : config::parseInteger(text);
    return number ? std::optional(number->value) : std::nullopt;
}

std::optional<Options::Place> Options::line(std::size_t position) {
    if (position >= lines_.size()) {
        return std::nullopt;
    }
    const Line& line = lines_[position];
    const auto end = lines_.begin() + static_cast<std::ptrdiff_t>(position);
    const auto before = std::count_if(lines_.begin(), end, [&](const Line& other) {
        return other.name == line.name;
    });
    return Place{line.name.c_str(), line.value.c_str(), static_cast<std::size_t>(before)};
}

const char* Options::where(std::string_view name, std::size_t index) {
    const Line* line = findAsked(name, index);
    return line == nullptr ? nullptr : line->where.c_str();
}

void Options::error(std::string_view name, std::size_t index, std::string_view text) const {
    const Line* line = find(name, index);
    if (line == nullptr) {
        log::error("{}: {}", keyOf(name), text);
    } else {
        log::error("{}: {} = {}: {}", line->where, keyOf(name), base::printable(line->value), text);
    }
}

const Options::Line* Options::find(std::string_view name, std::size_t index) const {
    for (const Line& line : lines_) {
        if (line.name == name && index-- == 0) {
            return &line;
        }
    }
    return nullptr;
}

const Options::Line* Options::findAsked(std::string_view name, std::size_t index) {
    if (!asked_.contains(name)) {
        asked_.emplace(name);
    }
    return find(name, index);
}

const siproxd_option* Options::declaration(std::string_view name) const {
    const auto found = std::find_if(declared_.begin(), declared_.end(),
                                    [name](const auto& option) { return name == option.name; });
    return found == declared_.end() ? nullptr : &*found;
}

std::string Options::keyOf(std::string_view name) const {
    return fmt::format("{}_{}", plugin_, name);
}

std::string ownerOf(std::string_view key, const std::vector<std::string>& plugins) {
    std::string owner;
    for (const std::string& plugin : plugins) {
        if (plugin.size() > owner.size() && key.size() > plugin.size() + 1 &&
            key.starts_with(plugin) && key[plugin.size()] == '_') {
            owner = plugin;
        }
    }
    return owner;
}

}  // namespace siproxd::plugin
