// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"

#include <string_view>

/// Checks of texts that name hosts, for the table of directives. `key` is the directive, for the
/// message.
namespace siproxd::config {

/// A name or an address, and then perhaps `;transport=udp`, `tcp` or `tls`; neither `sip:` nor a port.
[[nodiscard]] base::Result<void> checkNextHop(std::string_view key, std::string_view text);

/// Names or addresses, with commas in between.
[[nodiscard]] base::Result<void> checkDomains(std::string_view key, std::string_view text);

}  // namespace siproxd::config
