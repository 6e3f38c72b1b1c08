// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace siproxd::test {

/// Collects the lines of the log while it lives.
class LogSpy {
public:
    [[nodiscard]] const std::vector<std::string>& lines() const { return sink_.lines; }
    [[nodiscard]] std::string last() const { return lines().empty() ? "" : lines().back(); }
    /// How many lines have this in them.
    [[nodiscard]] std::ptrdiff_t count(std::string_view part) const {
        return std::ranges::count_if(lines(), [part](const std::string& line) {
            return line.find(part) != std::string::npos;
        });
    }
    [[nodiscard]] bool has(std::string_view part) const { return count(part) > 0; }
    [[nodiscard]] bool hasLine(std::string_view whole) const {
        return std::find(lines().begin(), lines().end(), whole) != lines().end();
    }
    void clear() { sink_.lines.clear(); }

private:
    struct Sink final : log::Sink {
        [[nodiscard]] log::Level threshold() const override { return log::Level::Debug; }
        [[nodiscard]] std::uint32_t debugClasses() const override { return ~0U; }
        void write(const log::Record& record) override { lines.emplace_back(record.message); }
        std::vector<std::string> lines;
    };

    Sink sink_;
    log::Attachment attachment_{sink_};
};

}  // namespace siproxd::test
