// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cdr {

/// A file name with the date in it: yyyy, mm and dd stand for year, month and day where a run of letters consists of
/// nothing else (cdr-yyyy-mm-dd.csv, yyyymmdd.csv; not in "command").
class PathPattern {
public:
    /// Nothing: `why` says what is wrong.
    [[nodiscard]] static std::optional<PathPattern> parse(std::string_view text, std::string& why);

    /// Of the day, in local time, that this moment belongs to (seconds since 1970).
    [[nodiscard]] std::string at(std::int64_t seconds) const;
    /// How many bytes of each path stand before the first part of the date.
    [[nodiscard]] std::size_t constant() const { return constant_; }

private:
    struct Piece {
        std::string text;
        char date = 0;  ///< y, m or d in place of `text`; 0: none
    };

    void addLetters(std::string_view run);
    void addText(std::string_view text);

    std::vector<Piece> pieces_;
    std::size_t constant_ = 0;
};

}  // namespace cdr
