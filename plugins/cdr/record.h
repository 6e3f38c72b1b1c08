// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "siproxd/plugin.hpp"

namespace cdr {

enum class Format : std::uint8_t { Csv, Json };

/// What has become of a call, in one word: ANSWERED, CANCELLED, BUSY, NO ANSWER, REDIRECTED, REFUSED or FAILED (the
/// README says what they mean).
[[nodiscard]] std::string_view dispositionOf(const siproxd_call& call);

/// Local time with its distance from UTC (RFC 3339); empty for 0.
[[nodiscard]] std::string timeText(std::int64_t seconds);

/// What is kept of a call that has ended.
class Record {
public:
    explicit Record(const siproxd_call& call);

    /// One line with its end.
    [[nodiscard]] std::string line(Format format) const;
    /// What stands above the lines, with its end; empty for JSON.
    [[nodiscard]] static std::string header(Format format);

private:
    struct Field {
        std::string_view name;
        std::string value;
        bool isNumber = false;
    };

    void addMedia(const siproxd_call& call);
    void addSide(bool isCaller, const siproxd_stream* stream);
    void text(std::string_view name, std::string_view value) { fields_.push_back({name, std::string(value)}); }
    void number(std::string_view name, std::string value) { fields_.push_back({name, std::move(value), true}); }

    std::vector<Field> fields_;
};

}  // namespace cdr
