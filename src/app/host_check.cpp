// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/host_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <set>

#include "app/packet_filter.h"
#include "app/subprocess.h"
#include "base/log.h"
#include "base/text.h"

namespace siproxd::app {

namespace {

constexpr std::chrono::seconds kPatience{2};
constexpr std::size_t kLongestRuleset = 1U << 20U;
constexpr std::size_t kPortsNamed = 5;

std::string contents(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

class HostCheck {
public:
    HostCheck(const HostFacts& facts, const config::Settings& settings,
              const net::SelectedSide& outbound)
        : facts_(facts), settings_(settings), outbound_(outbound) {}

    std::vector<std::string> run() && {
        checkModules();
        if (settings_.media.rtpProxyEnable) {
            checkTakenPorts();
            checkPortRange();
        }
        checkFilter(false);
        checkFilter(true);
        return std::move(warnings_);
    }

private:
    [[nodiscard]] unsigned low() const { return settings_.media.rtpPortLow; }
    /// The last RTCP port.
    [[nodiscard]] unsigned high() const { return settings_.media.rtpPortHigh + 1U; }

    void checkModules() {
        std::vector<std::string_view> loaded;
        for (const auto line : base::split(facts_.modules, '\n')) {
            const auto name = line.substr(0, line.find(' '));
            if (name == "nf_nat_sip" || name == "nf_conntrack_sip") {
                loaded.push_back(name);
            }
        }
        if (loaded.empty()) {
            return;
        }
        const bool everywhere = base::trim(facts_.conntrackHelper) == "1";
        warnings_.push_back(fmt::format(
            "the kernel has loaded {}, which rewrites SIP a second time and breaks calls {}: take it "
            "out (rmmod {})",
            fmt::join(loaded, " and "),
            everywhere ? "(net.netfilter.nf_conntrack_helper = 1)"
                       : "where a firewall rule assigns this helper to SIP",
            fmt::join(loaded, " ")));
    }

    void checkTakenPorts() {
        const auto taken = takenPorts();
        if (taken.empty()) {
            return;
        }
        std::vector<unsigned> named(taken.begin(), taken.end());
        const bool more = named.size() > kPortsNamed;
        named.resize(std::min(named.size(), kPortsNamed));
        warnings_.push_back(
            fmt::format("{} of the relay's UDP ports {} to {} are taken by other programs, and calls "
                        "have to do without them: {}{}",
                        taken.size(), low(), high(), fmt::join(named, ", "), more ? ", ..." : ""));
    }

    /// Ports of the range that some socket has.
    [[nodiscard]] std::set<unsigned> takenPorts() const {
        std::set<unsigned> taken;
        for (const auto line : base::split(facts_.udpSockets, '\n')) {
            // `sl: address:port ...`, the last two in hexadecimal.
            const auto address = line.find(": ");
            const auto colon =
                address == std::string_view::npos ? address : line.find(':', address + 2);
            if (colon == std::string_view::npos || colon + 5 > line.size()) {
                continue;
            }
            unsigned port = 0;
            const auto digits = line.substr(colon + 1, 4);
            const auto read = std::from_chars(digits.data(), digits.data() + 4, port, 16);
            if (read.ec == std::errc() && read.ptr == digits.data() + 4 && port >= low() &&
                port <= high()) {
                taken.insert(port);
            }
        }
        return taken;
    }

    void checkPortRange() {
        const auto text = base::trim(facts_.localPortRange);
        const auto gap = text.find_first_of(" \t");
        if (gap == std::string_view::npos) {
            return;
        }
        const auto first = base::parseUnsigned(text.substr(0, gap), UINT16_MAX);
        const auto last = base::parseUnsigned(base::trim(text.substr(gap)), UINT16_MAX);
        if (!first || !last || high() < *first || low() > *last || isReserved()) {
            return;
        }
        warnings_.push_back(fmt::format(
            "other programs may be given the relay's UDP ports {0} to {1}, for they lie in "
            "net.ipv4.ip_local_port_range ({2} to {3}): net.ipv4.ip_local_reserved_ports = {0}-{1} "
            "keeps them free",
            low(), high(), *first, *last));
    }

    /// Whether the whole range is kept from other programs by one entry.
    [[nodiscard]] bool isReserved() const {
        return std::ranges::any_of(
            base::split(base::trim(facts_.reservedPorts), ','), [this](std::string_view entry) {
                const auto dash = entry.find('-');
                const auto first = base::parseUnsigned(entry.substr(0, dash), UINT16_MAX);
                const auto last = dash == std::string_view::npos
                                      ? first
                                      : base::parseUnsigned(entry.substr(dash + 1), UINT16_MAX);
                return first && last && *first <= low() && high() <= *last;
            });
    }

    void checkFilter(bool v6) {
        WantedPorts wanted;
        wanted.v6 = v6;
        for (const auto& interface : outbound_.interfaces) {
            if (std::ranges::any_of(interface.addresses, [v6](const net::InterfaceAddress& address) {
                    return address.ip.isV6() == v6;
                })) {
                wanted.interfaces.push_back(interface.name);
            }
        }
        if (wanted.interfaces.empty() || facts_.ruleset.empty()) {
            return;
        }
        const auto sip = settings_.network.sipListenPort;
        wanted.first = wanted.last = sip;
        warn(wanted, fmt::format("UDP port {}", sip), "nobody can call or answer");
        if (settings_.media.rtpProxyEnable) {
            wanted.first = static_cast<std::uint16_t>(low());
            wanted.last = static_cast<std::uint16_t>(high());
            warn(wanted, fmt::format("UDP ports {} to {}", low(), high()),
                 "nothing will be heard from there");
        }
    }

    void warn(const WantedPorts& wanted, const std::string& ports, std::string_view consequence) {
        if (const auto chain = findBlockingChain(facts_.ruleset, wanted)) {
            warnings_.push_back(fmt::format(
                "the packet filter (chain {}) lets nobody on {} reach {}{}: {}; siproxd "
                "--show-firewall prints the rules to add",
                base::printable(*chain), fmt::join(wanted.interfaces, ", "), ports,
                wanted.v6 ? " by IPv6" : "", consequence));
        }
    }

    const HostFacts& facts_;
    const config::Settings& settings_;
    const net::SelectedSide& outbound_;
    std::vector<std::string> warnings_;
};

}  // namespace

HostFacts readHost() {
    HostFacts facts;
    facts.modules = contents("/proc/modules");
    facts.conntrackHelper = contents("/proc/sys/net/netfilter/nf_conntrack_helper");
    facts.localPortRange = contents("/proc/sys/net/ipv4/ip_local_port_range");
    facts.reservedPorts = contents("/proc/sys/net/ipv4/ip_local_reserved_ports");
    facts.udpSockets = contents("/proc/net/udp") + contents("/proc/net/udp6");
    auto ruleset = runProgram({"nft", "list", "ruleset"}, "", kLongestRuleset, kPatience);
    if (!ruleset) {
        log::debug(log::Class::Config, "the packet filter cannot be looked at: {}",
                   ruleset.error().message);
    } else if (ruleset->size() < kLongestRuleset) {
        facts.ruleset = std::move(*ruleset);
    }
    return facts;
}

std::vector<std::string> hostWarnings(const HostFacts& facts, const config::Settings& settings,
                                      const net::SelectedSide& outbound) {
    return HostCheck(facts, settings, outbound).run();
}

}  // namespace siproxd::app
