// SPDX-License-Identifier: GPL-2.0-or-later
#include "sdp/section.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace siproxd::sdp {

namespace {

struct Attribute {
    std::string_view name;
    std::string_view value;
};

Attribute attributeOf(const Line& line) {
    const auto text = line.value();
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
        return {base::trim(text), {}};
    }
    return {base::trim(text.substr(0, colon)), text.substr(colon + 1)};
}

std::string attributeText(std::string_view name, std::string_view value) {
    std::string text(name);
    if (!value.empty()) {
        text += ':';
        text += value;
    }
    return text;
}

/// A glance: lines of another name nearly always begin with another letter.
bool mayBe(const Line& line, std::string_view name) {
    const auto text = line.value();
    return line.type() == 'a' && !text.empty() && !name.empty() &&
           ((text.front() | 0x20) == (name.front() | 0x20) || text.front() <= ' ');
}

bool isAttribute(const Line& line, std::string_view name) {
    return mayBe(line, name) && base::equalsIgnoreCase(attributeOf(line).name, name);
}

bool isIce(std::string_view name) {
    return base::equalsIgnoreCase(name, "candidate") ||
           base::equalsIgnoreCase(name, "remote-candidates") ||
           base::equalsIgnoreCase(name, "end-of-candidates") ||
           base::startsWithIgnoreCase(name, "ice-");
}

std::optional<Direction> directionNamed(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, Direction>, 4> kNames{{
        {"sendrecv", Direction::SendRecv},
        {"sendonly", Direction::SendOnly},
        {"recvonly", Direction::RecvOnly},
        {"inactive", Direction::Inactive},
    }};
    for (const auto& [text, direction] : kNames) {
        if (base::equalsIgnoreCase(name, text)) {
            return direction;
        }
    }
    return std::nullopt;
}

bool isBlank(char c) {
    return c == ' ' || c == '\t';
}

/// Takes the last word off `text`; empty when there is none.
std::string_view takeLastWord(std::string_view& text) {
    while (!text.empty() && isBlank(text.back())) {
        text.remove_suffix(1);
    }
    std::size_t start = text.size();
    while (start > 0 && !isBlank(text[start - 1])) {
        --start;
    }
    const auto word = text.substr(start);
    text = text.substr(0, start);
    return word;
}

}  // namespace

base::Result<NetAddress> parseNetAddress(std::string_view text) {
    const auto host = takeLastWord(text);
    const auto addressType = takeLastWord(text);
    const auto network = takeLastWord(text);
    NetAddress address;
    if (base::equalsIgnoreCase(addressType, "IP4")) {
        address.family = base::Family::V4;
    } else if (base::equalsIgnoreCase(addressType, "IP6")) {
        address.family = base::Family::V6;
    }
    address.host = host.substr(0, host.find('/'));
    if (!base::equalsIgnoreCase(network, "IN") || address.family == base::Family::None ||
        address.host.empty()) {
        return base::fail("not an Internet address in SDP");
    }
    return address;
}

std::string withNetAddress(std::string_view text, const base::IpAddress& address) {
    const auto whole = text;
    const auto host = takeLastWord(text);
    const auto addressType = takeLastWord(text);
    const auto typeStart = static_cast<std::size_t>(addressType.data() - whole.data());
    const auto hostStart = static_cast<std::size_t>(host.data() - whole.data());
    std::string out(whole.substr(0, typeStart));
    out += address.isV6() ? "IP6" : "IP4";
    out += whole.substr(typeStart + addressType.size(),
                        hostStart - typeStart - addressType.size());
    out += address.toString();
    out += whole.substr(hostStart + host.size());
    return out;
}

std::optional<NetAddress> Section::connection() const {
    for (const auto& line : lines_) {
        if (line.type() == 'c') {
            if (const auto address = parseNetAddress(line.value())) {
                return *address;
            }
        }
    }
    return std::nullopt;
}

bool Section::replaceConnection(const base::IpAddress& address) {
    bool found = false;
    for (auto& line : lines_) {
        if (line.type() == 'c') {
            line.setValue(withNetAddress(line.value(), address));
            found = true;
        }
    }
    return found;
}

std::optional<std::string_view> Section::value(std::string_view attribute) const {
    for (const auto& line : lines_) {
        if (isAttribute(line, attribute)) {
            return attributeOf(line).value;
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> Section::values(std::string_view attribute) const {
    std::vector<std::string_view> found;
    for (const auto& line : lines_) {
        if (isAttribute(line, attribute)) {
            found.push_back(attributeOf(line).value);
        }
    }
    return found;
}

void Section::set(std::string_view attribute, std::string_view value) {
    const auto named = [attribute](const Line& line) { return isAttribute(line, attribute); };
    const auto first = std::find_if(lines_.begin(), lines_.end(), named);
    if (first != lines_.end()) {
        first->setValue(attributeText(attribute, value));
        const auto rest = first + 1;
        lines_.erase(std::remove_if(rest, lines_.end(), named), lines_.end());
        return;
    }
    add(attribute, value);
}

void Section::add(std::string_view attribute, std::string_view value) {
    std::size_t last = lines_.size();
    while (last > 0 && lines_[last - 1].type() == '\0') {
        --last;  // stay in front of empty lines at the end of a body
    }
    if (last > 0) {
        insertAfter(last - 1, 'a', attributeText(attribute, value));
    }
}

std::size_t Section::remove(std::string_view attribute) {
    return removeIf([attribute](std::string_view name, std::string_view) {
        return base::equalsIgnoreCase(name, attribute);
    });
}

std::size_t Section::removeIf(
    const std::function<bool(std::string_view name, std::string_view value)>& unwanted) {
    return std::erase_if(lines_, [&unwanted](const Line& line) {
        if (line.type() != 'a') {
            return false;
        }
        const auto attribute = attributeOf(line);
        return unwanted(attribute.name, attribute.value);
    });
}

bool Section::hasIce() const {
    return std::any_of(lines_.begin(), lines_.end(), [](const Line& line) {
        return line.type() == 'a' && isIce(attributeOf(line).name);
    });
}

std::size_t Section::removeIce() {
    return removeIf([](std::string_view name, std::string_view) { return isIce(name); });
}

std::optional<Direction> Section::direction() const {
    std::optional<Direction> found;
    for (const auto& line : lines_) {
        if (line.type() == 'a') {
            if (const auto direction = directionNamed(attributeOf(line).name)) {
                found = direction;
            }
        }
    }
    return found;
}

void Section::appendTo(std::string& out) const {
    for (const auto& line : lines_) {
        line.appendTo(out);
    }
}

void Section::insertAfter(std::size_t position, char type, std::string value) {
    auto& before = lines_[position];
    const auto end = before.end();
    if (end.empty()) {
        // The last line of a body without a line end: the new line becomes that one.
        before.setEnd(lines_.front().end().empty() ? "\r\n" : lines_.front().end());
    }
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(position) + 1,
                  Line(type, std::move(value), end));
}

}  // namespace siproxd::sdp
