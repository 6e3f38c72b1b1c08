// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>
#include <utility>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// Puts the address that a request of the outside has really come from into its topmost Via, where
/// a caller behind a NAT has named one that nobody reaches.
class FixBogusVia {
public:
    static constexpr const char* kDescription = "Fixes bogus Via headers of incoming requests";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::PreProxy);
    static constexpr Option kOptions[] = {
        stringOption("networks", "Addresses that are bogus in a Via: a list as of hosts_allow_sip"),
    };

    static std::unique_ptr<FixBogusVia> create(Host host) {
        auto networks = host.addresses("networks");
        if (!networks) {
            return nullptr;
        }
        if (networks->empty()) {
            host.warning("plugin_fix_bogus_via has nothing to do: it needs "
                         "plugin_fix_bogus_via_networks");
            host.restrictStages(0);
        }
        return std::make_unique<FixBogusVia>(host, std::move(*networks));
    }

    FixBogusVia(Host host, AddressList networks) : host_(host), networks_(std::move(networks)) {}

    Verdict process(Stage, Message& message) {
        if (message.direction() != Direction::RequestIncoming) {
            return Verdict::Continue;
        }
        const std::string via(orEmpty(message.via(ViaPart::Host)));
        const std::string source(message.sourceIp());
        if (!networks_.contains(via) || via == source) {
            return Verdict::Continue;
        }
        if (!message.setVia(ViaPart::Host, source) ||
            !message.setVia(ViaPart::Port, std::to_string(message.sourcePort()))) {
            return Verdict::Failed;
        }
        host_.debug("plugin_fix_bogus_via: " + via + " in the Via replaced by " +
                    std::string(message.source()));
        return Verdict::Continue;
    }

private:
    Host host_;
    AddressList networks_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_fix_bogus_via, FixBogusVia)
