// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "plugin/chain.h"
#include "plugin/services.h"
#include "proxy/proxy.h"
#include "registrar/location_table.h"

namespace siproxd::proxy {

/// Answers what the plugins of a chain ask, as long as it lives. What it works with must outlive it.
class PluginServices final : public plugin::Services {
public:
    PluginServices(plugin::Chain& chain, const registrar::LocationTable& locations, Proxy& proxy)
        : chain_(chain), locations_(locations), proxy_(proxy) {
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

private:
    plugin::Chain& chain_;
    const registrar::LocationTable& locations_;
    Proxy& proxy_;
};

}  // namespace siproxd::proxy
