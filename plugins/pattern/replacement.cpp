// SPDX-License-Identifier: GPL-2.0-or-later
#include "replacement.h"

#include <algorithm>

namespace siproxd::pattern {

Replacement::Replacement(std::string_view text) {
    pieces_.emplace_back();
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (text[i] == '\\' && next >= '1' && next <= '9') {
            pieces_.back().group = static_cast<std::size_t>(next - '0');
            pieces_.emplace_back();
            ++i;
        } else {
            pieces_.back().text += text[i];
        }
    }
}

std::size_t Replacement::highestGroup() const {
    return std::ranges::max(pieces_, {}, &Piece::group).group;
}

void Replacement::appendTo(std::string& out, std::string_view text, const Match& match) const {
    for (const Piece& piece : pieces_) {
        out += piece.text;
        if (piece.group > 0 && piece.group < match.size() && match[piece.group].tookPart) {
            const Span& span = match[piece.group];
            out += text.substr(span.begin, span.end - span.begin);
        }
    }
}

Replaced replace(const Pattern& pattern, const Replacement& replacement, std::string_view text,
                 std::size_t mostBytes, Effort& effort, bool (*firstOnly)(const Match& first)) {
    Replaced result;
    Match match;
    std::size_t done = 0;
    for (std::size_t from = 0; from <= text.size();) {
        const auto found = pattern.find(text, from, match, effort);
        if (found == Found::No) {
            break;
        }
        if (found == Found::TooHard || result.text.size() > mostBytes) {
            return {Found::TooHard, {}};
        }
        const Span whole = match[0];
        result.text += text.substr(done, whole.begin - done);
        replacement.appendTo(result.text, text, match);
        done = whole.end;
        const bool isLast = result.found == Found::No && firstOnly != nullptr && firstOnly(match);
        result.found = Found::Yes;
        if (isLast) {
            break;
        }
        // An empty match is not found again.
        from = whole.end > whole.begin ? whole.end : whole.end + 1;
    }
    result.text += text.substr(done);
    if (result.text.size() > mostBytes) {
        return {Found::TooHard, {}};
    }
    return result;
}

}  // namespace siproxd::pattern
