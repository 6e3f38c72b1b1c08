// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "config/problem.h"
#include "config/settings.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::config {

/// What a configuration means, and everything that is wrong with it.
struct LoadResult {
    Settings settings;
    std::vector<Problem> problems;  ///< in file order, then the command line, then the whole

    /// No errors: the daemon may start with `settings`.
    [[nodiscard]] bool ok() const;
};

/// Reads the text of a configuration file, then the overrides (`key=value`) of the command line.
/// `file` is the name for messages. A pure function.
///
/// In a file, lines that are malformed and unknown keys only warn, as generated files rely on that;
/// on the command line they are errors. A value that does not fit its directive is always an error.
/// Keys that start with `plugin_` are kept for the plugins and not checked.
[[nodiscard]] LoadResult read(std::string_view text, const std::string& file,
                              std::span<const std::string> overrides = {});

/// Reads the file of that name and the overrides. A file that cannot be read is an error in the
/// result.
[[nodiscard]] LoadResult load(const std::string& path, std::span<const std::string> overrides = {});

/// Where a configuration file is looked for when none is named, first match wins. `home` may be
/// null or empty.
[[nodiscard]] std::vector<std::string> searchPath(const char* home);

/// The first file or character device of searchPath($HOME) that can be opened. Whatever else is
/// found first is an error, and never waited for.
[[nodiscard]] base::Result<std::string> findFile();

}  // namespace siproxd::config
