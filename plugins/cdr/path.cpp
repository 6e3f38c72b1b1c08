// SPDX-License-Identifier: GPL-2.0-or-later
#include "path.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace cdr {

namespace {

bool isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The part of a date that it begins with; empty: none.
std::string_view dateWord(std::string_view run) {
    for (const std::string_view word : {"yyyy", "mm", "dd"}) {
        if (run.starts_with(word)) {
            return word;
        }
    }
    return {};
}

bool isDate(std::string_view run) {
    while (!run.empty()) {
        const auto word = dateWord(run);
        if (word.empty()) {
            return false;
        }
        run.remove_prefix(word.size());
    }
    return true;
}

}  // namespace

std::optional<PathPattern> PathPattern::parse(std::string_view text, std::string& why) {
    if (!text.starts_with('/') || text.ends_with('/')) {
        why = "the path of a file is needed that begins with /";
        return std::nullopt;
    }
    PathPattern pattern;
    while (!text.empty()) {
        const bool inLetters = isLetter(text.front());
        const auto end = std::ranges::find_if(text, [inLetters](char c) { return isLetter(c) != inLetters; });
        const auto run = text.substr(0, static_cast<std::size_t>(end - text.begin()));
        if (inLetters && isDate(run)) {
            pattern.addLetters(run);
        } else if (run.find("yyyy") != std::string_view::npos) {
            why = "yyyy is part of the word " + std::string(run) +
                  ": a character other than a letter has to stand between";
            return std::nullopt;
        } else {
            pattern.addText(run);
        }
        text.remove_prefix(run.size());
    }
    const auto firstDate = std::ranges::find_if(pattern.pieces_, [](const Piece& piece) { return piece.date != 0; });
    for (auto piece = pattern.pieces_.begin(); piece != firstDate; ++piece) {
        pattern.constant_ += piece->text.size();
    }
    return pattern;
}

void PathPattern::addLetters(std::string_view run) {
    while (!run.empty()) {
        const auto word = dateWord(run);
        pieces_.push_back({"", word.front()});
        run.remove_prefix(word.size());
    }
}

void PathPattern::addText(std::string_view text) {
    if (pieces_.empty() || pieces_.back().date != 0) {
        pieces_.emplace_back();
    }
    pieces_.back().text += text;
}

std::string PathPattern::at(std::int64_t seconds) const {
    if (pieces_.size() == 1 && pieces_.front().date == 0) {
        return pieces_.front().text;
    }
    const auto then = static_cast<std::time_t>(seconds);
    std::tm local{};
    ::localtime_r(&then, &local);
    std::string out;
    for (const auto& piece : pieces_) {
        char digits[16] = "";
        switch (piece.date) {
            case 'y': std::snprintf(digits, sizeof digits, "%04d", local.tm_year + 1900); break;
            case 'm': std::snprintf(digits, sizeof digits, "%02d", local.tm_mon + 1); break;
            case 'd': std::snprintf(digits, sizeof digits, "%02d", local.tm_mday); break;
            default: break;
        }
        out += piece.text + digits;
    }
    return out;
}

}  // namespace cdr
