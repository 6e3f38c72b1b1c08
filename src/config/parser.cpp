// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/parser.h"

#include "base/text.h"

#include <fmt/core.h>

#include <algorithm>

namespace siproxd::config {

namespace {

bool isBlank(char c) {
    return c == ' ' || c == '\t';
}

bool hasControlCharacter(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127;
    });
}

}  // namespace

std::string quoted(std::string_view line) {
    const std::string lower = base::toLower(line);
    if (lower.find("passw") == std::string::npos) {
        return base::printable(line);
    }
    const auto word = line.substr(0, line.find_first_of(" \t="));
    return base::printable(word) + " ...";
}

base::Result<std::optional<Line>> parseLine(std::string_view text, const Origin& origin) {
    const auto hash = text.find('#');
    const bool cutShort = hash != std::string_view::npos && hash > 0 && !isBlank(text[hash - 1]);
    const std::string_view content = base::trim(text.substr(0, hash));
    if (content.empty()) {
        return std::nullopt;
    }
    const auto equals = content.find('=');
    const std::string_view key = base::trim(content.substr(0, equals));
    if (equals == std::string_view::npos || key.empty() || hasControlCharacter(content)) {
        return base::fail(fmt::format("Syntax error in config file [{}]", quoted(content)));
    }
    const std::string_view value = base::trim(content.substr(equals + 1));
    if (value.empty()) {
        return base::fail(
            fmt::format("empty argument in config file, line:\"{}\"", quoted(content)));
    }
    return Line{std::string(key), std::string(value), origin, cutShort};
}

ParsedText parseText(std::string_view text, const std::string& file) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (text.starts_with(kByteOrderMark)) {
        text.remove_prefix(kByteOrderMark.size());
    }
    ParsedText parsed;
    Origin origin{file, 0};
    for (const std::string_view raw : base::split(text, '\n')) {
        ++origin.line;
        auto line = parseLine(raw, origin);
        if (!line) {
            parsed.problems.push_back({Severity::Warning, origin, std::move(line.error().message)});
        } else if (*line) {
            parsed.lines.push_back(std::move(**line));
        }
    }
    return parsed;
}

}  // namespace siproxd::config
