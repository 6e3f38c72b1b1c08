// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// The lines of the configuration that belong to one plugin, `plugin_NAME_<option> = value`, seen
/// through the options that it declares. Strings given out live as long as the object.
class Options {
public:
    /// `lines` are those whose key begins with `plugin` and an underscore.
    Options(std::string plugin, std::vector<siproxd_option> declared,
            std::vector<config::PluginOption> lines);

    /// Whether all values fit their declared types. Those that do not are logged with their place.
    [[nodiscard]] bool check() const;

    /// Warns about lines that the plugin neither declares nor has asked for so far.
    void warnAboutUnknown() const;

    [[nodiscard]] std::size_t count(std::string_view name);
    [[nodiscard]] const char* value(std::string_view name, std::size_t index);
    /// The last value, or the declared default, or nullptr.
    [[nodiscard]] const char* string(std::string_view name);
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name);
    /// A line of the plugin; `index` counts those of its name.
    struct Place {
        const char* name;
        const char* value;
        std::size_t index;
    };
    /// One of all its lines, in file order from 0; nothing: there are not so many.
    [[nodiscard]] std::optional<Place> line(std::size_t position);
    /// `file:line`; nullptr when there is no such line.
    [[nodiscard]] const char* where(std::string_view name, std::size_t index);
    /// Logs that a value is wrong, with its place; without such a line only with its name.
    void error(std::string_view name, std::size_t index, std::string_view text) const;

private:
    struct Line {
        std::string name;  ///< what follows `plugin_NAME_`
        std::string value;
        std::string where;
    };

    [[nodiscard]] const Line* find(std::string_view name, std::size_t index) const;
    [[nodiscard]] const Line* findAsked(std::string_view name, std::size_t index);
    [[nodiscard]] const siproxd_option* declaration(std::string_view name) const;
    [[nodiscard]] std::string keyOf(std::string_view name) const;

    std::string plugin_;
    std::vector<siproxd_option> declared_;
    std::deque<Line> lines_;
    std::set<std::string, std::less<>> asked_;
};

/// Which of the plugins an option line belongs to: the one with the longest fitting name, so that
/// `plugin_regex_body_desc` is not taken for an option of `plugin_regex`. Empty: none of them.
[[nodiscard]] std::string ownerOf(std::string_view key, const std::vector<std::string>& plugins);

}  // namespace siproxd::plugin
