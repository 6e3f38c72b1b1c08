// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "settings.h"
#include "siproxd/plugin.hpp"

namespace gateway {

/// Keeps siproxd registered at a gateway (RFC 3261 §10), or looks now and then whether the gateway is there.
class Registration {
public:
    /// `settings` must outlive it. Begins as soon as siproxd runs.
    Registration(const siproxd::api::Host& host, const Settings& settings);

    /// Whether calls have a chance there, as far as is known: unknown counts as good.
    [[nodiscard]] bool isUp() const { return up_; }
    /// Our address has changed.
    void renew();

private:
    void attempt();
    void answered(const siproxd::api::Message& response);
    void registered(const siproxd::api::Message& response);
    void failed(const siproxd::api::Message& response);
    void seen(const siproxd::api::Message& response);
    [[nodiscard]] std::uint32_t granted(const siproxd::api::Message& response) const;
    void again(std::uint32_t seconds) { timer_.start(seconds * 1000); }

    siproxd::api::Host host_;
    const Settings& settings_;
    std::uint32_t expires_;   ///< asked for; more than configured when the gateway insists
    std::string callId_;      ///< of all its REGISTERs, as the gateway has seen it
    std::uint32_t cseq_ = 0;  ///< of the last one
    unsigned failures_ = 0;   ///< one after the other
    bool up_ = true;
    bool known_ = false;      ///< it has answered, or has not
    siproxd::api::Client client_;
    siproxd::api::Timer timer_;
};

}  // namespace gateway
