// SPDX-License-Identifier: GPL-2.0-or-later
#include "sdp/multipart.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/text.h"

namespace siproxd::sdp {

namespace {

constexpr std::size_t kLongestBoundary = 70;  // RFC 2046 §5.1.1

/// `type/subtype`, `session` and the like in front of the parameters, in lower case.
std::string nameOf(std::string_view field) {
    return base::toLower(base::trim(field.substr(0, field.find(';'))));
}

bool isEditable(std::string_view type) {
    constexpr std::array<std::string_view, 3> kTypes{"multipart/mixed", "multipart/related",
                                                     "multipart/alternative"};
    return std::ranges::find(kTypes, type) != kTypes.end();
}

/// Takes a quoted string's contents off `text`, which begins behind the quote.
std::string takeQuoted(std::string_view& text) {
    std::string value;
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\' && text.size() > 1) {
            text.remove_prefix(1);
        }
        value += text.front();
        text.remove_prefix(1);
    }
    text.remove_prefix(text.empty() ? 0 : 1);
    return value;
}

/// Takes `;name=value` off `text`. Nothing when there is no more.
std::optional<std::pair<std::string, std::string>> takeParameter(std::string_view& text) {
    const auto start = text.find(';');
    if (start == std::string_view::npos) {
        return std::nullopt;
    }
    text.remove_prefix(start + 1);
    const auto nameEnd = std::min(text.find_first_of("=;"), text.size());
    auto name = base::toLower(base::trim(text.substr(0, nameEnd)));
    text.remove_prefix(nameEnd);
    if (!text.starts_with('=')) {
        return std::pair(std::move(name), std::string());
    }
    text = text.substr(std::min(text.find_first_not_of(" \t", 1), text.size()));
    if (text.starts_with('"')) {
        text.remove_prefix(1);
        return std::pair(std::move(name), takeQuoted(text));
    }
    const auto end = std::min(text.find(';'), text.size());
    std::string value(base::trim(text.substr(0, end)));
    text.remove_prefix(end);
    return std::pair(std::move(name), std::move(value));
}

/// Nothing when there is none, or there are two, or it is none that RFC 2046 allows.
std::optional<std::string> boundaryOf(std::string_view contentType) {
    std::optional<std::string> found;
    while (auto parameter = takeParameter(contentType)) {
        if (parameter->first == "boundary") {
            if (found) {
                return std::nullopt;
            }
            found = std::move(parameter->second);
        }
    }
    const bool isProper = found && !found->empty() && found->size() <= kLongestBoundary &&
                          !base::hasControlBytes(*found) && found->back() != ' ';
    return isProper ? found : std::nullopt;
}

bool isBlank(std::string_view text) {
    return text.find_first_not_of(" \t") == std::string_view::npos;
}

/// The line that begins at `position`, without its end; `position` is moved behind that.
std::string_view takeLine(std::string_view body, std::size_t& position) {
    const auto newline = body.find('\n', position);
    const auto end = newline == std::string_view::npos ? body.size() : newline;
    auto line = body.substr(position, end - position);
    if (newline != std::string_view::npos && line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    position = newline == std::string_view::npos ? body.size() : newline + 1;
    return line;
}

/// What the header fields of a part say.
struct PartHead {
    std::optional<std::string> type;  ///< value of Content-Type
    std::string disposition;          ///< in lower case, without parameters; empty: none
    bool encoded = false;             ///< its bytes stand for others
};

struct Extent {
    std::size_t begin;
    std::size_t end;
};

class Finder {
public:
    explicit Finder(std::string_view body) : body_(body) {}

    base::Result<void> search(std::string_view contentType, Extent extent, std::size_t depth);
    [[nodiscard]] std::vector<Place>& found() { return found_; }

private:
    base::Result<void> splitParts(std::string_view boundary, Extent extent,
                                  std::vector<Extent>& parts) const;
    base::Result<void> searchPart(Extent part, std::size_t depth);
    base::Result<PartHead> takeHead(Extent& part) const;
    [[nodiscard]] std::vector<std::string> takeFields(Extent& part) const;

    std::string_view body_;
    std::size_t parts_ = 0;
    std::vector<Place> found_;
};

base::Result<void> Finder::splitParts(std::string_view boundary, Extent extent,
                                      std::vector<Extent>& parts) const {
    const auto text = body_.substr(0, extent.end);
    std::size_t position = extent.begin;
    std::size_t previousEnd = extent.begin;  // of the line before, without its end
    std::optional<std::size_t> begin;        // of the part that is being read
    while (position < extent.end) {
        const auto lineStart = position;
        auto line = takeLine(text, position);
        if (line.starts_with("--") && line.substr(2).starts_with(boundary)) {
            auto rest = line.substr(2 + boundary.size());
            const bool closes = rest.starts_with("--");
            rest.remove_prefix(closes ? 2 : 0);
            if (!isBlank(rest)) {
                return base::fail("a line of a multipart body only begins like its boundary");
            }
            if (begin) {
                // The line end in front of the boundary belongs to the boundary.
                parts.push_back({*begin, std::max(*begin, previousEnd)});
            }
            if (closes) {
                return {};
            }
            if (parts.size() == kMaxParts) {
                return base::fail("a multipart body has more than 32 parts");
            }
            begin = position;
        }
        previousEnd = lineStart + line.size();
    }
    return base::fail("a multipart body ends without its closing boundary");
}

std::vector<std::string> Finder::takeFields(Extent& part) const {
    const auto text = body_.substr(0, part.end);
    std::vector<std::string> fields;
    while (part.begin < part.end) {
        const auto line = takeLine(text, part.begin);
        if (line.empty()) {
            break;
        }
        if (!fields.empty() && (line.front() == ' ' || line.front() == '\t')) {
            fields.back() += line;
        } else {
            fields.emplace_back(line);
        }
    }
    return fields;
}

base::Result<PartHead> Finder::takeHead(Extent& part) const {
    PartHead head;
    for (const auto& field : takeFields(part)) {
        const auto colon = field.find(':');
        if (colon == std::string::npos) {
            return base::fail("a part of a multipart body has a header line without colon");
        }
        const auto name = base::trim(std::string_view(field).substr(0, colon));
        const auto value = base::trim(std::string_view(field).substr(colon + 1));
        if (base::equalsIgnoreCase(name, "Content-Type")) {
            if (head.type) {
                return base::fail("a part of a multipart body has two Content-Types");
            }
            head.type = value;
        } else if (base::equalsIgnoreCase(name, "Content-Disposition")) {
            head.disposition = nameOf(value);
        } else if (base::equalsIgnoreCase(name, "Content-Transfer-Encoding")) {
            const auto encoding = nameOf(value);
            head.encoded |= encoding != "binary" && encoding != "8bit" && encoding != "7bit";
        } else if (base::equalsIgnoreCase(name, "Content-Encoding")) {
            head.encoded |= nameOf(value) != "identity";
        }
    }
    return head;
}

base::Result<void> Finder::searchPart(Extent part, std::size_t depth) {
    if (++parts_ > kMaxParts) {
        return base::fail("a multipart body has more than 32 parts");
    }
    const auto head = takeHead(part);
    if (!head) {
        return std::unexpected(head.error());
    }
    const auto contentType = head->type.value_or("text/plain");
    const auto type = nameOf(contentType);
    if (type != "application/sdp" && !isEditable(type)) {
        return {};
    }
    if (head->encoded) {
        return base::fail("a session description in a multipart body is encoded");
    }
    if (type != "application/sdp") {
        return search(contentType, part, depth + 1);
    }
    const bool isSession = head->disposition.empty() || head->disposition == "session";
    if (isSession && std::ranges::any_of(found_, &Place::isSession)) {
        return base::fail("a multipart body has two session descriptions");
    }
    found_.push_back({part.begin, part.end - part.begin, isSession});
    return {};
}

base::Result<void> Finder::search(std::string_view contentType, Extent extent, std::size_t depth) {
    if (depth > kMaxNesting) {
        return base::fail("multipart bodies are nested too deeply");
    }
    const auto boundary = boundaryOf(contentType);
    if (!boundary) {
        return base::fail("a multipart body has no proper boundary");
    }
    std::vector<Extent> parts;
    if (auto split = splitParts(*boundary, extent, parts); !split) {
        return split;
    }
    for (const auto& part : parts) {
        if (auto searched = searchPart(part, depth); !searched) {
            return searched;
        }
    }
    return {};
}

}  // namespace

base::Result<std::vector<Place>> findDescriptions(std::string_view contentType,
                                                  std::string_view body) {
    auto type = nameOf(contentType);
    std::erase_if(type, [](char c) { return c == ' ' || c == '\t'; });
    if (body.empty()) {
        return {};
    }
    if (type == "application/sdp") {
        return std::vector<Place>{{0, body.size(), true}};
    }
    if (!isEditable(type)) {
        return {};
    }
    Finder finder(body);
    if (auto searched = finder.search(contentType, {0, body.size()}, 1); !searched) {
        return std::unexpected(std::move(searched.error()));
    }
    return std::move(finder.found());
}

}  // namespace siproxd::sdp
