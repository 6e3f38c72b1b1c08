// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "number.h"
#include "siproxd/plugin.hpp"

namespace limit {

/// What one user may do; 0: as he likes.
struct UserLimits {
    std::uint32_t calls = 0;     ///< at once
    std::uint32_t rate = 0;      ///< calls a minute
    std::uint32_t duration = 0;  ///< seconds of a call
    PrefixRules numbers;
};

/// SIP answers to calls over a limit.
struct Statuses {
    int calls = 486;
    int total = 503;
    int rate = 480;
    int number = 403;
};

/// All of the plugin's configuration.
struct Settings {
    std::uint32_t total = 0;                          ///< calls in all at once; 0: any number
    std::map<std::string, std::uint32_t> gateways;    ///< calls at once by label; `*` is for those without their own
    std::map<std::string, UserLimits> users;          ///< what `*` says and they do not is in them
    std::string international = "00";                 ///< stands for `+`
    Statuses statuses;

    /// Nothing: what is wrong has been logged with its place.
    [[nodiscard]] static std::optional<Settings> read(const siproxd::api::Host& host);

    [[nodiscard]] bool isEmpty() const { return total == 0 && gateways.empty() && users.empty(); }
    /// Limits of the first of these names that has some. A null pointer: none has.
    [[nodiscard]] const UserLimits* of(const std::vector<std::string>& names) const;
    /// 0: any number.
    [[nodiscard]] std::uint32_t ofGateway(std::string_view label) const;
};

}  // namespace limit
