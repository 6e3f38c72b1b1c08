// SPDX-License-Identifier: GPL-2.0-or-later
#include "ere.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace siproxd::pattern {
namespace {

/// RE_DUP_MAX, as far as anybody needs it; what is counted is compiled as often.
constexpr unsigned kMostRepeats = 1000;

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

bool isAlnum(char c) {
    return isDigit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// A byte that means itself.
std::string literal(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (isAlnum(c)) {
        return {c};
    }
    if (byte > 0x20 && byte < 0x7F) {
        return {'\\', c};
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    return {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xFU]};
}

/// Reads an expression from left to right and writes its translation.
class Translator {
public:
    explicit Translator(std::string_view ere) : rest_(ere) {}

    std::expected<Translated, std::string> run() {
        while (!rest_.empty() && error_.empty()) {
            step();
        }
        if (error_.empty() && !groups_.empty()) {
            error_ = "( without )";
        }
        if (!error_.empty()) {
            return std::unexpected(error_);
        }
        return std::move(result_);
    }

private:
    void step() {
        const char c = take();
        switch (c) {
            case '\\': escape(); break;
            case '[': bracket(); break;
            case '(': open(); break;
            case ')': close(); break;
            case '|': alternative(); break;
            case '*':
            case '+':
            case '?': repeat({c}); break;
            case '{': interval(); break;
            case '^':
            case '$': atom({c}, false); break;
            case '.': atom(".", true); break;
            default: atom(literal(c), true); break;
        }
    }

    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    void atom(const std::string& text, bool isRepeatable) {
        atom_ = isRepeatable ? std::optional(result_.text.size()) : std::nullopt;
        isRepeated_ = false;
        result_.text += text;
    }

    void wordEdge(const std::string& text) {
        result_.hasWordEdges = true;
        atom(text, false);
    }

    void escape() {
        if (rest_.empty()) {
            error_ = "a backslash at the end";
            return;
        }
        const char c = take();
        switch (c) {
            case '<': wordEdge("\\b(?=\\w)"); return;
            case '>': wordEdge("\\b(?<=\\w)"); return;
            case 'b':
            case 'B': wordEdge({'\\', c}); return;
            case '`': atom("\\A", false); return;
            case '\'': atom("\\z", false); return;
            default: break;
        }
        if (c >= '1' && c <= '9') {
            error_ = std::string("\\") + c + " in a pattern is not supported";
        } else if (std::string_view("wWsSdDtnr").find(c) != std::string_view::npos) {
            atom({'\\', c}, true);
        } else {
            atom(literal(c), true);
        }
    }

    void open() {
        groups_.push_back(result_.text.size());
        result_.text += '(';
        atom_.reset();
    }

    void close() {
        if (groups_.empty()) {
            atom(literal(')'), true);
            return;
        }
        result_.text += ')';
        atom_ = groups_.back();
        isRepeated_ = false;
        groups_.pop_back();
    }

    void alternative() {
        result_.text += '|';
        result_.hasChoices = true;
        atom_.reset();
    }

    void repeat(const std::string& how) {
        if (!atom_) {
            error_ = how + " has nothing in front to repeat";
            return;
        }
        // A second sign behind the first would mean another thing.
        if (isRepeated_) {
            result_.text.insert(*atom_, "(?:");
            result_.text += ')';
        }
        result_.text += how;
        result_.hasChoices = true;
        isRepeated_ = true;
    }

    std::optional<unsigned> number() {
        std::optional<unsigned> value;
        while (!rest_.empty() && isDigit(rest_.front())) {
            const auto digit = static_cast<unsigned>(take() - '0');
            value = std::min(value.value_or(0) * 10 + digit, kMostRepeats + 1);
        }
        return value;
    }

    /// {n}, {n,}, {n,m}, {,m}
    void interval() {
        const auto least = number();
        const bool hasComma = rest_.starts_with(',');
        rest_.remove_prefix(hasComma ? 1 : 0);
        const auto most = hasComma ? number() : least;
        if (!rest_.starts_with('}') || (!least && !most)) {
            error_ = "{ without a count and }; a brace that means itself is \\{";
            return;
        }
        rest_.remove_prefix(1);
        if (std::max(least.value_or(0), most.value_or(0)) > kMostRepeats ||
            (most && least.value_or(0) > *most)) {
            error_ = "a count that is too large";
            return;
        }
        repeat("{" + std::to_string(least.value_or(0)) + (hasComma ? "," : "") +
               (hasComma && most ? std::to_string(*most) : "") + "}");
    }

    void bracket() {
        std::string text = "[";
        if (rest_.starts_with('^')) {
            rest_.remove_prefix(1);
            text += '^';
        }
        bool isFirst = true;
        while (error_.empty() && !rest_.empty() && (isFirst || rest_.front() != ']')) {
            isFirst = false;
            bracketItem(text);
        }
        if (!error_.empty()) {
            return;
        }
        if (rest_.empty()) {
            error_ = "[ without ]";
            return;
        }
        rest_.remove_prefix(1);
        atom(text + "]", true);
    }

    void bracketItem(std::string& text) {
        if (rest_.starts_with("[:")) {
            characterClass(text);
            return;
        }
        const auto first = bracketCharacter();
        const bool isRange = rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']';
        if (!first || !isRange) {
            text += first ? literal(*first) : "";
            return;
        }
        rest_.remove_prefix(1);
        const auto last = bracketCharacter();
        if (last && static_cast<unsigned char>(*last) < static_cast<unsigned char>(*first)) {
            error_ = std::string("the range ") + *first + "-" + *last + " is empty";
        } else if (last) {
            text += literal(*first) + "-" + literal(*last);
        }
    }

    /// Itself (a backslash, too), or [.x.] and [=x=]; nothing: an error.
    std::optional<char> bracketCharacter() {
        const char kind = rest_.size() > 1 && rest_[0] == '[' ? rest_[1] : '\0';
        if (kind != '.' && kind != '=') {
            return take();
        }
        if (rest_.size() < 5 || rest_[3] != kind || rest_[4] != ']') {
            error_ = "within [.  .] and [=  =] there is one character";
            return std::nullopt;
        }
        const char c = rest_[2];
        rest_.remove_prefix(5);
        return c;
    }

    void characterClass(std::string& text) {
        static constexpr std::array<std::string_view, 12> kClasses = {
            "alnum", "alpha", "blank", "cntrl", "digit", "graph",
            "lower", "print", "punct", "space", "upper", "xdigit"};
        const auto end = rest_.find(":]");
        const auto name = rest_.substr(2, end == std::string_view::npos ? 0 : end - 2);
        if (std::ranges::find(kClasses, name) == kClasses.end()) {
            error_ = "[: without the name of a class and :]";
            return;
        }
        text.append("[:").append(name).append(":]");
        rest_.remove_prefix(end + 2);
    }

    std::string_view rest_;
    Translated result_;
    std::string error_;
    std::vector<std::size_t> groups_;  ///< where the open ones begin in the result
    std::optional<std::size_t> atom_;  ///< where that begins which can be repeated
    bool isRepeated_ = false;
};

}  // namespace

std::expected<Translated, std::string> translate(std::string_view ere) {
    return Translator(ere).run();
}

}  // namespace siproxd::pattern
