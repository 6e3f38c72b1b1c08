// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "path.h"

namespace cdr {

/// Files that lines are added to, one a day or as the pattern says. Who moves one away (logrotate) finds no line
/// missing: the next one goes to a new file. Blocks as long as the disk does.
class RecordFile {
public:
    /// `header` stands at the top of every file; may be empty.
    RecordFile(PathPattern pattern, std::string header) : pattern_(std::move(pattern)), header_(std::move(header)) {}
    ~RecordFile() { close(); }
    RecordFile(const RecordFile&) = delete;
    RecordFile& operator=(const RecordFile&) = delete;

    /// Adds lines to the file of that moment, whole or not at all. What went wrong; empty: nothing.
    [[nodiscard]] std::string append(std::int64_t seconds, std::string_view lines);
    /// Whether the lines of two moments go to one file.
    [[nodiscard]] bool isOne(std::int64_t a, std::int64_t b) const { return a == b || pattern_.at(a) == pattern_.at(b); }

private:
    [[nodiscard]] bool isCurrent(const std::string& path) const;
    [[nodiscard]] std::string open(const std::string& path);
    [[nodiscard]] std::string beginning(std::int64_t size) const;
    void makeDirectories(const std::string& path) const;
    void close();

    PathPattern pattern_;
    std::string header_;
    std::string path_;  ///< of the open file
    int file_ = -1;
};

}  // namespace cdr
