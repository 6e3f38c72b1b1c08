// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"

namespace siproxd::registrar {

enum class Replaced : std::uint8_t {
    Atomically,
    /// The directory does not let us, so the old content was overwritten: a crash meanwhile would
    /// leave a mixture.
    InPlace,
};

/// Gives a file new content, all or nothing: writes `<path>.new`, flushes it to the disk and
/// renames it. A new file is for owner and group (0640); an existing one keeps its mode and, where
/// we may, its owner. Symbolic links are followed; what is not a regular file is just written to.
/// Blocks. Errors name the path and the system's reason.
[[nodiscard]] base::Result<Replaced> replaceFile(const std::string& path, std::string_view content);

/// Which version of which file a path leads to. Differs as soon as somebody has replaced or written
/// the file; the default one is no file.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modifiedSeconds = 0;
    std::int64_t modifiedNanoseconds = 0;

    [[nodiscard]] static FileIdentity of(const std::string& path);

    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// What kind of failure reading had.
struct ReadFailure {
    bool missing;  ///< there is no such file
    std::string message;
};

/// The whole file, if it is not larger than `most` bytes. Blocks.
[[nodiscard]] std::expected<std::string, ReadFailure> readFile(const std::string& path,
                                                               std::size_t most);

}  // namespace siproxd::registrar
