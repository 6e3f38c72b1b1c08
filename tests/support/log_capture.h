// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace siproxd::test {

/// Keeps what is logged, from information on, while it lives.
class LogCapture final : public log::Sink {
public:
    [[nodiscard]] log::Level threshold() const override { return log::Level::Info; }
    [[nodiscard]] std::uint32_t debugClasses() const override { return 0; }
    void write(const log::Record& record) override { lines_.emplace_back(record.message); }

    /// How many lines have this in them.
    [[nodiscard]] std::ptrdiff_t count(std::string_view part) const {
        return std::ranges::count_if(lines_, [part](const std::string& line) {
            return line.find(part) != std::string::npos;
        });
    }

private:
    std::vector<std::string> lines_;
    log::Attachment attached_{*this};
};

}  // namespace siproxd::test
