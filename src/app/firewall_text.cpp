// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/firewall_text.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace siproxd::app {

namespace {

/// The ports to open, for one side of the rules.
struct Ports {
    unsigned sip;
    unsigned tls;  ///< 0: not listened on
    unsigned low, high;
};

std::string addressesOf(const proxy::Addresses& addresses, proxy::Side side) {
    std::vector<std::string> texts;
    for (const auto& endpoint : addresses.endpoints()) {
        if (endpoint.side == side) {
            texts.push_back(endpoint.ip.toString());
        }
    }
    return fmt::format("{}", fmt::join(texts, ", "));
}

std::string iptablesRules(std::string_view command, std::string_view interface,
                          const Ports& ports) {
    std::string text = fmt::format(
        "  {0} -A INPUT -m udp -p udp -i {1} --dport {2} -j ACCEPT\n"
        "  {0} -A INPUT -m udp -p udp -i {1} --dport {3}:{4} -j ACCEPT\n"
        "  {0} -A INPUT -m tcp -p tcp -i {1} --dport {2} -j ACCEPT\n",
        command, interface, ports.sip, ports.low, ports.high);
    if (ports.tls != 0) {
        text += fmt::format("  {} -A INPUT -m tcp -p tcp -i {} --dport {} -j ACCEPT\n", command,
                            interface, ports.tls);
    }
    return text;
}

std::string nftRules(std::string_view interface, const Ports& ports) {
    return fmt::format(
        "  nft add rule inet filter input iifname {0} udp dport '{{ {1}, {2}-{3} }}' accept\n"
        "  nft add rule inet filter input iifname {0} tcp dport '{{ {1}{4} }}' accept\n",
        interface, ports.sip, ports.low, ports.high,
        ports.tls != 0 ? fmt::format(", {}", ports.tls) : "");
}

std::string inFrontOfRouter(const proxy::Addresses& addresses, const config::Settings& settings,
                            const Ports& ports) {
    const auto* here = addresses.first(proxy::Side::Inside);
    std::string text = fmt::format(
        "There is one interface only: this machine is in front of a NAT router. Forward there\n"
        "  {0}/udp, {0}/tcp{1} and {2}-{3}/udp to {4}\n",
        ports.sip, ports.tls != 0 ? fmt::format(", {}/tcp", ports.tls) : "", ports.low,
        ports.high, here->ip.toString());
    if (settings.network.hostOutbound.empty()) {
        text += "and give host_outbound=ADDRESS, the public address or name of that router: nobody\n"
                "outside finds the way back to the address above.\n";
    }
    return text;
}

}  // namespace

std::string firewallText(const net::SelectedInterfaces& selected,
                         const proxy::Addresses& addresses, const config::Settings& settings) {
    const auto* inside = addresses.first(proxy::Side::Inside);
    if (inside == nullptr || addresses.first(proxy::Side::Outside) == nullptr) {
        return "siproxd waits for its interfaces.\n";
    }
    const Ports ports{addresses.port, settings.tls.tlsCertificate.empty() ? 0U : addresses.tlsPort,
                      settings.media.rtpPortLow, settings.media.rtpPortHigh + 1U};
    std::string text = fmt::format(
        "siproxd listens for SIP on {} (phones) and {} (outside),\n"
        "UDP and TCP port {}{}. Media is relayed on UDP ports {} to {}.\n",
        addressesOf(addresses, proxy::Side::Inside), addressesOf(addresses, proxy::Side::Outside),
        ports.sip, ports.tls != 0 ? fmt::format(", TLS port {}", ports.tls) : "", ports.low,
        ports.high);
    if (addresses.single()) {
        return text + inFrontOfRouter(addresses, settings, ports);
    }
    std::string iptables;
    std::string nft;
    for (const auto& interface : selected.outbound.interfaces) {
        const auto has = [&interface](base::Family family) {
            return std::ranges::any_of(interface.addresses, [family](const auto& address) {
                return address.ip.family() == family;
            });
        };
        iptables += has(base::Family::V4) ? iptablesRules("iptables", interface.name, ports) : "";
        iptables += has(base::Family::V6) ? iptablesRules("ip6tables", interface.name, ports) : "";
        nft += nftRules(interface.name, ports);
    }
    return text + "Firewall rules to add:\n" + iptables + "or with nftables:\n" + nft +
           fmt::format("Set {} as outbound proxy in the phones.\n", inside->ip.toString());
}

}  // namespace siproxd::app
