// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>

#include "dns/records.h"
#include "plugin/chain.h"
#include "plugin/services.h"
#include "proxy/proxy.h"
#include "registrar/location_table.h"

namespace siproxd::proxy {

/// Answers what the plugins of a chain ask, as long as it lives. What it works with must outlive it.
class PluginServices final : public plugin::Services {
public:
    /// Takes the address that we have outside as others see it; nothing: our own.
    using Announce = std::function<void(std::optional<base::IpAddress>)>;

    PluginServices(plugin::Chain& chain, const registrar::LocationTable& locations, Proxy& proxy,
                   dns::RecordResolver& resolver, Announce announce)
        : chain_(chain), locations_(locations), proxy_(proxy), resolver_(resolver),
          announce_(std::move(announce)) {
        chain_.setServices(this);
    }
    ~PluginServices() override { chain_.setServices(nullptr); }
    PluginServices(const PluginServices&) = delete;
    PluginServices& operator=(const PluginServices&) = delete;

    void bindings(plugin::BindingQuery query, std::string_view text,
                  const std::function<bool(const plugin::BindingView&)>& each) override;
    [[nodiscard]] std::uint64_t send(plugin::OwnRequest request) override;
    void forget(std::uint64_t request) override;
    void calls(const std::function<bool(const plugin::CallView&)>& each) override;
    bool endCall(std::uint64_t call, int status, std::string_view reason) override;
    [[nodiscard]] std::uint64_t askAddresses(std::string_view host, dns::Resolver::Callback done) override;
    [[nodiscard]] std::uint64_t askNaptr(std::string_view name,
                                         dns::RecordResolver::RecordCallback done) override;
    void forgetQuestion(std::uint64_t id) override { questions_.erase(id); }
    [[nodiscard]] std::uint64_t sendDatagram(const base::SocketAddress& to, std::string_view bytes,
                                             base::Duration patience,
                                             plugin::DatagramCallback done) override;
    void forgetDatagram(std::uint64_t id) override;
    [[nodiscard]] std::string ownUser(std::string_view uri) const override;
    bool announce(std::optional<base::IpAddress> ip) override;

private:
    plugin::Chain& chain_;
    const registrar::LocationTable& locations_;
    Proxy& proxy_;
    dns::RecordResolver& resolver_;
    Announce announce_;
    std::uint64_t lastQuestion_ = 0;
    std::unordered_map<std::uint64_t, dns::Query> questions_;  ///< under way
};

}  // namespace siproxd::proxy
