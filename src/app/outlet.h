// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "plugin/chain.h"
#include "transaction/layer.h"
#include "transport/connections.h"
#include "transport/transports.h"

namespace siproxd::app {

/// Lets the proxy send before there are transports.
class Outlet final : public transaction::Sender, public transport::Connections {
public:
    void open(transport::Transports& transports) { transports_ = &transports; }
    /// The plugins see what is sent from now on.
    void showTo(plugin::Chain& chain) { chain_ = &chain; }
    base::Result<void> send(std::string_view bytes, const base::Flow& to) override {
        if (chain_ != nullptr && chain_->seesTraffic()) {
            chain_->showTraffic(true, to, bytes);
        }
        return transports_ != nullptr ? transports_->send(bytes, to) : base::fail(kNotStarted);
    }
    base::Result<base::Flow> open(const base::Flow& flow, std::string_view name) override {
        return transports_ != nullptr ? transports_->open(flow, name) : base::fail(kNotStarted);
    }
    bool alias(std::uint64_t connection, std::uint16_t port) override {
        return transports_ != nullptr && transports_->alias(connection, port);
    }
    void keep(std::uint64_t connection) override {
        if (transports_ != nullptr) {
            transports_->keep(connection);
        }
    }
    void close(std::uint64_t connection) override {
        if (transports_ != nullptr) {
            transports_->close(connection);
        }
    }
    void drop(const Selection& unwanted) override {
        if (transports_ != nullptr) {
            transports_->drop(unwanted);
        }
    }
    [[nodiscard]] bool isOpen(std::uint64_t connection) const override {
        return transports_ != nullptr && transports_->isOpen(connection);
    }

private:
    static constexpr auto kNotStarted = "not started";
    transport::Transports* transports_ = nullptr;
    plugin::Chain* chain_ = nullptr;
};

}  // namespace siproxd::app
