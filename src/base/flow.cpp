// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/flow.h"

#include "base/text.h"

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

std::optional<Protocol> protocolFromVia(std::string_view name) {
    for (const auto protocol : {Protocol::Udp, Protocol::Tcp, Protocol::Tls}) {
        if (equalsIgnoreCase(name, viaName(protocol))) {
            return protocol;
        }
    }
    return std::nullopt;
}

std::string Flow::toString() const {
    return std::string(viaName(protocol)) + " " + local.toString() + " - " + remote.toString();
}

}  // namespace siproxd::base
