// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/relay_mode.h"

#include "base/text.h"

namespace siproxd::proxy {

namespace {

RelayMode named(std::string_view mode) {
    return mode == "off" ? RelayMode::Off : mode == "all" ? RelayMode::All : RelayMode::External;
}

}  // namespace

RelayMode relayModeOf(const config::ProxySettings& settings, std::string_view domain) {
    for (const auto& entry : settings.rtpProxyDomains) {
        if (base::equalsIgnoreCase(entry.name, domain)) {
            return named(entry.mode);
        }
    }
    return named(settings.rtpProxyMode);
}

}  // namespace siproxd::proxy
