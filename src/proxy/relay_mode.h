// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "config/settings.h"

namespace siproxd::proxy {

/// Whose media goes through us (rtp_proxy_mode).
enum class RelayMode : std::uint8_t {
    Off,       ///< nobody's: session descriptions stay as they are
    External,  ///< that of calls whose parties are not on one network of ours
    All,       ///< everybody's
};

/// The mode of calls whose party inside is a user of `domain`.
[[nodiscard]] RelayMode relayModeOf(const config::ProxySettings& settings, std::string_view domain);

}  // namespace siproxd::proxy
