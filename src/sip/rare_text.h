// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>

namespace siproxd::sip {

/// A text that is nearly always empty: as long as it is, it takes one pointer and not a std::string.
/// A value.
class RareText {
public:
    RareText() = default;
    template <std::convertible_to<std::string_view> Text>
        requires(!std::same_as<Text, RareText>)
    RareText(const Text& text) : text_(make(text)) {}  // NOLINT(google-explicit-constructor)
    RareText(const RareText& other) : text_(make(other.view())) {}
    RareText(RareText&&) noexcept = default;
    RareText& operator=(const RareText& other) {
        text_ = make(other.view());
        return *this;
    }
    RareText& operator=(RareText&&) noexcept = default;

    [[nodiscard]] std::string_view view() const {
        return text_ == nullptr ? std::string_view() : std::string_view(*text_);
    }
    operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
    [[nodiscard]] bool empty() const { return text_ == nullptr; }
    void clear() { text_.reset(); }

    friend bool operator==(const RareText& a, const RareText& b) { return a.view() == b.view(); }
    template <std::convertible_to<std::string_view> Text>
        requires(!std::same_as<Text, RareText>)
    friend bool operator==(const RareText& a, const Text& b) {
        return a.view() == std::string_view(b);
    }

private:
    [[nodiscard]] static std::unique_ptr<const std::string> make(std::string_view text) {
        return text.empty() ? nullptr : std::make_unique<const std::string>(text);
    }

    std::unique_ptr<const std::string> text_;
};

}  // namespace siproxd::sip
