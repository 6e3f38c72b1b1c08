// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/value.h"

#include "base/address.h"
#include "base/text.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace siproxd::config {

namespace {

using Limits = std::numeric_limits<std::int64_t>;

int takeBase(std::string_view& digits) {
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        digits.remove_prefix(2);
        return 16;
    }
    return digits.size() > 1 && digits.front() == '0' ? 8 : 10;
}

std::string rangeOf(const Directive& directive) {
    return fmt::format("({} to {})", directive.least, directive.most);
}

base::Result<Checked> checkNumber(const Directive& directive, Checked checked) {
    const std::string& text = checked.value.text;
    const auto number = parseInteger(text);
    // The original's words, which log watchers know.
    if (directive.key == "rtp_proxy_enable" &&
        (!number || number->value < directive.least || number->value > directive.most)) {
        return base::fail("CONFIG: rtp_proxy_enable has invalid value");
    }
    if (!number) {
        return base::fail(fmt::format("illegal format in config file, line:\"{} = {}\": {} needed",
                                      directive.key, base::printable(text),
                                      directive.type == Type::Flag ? "0 or 1 is"
                                                                   : "an integer is"));
    }
    if (number->value < directive.least || number->value > directive.most) {
        return base::fail(fmt::format("{} = {} is out of range {}", directive.key,
                                      base::printable(text), rangeOf(directive)));
    }
    checked.value.number = number->value;
    if (number->octal) {
        checked.warning = fmt::format("{} = {} has a leading zero, is read as octal and means {}",
                                      directive.key, text, number->value);
    }
    return checked;
}

}  // namespace

std::optional<Integer> parseInteger(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const int radix = takeBase(text);
    std::uint64_t magnitude = 0;
    const auto [end, status] =
        std::from_chars(text.data(), text.data() + text.size(), magnitude, radix);
    if (text.empty() || end != text.data() + text.size() ||
        status == std::errc::invalid_argument) {
        return std::nullopt;
    }
    Integer number{.octal = radix == 8};
    if (status == std::errc::result_out_of_range ||
        magnitude > static_cast<std::uint64_t>(Limits::max())) {
        number.value = negative ? Limits::min() : Limits::max();
    } else {
        number.value = static_cast<std::int64_t>(magnitude) * (negative ? -1 : 1);
    }
    return number;
}

base::Result<Checked> checkValue(const Directive& directive, std::string_view text,
                                 const Origin& origin) {
    Checked checked{.value = {.text = std::string(text), .number = 0, .origin = origin},
                    .warning = {}};
    if (directive.isNumber()) {
        return checkNumber(directive, std::move(checked));
    }
    if (directive.type == Type::Address && !base::IpAddress::parse(text)) {
        return base::fail(fmt::format("{} = {} is not an IP address", directive.key,
                                      base::printable(text)));
    }
    if (!directive.choices.empty()) {
        const auto choices = base::split(directive.choices, '|');
        const auto chosen = std::ranges::find_if(choices, [text](std::string_view choice) {
            return base::equalsIgnoreCase(choice, text);
        });
        if (chosen == choices.end()) {
            return base::fail(fmt::format("{} = {} is none of {}", directive.key,
                                          base::printable(text), fmt::join(choices, ", ")));
        }
        checked.value.text = *chosen;
    }
    if (directive.check != nullptr) {
        if (auto good = directive.check(directive.key, text); !good) {
            return std::unexpected(std::move(good.error()));
        }
    }
    return checked;
}

}  // namespace siproxd::config
