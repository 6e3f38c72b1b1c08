// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "config/settings.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace siproxd::config {

/// What the text of a directive has to be.
enum class Type : std::uint8_t {
    Text,      ///< any text
    TextList,  ///< any text, one element a line
    Networks,  ///< `host/bits,host/bits`, checked by the access module
    Address,   ///< IPv4 or IPv6 address
    Choice,    ///< one of a few words
    ChoiceList,  ///< the same, one element a line
    Flag,      ///< 0 or 1
    Integer,   ///< within the range
    Bitmask,   ///< within the range; -1 sets all bits
    IntegerList,
};

/// A value that has passed the check of its type.
struct Value {
    std::string text;         ///< as written
    std::int64_t number = 0;  ///< of Flag, Integer, Bitmask, IntegerList
    Origin origin;
};

/// How a directive reaches its member of Settings. Scalars have one element, index 0; lists and
/// records count from 0.
struct Binding {
    void (*store)(Settings& settings, std::size_t index, const Value& value) = nullptr;
    /// Number of elements to show; an unset scalar text has 0.
    std::size_t (*count)(const Settings& settings) = nullptr;
    /// The text that would be read back as element `index`.
    std::string (*show)(const Settings& settings, std::size_t index) = nullptr;
    /// Takes the whole member over.
    void (*copy)(Settings& to, const Settings& from) = nullptr;
};

/// Several list directives that make one record each time all of them are given.
enum class Group : std::uint8_t { None, OutboundDomain, RelayDomain, MaskedHost };

/// One core directive of siproxd.conf. Its default is the initialiser of its member in settings.h.
struct Directive {
    std::string_view key;
    Type type = Type::Text;
    std::int64_t least = 0;       ///< of integers
    std::int64_t most = 0;
    std::string_view choices = {};  ///< of Choice, ChoiceList: `1.2|1.3`
    std::string_view unit = {};   ///< of integers, as a word: `seconds`; may be empty
    bool required = false;
    bool reloadable = false;      ///< SIGHUP takes a new value over without a restart
    Group group = Group::None;
    /// What a text has to fulfil besides its type; the error is a message for the user.
    base::Result<void> (*check)(std::string_view key, std::string_view text) = nullptr;
    std::string_view help = {};   ///< one line
    Binding binding = {};

    [[nodiscard]] bool isList() const {
        return type == Type::TextList || type == Type::ChoiceList || type == Type::IntegerList;
    }
    [[nodiscard]] bool isNumber() const {
        return type == Type::Flag || type == Type::Integer || type == Type::Bitmask ||
               type == Type::IntegerList;
    }
};

/// All core directives, in the order of the manual.
[[nodiscard]] std::span<const Directive> directives();

/// The directive of exactly that name; nullptr when there is none.
[[nodiscard]] const Directive* findDirective(std::string_view key);

/// The default as it would be written in the file; empty when the directive is unset.
[[nodiscard]] std::string defaultOf(const Directive& directive);

/// `integer, 1 to 65535; default 5060; restart needed`: what the manual and --dump-config say about
/// each directive besides its help.
[[nodiscard]] std::string factsOf(const Directive& directive);

}  // namespace siproxd::config
