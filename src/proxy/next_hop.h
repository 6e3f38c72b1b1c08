// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "config/settings.h"
#include "proxy/addresses.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// Takes the Routes off that lead to us (RFC 3261 §16.4): every one on top, and, where a strict
/// router has put one of ours into the request URI, puts the real target back.
void removeOwnRoutes(sip::Message& request, const Addresses& addresses);

/// Gives the request these Routes and, when the first of them is a strict router's, the shape that
/// such a one wants (RFC 3261 §16.6 step 6): it in the request URI, the target as the last Route.
void applyRouteSet(sip::Message& request, std::vector<sip::NameAddr> routes);

/// The Routes to keep with a dialog: none when there are more than any real one has, for the memory is
/// not a peer's to fill. Its requests then go straight to the phone.
[[nodiscard]] std::vector<sip::NameAddr> routesToKeep(std::vector<sip::NameAddr> routes);

/// The proxies between us and a phone that its REGISTER names (RFC 3327 §5.2), nearest to us first; as
/// many as routesToKeep() lets through.
[[nodiscard]] std::vector<sip::NameAddr> pathOf(const sip::Message& request);

/// A plugin's choice to keep; null: it has none.
[[nodiscard]] std::unique_ptr<const sip::Uri> chosenHop(const std::optional<sip::Uri>& hop);

/// Where a request is to be sent.
struct NextHop {
    sip::Uri uri;
    bool isChosen = false;  ///< by the configuration or a plugin, and not by somebody on the network
};

/// Where a request to `target` goes that leaves: to its topmost Route, else to the proxy of the sender's
/// domain (outbound_domain_*), else to outbound_proxy_host, else to `target` or, when that has no host
/// (tel:, urn:), to the sender's domain.
[[nodiscard]] NextHop nextHopOutside(const sip::Message& request, const sip::Uri& target,
                                     const config::ProxySettings& settings);
/// Likewise, of a request without Routes.
[[nodiscard]] NextHop nextHopOutside(const sip::Uri& sender, const sip::Uri& target,
                                     const config::ProxySettings& settings);

}  // namespace siproxd::proxy
