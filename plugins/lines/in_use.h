// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace siproxd::lines {

/// Which calls use the lines of what, by its label (Target::label): a call has a line of everything that it is tried by, and
/// keeps one only when it is answered. Follows the events of siproxd_call, for the thread that gets them.
class InUse {
public:
    /// How the call and what has the lines belong together.
    enum class Way : std::uint8_t {
        To,   ///< it is tried, or goes, there (CallEvent::Trying)
        From  ///< it has come from there: the line is its own until its end
    };

    /// `call`: siproxd_call.id. One more line.
    void take(std::uint64_t call, const std::string& label, Way way = Way::To);
    /// It does not go that way any more (CallEvent::Left): gives one line back.
    void leave(std::uint64_t call, std::string_view label);
    /// It goes that way (CallEvent::Answered): gives back all lines of others that it was tried by.
    void settle(std::uint64_t call, std::string_view label);
    /// It has ended: gives all back.
    void end(std::uint64_t call);

    /// Lines with that label.
    [[nodiscard]] std::uint32_t count(std::string_view label) const;

private:
    struct Line {
        std::string label;
        Way way;
    };
    template <class Which>
    void giveBack(std::uint64_t call, const Which& which);

    std::unordered_multimap<std::uint64_t, Line> lines_;  ///< by call
    std::map<std::string, std::uint32_t, std::less<>> counts_;
};

}  // namespace siproxd::lines
