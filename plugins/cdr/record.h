// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "siproxd/plugin.hpp"

namespace cdr {

enum class Format : std::uint8_t { Csv, Json };

/// What has become of a call, in one word: ANSWERED, CANCELLED, BUSY, NO ANSWER, REDIRECTED, REFUSED or FAILED (the
/// README says what they mean).
[[nodiscard]] std::string_view dispositionOf(const siproxd_call& call);

/// Local time with its distance from UTC (RFC 3339). Remembers the last one: many calls end in the same second.
class TimeText {
public:
    /// Empty for 0. Good until the next one is asked for.
    [[nodiscard]] std::string_view at(std::int64_t seconds);

private:
    std::time_t seconds_ = 0;
    std::string text_;
};

class Line;

/// Makes records, one line each with its end, of calls that have ended.
class Records {
public:
    explicit Records(Format format) : format_(format) {}

    [[nodiscard]] std::string of(const siproxd_call& call);
    /// What stands above the lines, with its end; empty for JSON.
    [[nodiscard]] std::string heading();

private:
    void write(Line& line, const siproxd_call& call);

    Format format_;
    TimeText start_;
    TimeText answer_;
    TimeText end_;
};

}  // namespace cdr
