// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "siproxd/plugin.hpp"

namespace workaround {

/// A header field and what stands in it.
struct Field {
    std::string name;
    std::string value;  ///< empty when only the name was given
};

/// What is done to the messages of some devices.
struct Record {
    std::string name;                  ///< for the log
    std::vector<std::string> devices;  ///< masks of User-Agent or Server; empty: whatever they say
    std::optional<siproxd::api::AddressList> addresses;  ///< nothing: wherever they are

    std::vector<Field> strip;    ///< in what they send
    std::vector<Field> set;
    std::vector<Field> replace;
    std::vector<Field> stripTo;  ///< in what they are sent
    std::vector<Field> setTo;
    std::vector<Field> replaceTo;
    std::vector<std::string> unsupported;  ///< option tags, in lower case
    std::vector<std::string> noMethods;    ///< of Allow
    bool ignoresRport = false;
    bool forcesRport = false;
    bool forcesConnection = false;
    bool answersOptions = false;

    [[nodiscard]] bool isFor(std::string_view device, std::string_view ip) const;
};

/// All records in file order; nothing: what is wrong has been logged.
[[nodiscard]] std::optional<std::vector<Record>> readRecords(const siproxd::api::Host& host);

/// Whether `text` is what `mask` says, in which `*` stands for any text and `?` for any character. Without regard to case.
[[nodiscard]] bool matches(std::string_view mask, std::string_view text);

/// A list `a, b;x, c` without those members that begin with one of the words (up to a parameter, without regard to case);
/// nothing: there was none of them.
[[nodiscard]] std::optional<std::string> without(std::string_view list, const std::vector<std::string>& words);

/// A session description whose connection addresses (c=, RFC 8866 §5.7) are `ip`; those that hold a stream stay. Nothing:
/// it is no description, or they are that already.
[[nodiscard]] std::optional<std::string> connectedTo(std::string_view sdp, std::string_view ip);

}  // namespace workaround
