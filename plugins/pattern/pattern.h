// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::pattern {

/// How much may still be done to find a match: what is tried at one place of a text is one unit,
/// and so is each byte on the way to it. kMost is some hundredths of a second at the worst.
struct Effort {
    static constexpr std::uint64_t kMost = 1'000'000;
    std::uint64_t left = kMost;

    /// Enough for many sensible patterns and a text of that length; a few thousandths of a second for a URI.
    [[nodiscard]] static constexpr Effort forText(std::size_t bytes) {
        constexpr std::uint64_t kLeast = 50'000;
        constexpr std::uint64_t kForByte = 100;
        return {bytes < (kMost - kLeast) / kForByte ? kLeast + kForByte * bytes : kMost};
    }
};

/// Part of a text.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool tookPart = false;  ///< false: a group of an alternative that was not taken
};

/// The whole match, then its groups.
using Match = std::vector<Span>;

enum class Found : std::uint8_t {
    Yes,
    No,
    TooHard  ///< the effort has been used up
};

/// A POSIX extended regular expression, compared without regard to case, byte by byte. As there, of
/// all matches that begin first the longest is found; but which parts of it are the groups' is
/// decided from left to right, each taking as much as it can.
class Pattern {
public:
    /// Errors say what is wrong with it.
    [[nodiscard]] static std::expected<Pattern, std::string> compile(std::string_view ere);

    /// The first match that does not begin before `from`. `^` is the beginning of the whole text.
    [[nodiscard]] Found find(std::string_view text, std::size_t from, Match& match,
                             Effort& effort) const;
    /// Whether there is a match anywhere.
    [[nodiscard]] Found find(std::string_view text, Effort& effort) const;

    [[nodiscard]] std::size_t groups() const { return groups_; }

private:
    struct Code;
    struct Free {
        void operator()(Code* code) const;
    };

    explicit Pattern(std::unique_ptr<Code, Free> code) : code_(std::move(code)) {}

    [[nodiscard]] Found run(std::string_view text, std::size_t from, std::uint32_t options,
                            Match& match, Effort& effort) const;
    [[nodiscard]] std::size_t longest(std::string_view text, const Span& first,
                                      Effort& effort) const;

    std::unique_ptr<Code, Free> code_;
    std::size_t groups_ = 0;
};

}  // namespace siproxd::pattern
