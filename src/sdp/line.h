// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace siproxd::sdp {

/// One line of a body: type letter, `=`, value, line end. Until it is edited it is a view into the
/// body that it was read from, which must live as long.
class Line {
public:
    /// A line as it was read. `type` 0 is a line without letter and `=` (an empty one).
    Line(char type, std::string_view value, std::string_view end)
        : type_(type), read_(value), end_(end) {}

    /// A line of our own making.
    Line(char type, std::string value, std::string_view end)
        : type_(type), edited_(true), own_(std::move(value)), end_(end) {}

    [[nodiscard]] char type() const { return type_; }
    [[nodiscard]] std::string_view value() const { return edited_ ? own_ : read_; }

    /// `\r\n`, `\n`, or nothing when the body stops here.
    [[nodiscard]] std::string_view end() const { return end_; }
    void setEnd(std::string_view end) { end_ = end; }

    void setValue(std::string value) {
        own_ = std::move(value);
        edited_ = true;
    }

    void appendTo(std::string& out) const {
        if (type_ != '\0') {
            out += type_;
            out += '=';
        }
        out += value();
        out += end_;
    }

private:
    char type_;
    bool edited_ = false;
    std::string_view read_;
    std::string own_;
    std::string_view end_;
};

}  // namespace siproxd::sdp
