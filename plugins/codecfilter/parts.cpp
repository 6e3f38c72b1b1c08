// SPDX-License-Identifier: GPL-2.0-or-later
#include "parts.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "siproxd/plugin.hpp"

namespace siproxd::codecfilter {
namespace {

constexpr std::size_t kMostParts = 32;
constexpr int kDeepest = 4;

using api::equals;
using api::orEmpty;

/// In folded lines, too.
std::string_view trim(std::string_view text) { return api::trim(text, " \t\r\n"); }

/// Without parameters.
std::string_view typeOf(std::string_view contentType) {
    return trim(contentType.substr(0, contentType.find(';')));
}

/// The parameter `boundary`; empty: none.
std::string boundaryOf(std::string_view contentType) {
    auto rest = contentType;
    for (auto semicolon = rest.find(';'); semicolon != std::string_view::npos;
         semicolon = rest.find(';')) {
        rest.remove_prefix(semicolon + 1);
        const auto sign = rest.find('=');
        if (sign == std::string_view::npos) {
            break;
        }
        const bool isBoundary = equals(trim(rest.substr(0, sign)), "boundary");
        auto value = trim(rest.substr(sign + 1));
        if (!value.starts_with('"')) {
            if (isBoundary) {
                return std::string(trim(value.substr(0, value.find(';'))));
            }
            continue;
        }
        value.remove_prefix(1);
        std::string text;
        while (!value.empty() && value[0] != '"') {
            value.remove_prefix(value[0] == '\\' && value.size() > 1 ? 1 : 0);
            text += value[0];
            value.remove_prefix(1);
        }
        if (isBoundary) {
            return text;
        }
        rest = value;
    }
    return {};
}

/// The value of a header of a part; nothing: it has none.
std::optional<std::string> headerOf(std::string_view head, std::string_view name) {
    std::optional<std::string> found;
    bool isInside = false;
    while (!head.empty()) {
        const auto newline = std::min(head.find('\n'), head.size());
        const auto line = head.substr(0, newline);
        head.remove_prefix(std::min(newline + 1, head.size()));
        if (line.starts_with(' ') || line.starts_with('\t')) {
            if (isInside) {
                found->append(" ").append(trim(line));  // folded
            }
            continue;
        }
        const auto colon = std::min(line.find(':'), line.size());
        isInside = !found && colon < line.size() && equals(trim(line.substr(0, colon)), name);
        if (isInside) {
            found = trim(line.substr(colon + 1));
        }
    }
    return found;
}

class Search {
public:
    explicit Search(std::string_view body) : body_(body) {}

    void look(std::string_view contentType, std::size_t begin, std::size_t size, int depth) {
        const auto type = typeOf(contentType);
        if (equals(type, "application/sdp")) {
            if (found.size() < kMostParts) {
                found.push_back({begin, size});
            }
        } else if (equals(type, "multipart/mixed") || equals(type, "multipart/related") ||
                   equals(type, "multipart/alternative")) {
            const std::string boundary = boundaryOf(contentType);
            if (!boundary.empty() && depth < kDeepest) {
                lookIntoParts("--" + boundary, begin, begin + size, depth);
            }
        }
    }

    std::vector<Part> found;

private:
    void lookIntoParts(const std::string& delimiter, std::size_t begin, std::size_t end,
                       int depth) {
        std::optional<std::size_t> part;  // where it begins
        for (std::size_t line = begin; line < end;) {
            const auto newline = std::min(body_.find('\n', line), end);
            const auto text = trim(body_.substr(line, newline - line));
            const bool isLast = text.starts_with(delimiter) && text.ends_with("--") &&
                                text.size() == delimiter.size() + 2;
            if (isLast || text == delimiter) {
                if (part) {
                    lookIntoPart(*part, line, depth);
                }
                part = std::min(newline + 1, end);
            }
            if (isLast) {
                return;
            }
            line = newline + 1;
        }
    }

    /// `end` is where the line of the next delimiter begins; the line end before is its own.
    void lookIntoPart(std::size_t begin, std::size_t end, int depth) {
        if (end > begin && body_[end - 1] == '\n') {
            --end;
            end -= end > begin && body_[end - 1] == '\r' ? 1 : 0;
        }
        std::size_t line = begin;
        while (line < end) {
            const auto newline = std::min(body_.find('\n', line), end);
            if (trim(body_.substr(line, newline - line)).empty()) {
                const auto head = body_.substr(begin, line - begin);
                const auto content = std::min(newline + 1, end);
                const auto encoding = headerOf(head, "Content-Transfer-Encoding");
                const bool isPlain = !encoding || equals(*encoding, "binary") ||
                                     equals(*encoding, "8bit") || equals(*encoding, "7bit");
                if (isPlain && !headerOf(head, "Content-Encoding")) {
                    look(orEmpty(headerOf(head, "Content-Type")), content, end - content,
                         depth + 1);
                }
                return;
            }
            line = newline + 1;
        }
    }

    std::string_view body_;
};

}  // namespace

std::vector<Part> findDescriptions(std::string_view contentType, std::string_view body) {
    Search search(body);
    search.look(contentType, 0, body.size(), 0);
    return std::move(search.found);
}

}  // namespace siproxd::codecfilter
