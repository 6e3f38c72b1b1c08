// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace siproxd::base {

/// Why a file has not been read.
struct ReadFailure {
    enum class Step : std::uint8_t { Open, Kind, Read, Size };

    Step step = Step::Open;
    int error = 0;  ///< errno of Step::Open and Step::Read
    /// The system's words, `not a regular file` or `too large`; without the path.
    std::string message;
};

/// What readWholeFile() accepts.
enum class FileKind : std::uint8_t {
    Regular,
    /// Also devices and pipes. A pipe without a writer is empty; what a writer has not written yet
    /// is waited for, 5 s each time.
    Any,
};

/// The whole content, if it has no more than `most` bytes. Blocks as long as the disk takes; what
/// else a path may lead to does not make it wait or read for ever.
[[nodiscard]] std::expected<std::string, ReadFailure> readWholeFile(
    const std::string& path, std::size_t most, FileKind kind = FileKind::Regular);

/// Which version of which file a path leads to. Differs as soon as somebody has replaced or written
/// the file; the default one is no file.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modifiedSeconds = 0;
    std::int64_t modifiedNanoseconds = 0;

    /// One stat(2), which blocks.
    [[nodiscard]] static FileIdentity of(const std::string& path);

    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Notices that a file has been written or replaced.
class FileWatch {
public:
    /// `known` is the version that is no news.
    explicit FileWatch(std::string path, FileIdentity known = {})
        : path_(std::move(path)), known_(known) {}

    /// Whether there is another version than at the last call. A file that cannot be seen has not
    /// changed: somebody is replacing it, or we are in a jail. One stat(2), which blocks.
    [[nodiscard]] bool changed();

private:
    std::string path_;
    FileIdentity known_;
};

}  // namespace siproxd::base
