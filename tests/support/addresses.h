// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "base/address.h"

namespace siproxd::test {

inline base::IpAddress ip(std::string_view text) {
    return base::IpAddress::parse(text).value();
}

inline base::SocketAddress at(std::string_view address, std::uint16_t port = 0) {
    return {ip(address), port};
}

}  // namespace siproxd::test
