// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/flow.h"

namespace siproxd::base {

std::string_view viaName(Protocol protocol) {
    switch (protocol) {
        case Protocol::Udp:
            return "UDP";
        case Protocol::Tcp:
            return "TCP";
        case Protocol::Tls:
            break;
    }
    return "TLS";
}

std::string Flow::toString() const {
    return std::string(viaName(protocol)) + " " + local.toString() + " - " + remote.toString();
}

}  // namespace siproxd::base
