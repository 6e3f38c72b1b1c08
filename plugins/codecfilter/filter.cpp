// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <span>
#include <utility>

#include "siproxd/plugin.hpp"

namespace siproxd::codecfilter {
namespace {

using namespace std::literals;
using api::equals;
using api::lower;

/// More streams in a description are none of a call: siproxd refuses it.
constexpr std::ptrdiff_t kMostStreams = 32;
/// Payload types are numbers below.
constexpr std::size_t kTypes = 128;
using Types = std::bitset<kTypes>;

/// RFC 3551 §6.
constexpr std::pair<std::size_t, std::string_view> kStatic[] = {
    {0, "PCMU/8000"},    {3, "GSM/8000"},    {4, "G723/8000"},   {5, "DVI4/8000"},
    {6, "DVI4/16000"},   {7, "LPC/8000"},    {8, "PCMA/8000"},   {9, "G722/8000"},
    {10, "L16/44100/2"}, {11, "L16/44100"},  {12, "QCELP/8000"}, {13, "CN/8000"},
    {14, "MPA/90000"},   {15, "G728/8000"},  {16, "DVI4/11025"}, {17, "DVI4/22050"},
    {18, "G729/8000"},   {25, "CelB/90000"}, {26, "JPEG/90000"}, {28, "nv/90000"},
    {31, "H261/90000"},  {32, "MPV/90000"},  {33, "MP2T/90000"}, {34, "H263/90000"},
};

/// Attributes whose value begins with a payload type.
constexpr std::string_view kOfOneType[] = {"rtpmap"sv, "fmtp"sv, "rtcp-fb"sv, "imageattr"sv,
                                           "framesize"sv};

/// What nobody can be heard by alone.
constexpr std::string_view kAuxiliary[] = {"telephone-event/"sv, "CN/"sv,    "rtx/"sv, "red/"sv,
                                           "ulpfec/"sv,          "flexfec"sv};

bool contains(std::string_view text, std::string_view word) {
    return !std::ranges::search(text, word, {}, lower, lower).empty();
}

/// Up to the next space; takes it off `text`.
std::string_view nextWord(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

std::optional<std::size_t> typeFrom(std::string_view text) {
    std::size_t type = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, status] = std::from_chars(text.data(), end, type);
    const bool good = status == std::errc() && rest == end && type < kTypes;
    return good ? std::optional(type) : std::nullopt;
}

/// A line with its end.
struct Line {
    std::string text;
    std::string_view end;
    bool isGone = false;

    [[nodiscard]] bool is(char type) const {
        return text.size() > 1 && text[0] == type && text[1] == '=';
    }
    /// Value of the attribute of that name; nothing: it is another line.
    [[nodiscard]] std::optional<std::string_view> attribute(std::string_view name) const {
        const std::string_view view(text);
        if (!is('a') || view.size() < name.size() + 3 || view[name.size() + 2] != ':' ||
            !equals(view.substr(2, name.size()), name)) {
            return std::nullopt;
        }
        return view.substr(name.size() + 3);
    }
};

std::vector<Line> linesOf(std::string_view text) {
    std::vector<Line> lines;
    while (!text.empty()) {
        const auto newline = std::min(text.find('\n'), text.size());
        const bool hasReturn = newline < text.size() && newline > 0 && text[newline - 1] == '\r';
        const auto length = newline - (hasReturn ? 1 : 0);
        const auto all = std::min(newline + 1, text.size());
        lines.push_back({std::string(text.substr(0, length)), text.substr(length, all - length)});
        text.remove_prefix(all);
    }
    return lines;
}

/// A stream: an m= line and what belongs to it.
class Stream {
public:
    explicit Stream(std::span<Line> lines) : lines_(lines) {
        std::string_view rest = lines_[0].text;
        rest.remove_prefix(2);
        kind_ = nextWord(rest);
        port_ = nextWord(rest);
        protocol_ = nextWord(rest);
        while (!rest.empty()) {
            if (const auto format = nextWord(rest); !format.empty()) {
                formats_.emplace_back(format);
            }
        }
        for (const std::string& format : formats_) {
            if (const auto type = typeFrom(format)) {
                present_.set(*type);
            }
        }
        nameTypes();
    }

    [[nodiscard]] bool isRtp() const { return contains(protocol_, "RTP/"); }
    [[nodiscard]] bool isUsed() const { return port_ != "0" && !port_.starts_with("0/"); }

    void findUnwanted(const std::vector<std::string>& words) {
        for (std::size_t type = 0; type < kTypes; ++type) {
            unwanted_[type] = present_[type] && std::ranges::any_of(words, [&](auto& word) {
                                  return contains(std::to_string(type) + " " + names_[type], word);
                              });
        }
        for (const Line& line : lines_) {
            addRetransmission(line);
        }
    }
    [[nodiscard]] bool hasUnwanted() const { return unwanted_.any(); }

    /// Whether anything to talk by is left without those that are not wanted.
    [[nodiscard]] bool isLeft() const {
        return std::ranges::any_of(formats_, [this](const std::string& format) {
            const auto type = typeFrom(format);
            return !type || (!unwanted_[*type] && !isAuxiliary(names_[*type]));
        });
    }

    [[nodiscard]] std::string_view mid() const {
        for (const Line& line : lines_) {
            if (const auto mid = line.attribute("mid")) {
                return *mid;
            }
        }
        return {};
    }

    void remove(std::vector<std::string>& removed) {
        std::string line = "m=" + kind_ + " " + port_ + " " + protocol_;
        for (const std::string& format : formats_) {
            const auto type = typeFrom(format);
            if (type && unwanted_[*type]) {
                removed.push_back(format + " " + names_[*type]);
            } else {
                line += " " + format;
            }
        }
        lines_[0].text = std::move(line);
        for (Line& one : lines_) {
            const auto type = typeOf(one);
            one.isGone = one.isGone || (type && unwanted_[*type]);
        }
    }

    /// Port 0, with all formats, as a line without any is none.
    void refuse() {
        std::string line = "m=" + kind_ + " 0 " + protocol_;
        for (const std::string& format : formats_) {
            line += " " + format;
        }
        lines_[0].text = std::move(line);
    }

    void listUnwanted(std::vector<std::string>& names) const {
        for (const std::string& format : formats_) {
            if (const auto type = typeFrom(format); type && unwanted_[*type]) {
                names.push_back(format + " " + names_[*type]);
            }
        }
    }

private:
    static bool isAuxiliary(std::string_view name) {
        return std::ranges::any_of(kAuxiliary, [name](std::string_view one) {
            return equals(name.substr(0, one.size()), one);
        });
    }

    /// The payload type that the line says something of.
    static std::optional<std::size_t> typeOf(const Line& line) {
        for (const auto name : kOfOneType) {
            if (auto value = line.attribute(name)) {
                return typeFrom(nextWord(*value));
            }
        }
        return std::nullopt;
    }

    void nameTypes() {
        for (const auto& [type, name] : kStatic) {
            names_[type] = name;
        }
        Types seen;
        for (const Line& line : lines_) {
            auto value = line.attribute("rtpmap");
            if (!value) {
                continue;
            }
            const auto type = typeFrom(nextWord(*value));
            if (type && !seen[*type]) {
                value->remove_prefix(std::min(value->find_first_not_of(' '), value->size()));
                names_[*type] = *value;
                seen.set(*type);
            }
        }
        present_ |= seen;
        for (std::size_t type = 0; type < kTypes; ++type) {
            present_[type] = present_[type] && !names_[type].empty();
        }
    }

    /// a=fmtp:97 apt=96;...
    void addRetransmission(const Line& line) {
        auto value = line.attribute("fmtp");
        if (!value) {
            return;
        }
        const auto type = typeFrom(nextWord(*value));
        const auto apt = value->find("apt=");
        if (!type || apt == std::string_view::npos || !equals(names_[*type].substr(0, 4), "rtx/")) {
            return;
        }
        const auto of = value->substr(apt + 4);
        const auto retransmitted = typeFrom(of.substr(0, of.find_first_not_of("0123456789")));
        if (retransmitted && unwanted_[*retransmitted]) {
            unwanted_.set(*type);
        }
    }

    std::span<Line> lines_;
    std::string kind_;
    std::string port_;
    std::string protocol_;
    std::vector<std::string> formats_;
    std::array<std::string, kTypes> names_;
    Types present_;  ///< named here, and known by name
    Types unwanted_;
};

std::vector<Stream> streamsOf(std::vector<Line>& lines) {
    std::vector<Stream> streams;
    const auto isStream = [](const Line& line) { return line.is('m'); };
    if (std::ranges::count_if(lines, isStream) > kMostStreams) {
        return streams;
    }
    auto begin = std::ranges::find_if(lines, isStream);
    while (begin != lines.end()) {
        const auto end = std::find_if(begin + 1, lines.end(), isStream);
        streams.emplace_back(std::span<Line>(begin, end));
        begin = end;
    }
    return streams;
}

/// The groups that streams belong to (RFC 5888).
class Groups {
public:
    explicit Groups(std::vector<Line>& lines) {
        for (Line& line : lines) {
            if (line.is('m')) {
                break;
            }
            if (line.attribute("group")) {
                lines_.push_back(&line);
            }
        }
    }

    /// Whether others use the transport of that one (RFC 8843).
    [[nodiscard]] bool hasAsFirst(std::string_view mid) const {
        return !mid.empty() && std::ranges::any_of(lines_, [mid](const Line* line) {
            auto members = *line->attribute("group");
            return equals(nextWord(members), "BUNDLE") && nextWord(members) == mid &&
                   !nextWord(members).empty();
        });
    }

    void remove(std::string_view mid) {
        for (Line* line : lines_) {
            auto members = *line->attribute("group");
            std::string rest = "a=group:" + std::string(nextWord(members));
            for (auto word = nextWord(members); !word.empty(); word = nextWord(members)) {
                rest += word == mid ? "" : " " + std::string(word);
            }
            if (!mid.empty()) {
                line->text = std::move(rest);
            }
        }
    }

private:
    std::vector<Line*> lines_;
};

}  // namespace

Filtered filter(std::string_view description, const std::vector<std::string>& words) {
    Filtered result;
    auto lines = linesOf(description);
    auto streams = streamsOf(lines);
    Groups groups(lines);
    bool isMediaLeft = false;
    for (Stream& stream : streams) {
        if (stream.isRtp()) {
            stream.findUnwanted(words);
        }
        isMediaLeft = isMediaLeft || (stream.isUsed() && stream.isLeft());
    }
    for (Stream& stream : streams) {
        if (!stream.isRtp() || !stream.hasUnwanted()) {
            continue;
        }
        if (stream.isLeft()) {
            stream.remove(result.removed);
        } else if (stream.isUsed() && isMediaLeft && !groups.hasAsFirst(stream.mid())) {
            stream.listUnwanted(result.removed);
            groups.remove(stream.mid());
            stream.refuse();
            ++result.refused;
        } else if (stream.isUsed()) {
            ++result.kept;
        }
    }
    for (const Line& line : lines) {
        if (!line.isGone) {
            result.text.append(line.text).append(line.end);
        }
    }
    return result;
}

}  // namespace siproxd::codecfilter
