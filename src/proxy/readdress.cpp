// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// An address that comes back by then (a link that was down for a moment) has harmed no call.
constexpr std::chrono::seconds kReturn{10};

/// REGISTERs are sent in portions, so that a provider does not take them for an attack.
constexpr std::size_t kPortion = 10;
constexpr std::chrono::milliseconds kPause{50};

/// The names and addresses that stand for us outside. They live as long as `addresses`.
std::vector<registrar::Outside> outsideOf(const Addresses& addresses) {
    std::vector<registrar::Outside> all;
    for (const auto& endpoint : addresses.endpoints()) {
        if (endpoint.side == Side::Outside) {
            all.push_back({.host = endpoint.host,
                           .port = addresses.port,
                           .tlsPort = addresses.tlsPort});
        }
    }
    return all;
}

/// Whether another address stands in the place of one that has gone: that one will not come back.
bool isReplaced(const Endpoint& gone, const Addresses& now) {
    return std::ranges::any_of(now.endpoints(), [&gone](const Endpoint& endpoint) {
        return endpoint.side == gone.side && endpoint.ip.family() == gone.ip.family() &&
               (gone.side == Side::Outside || endpoint.interfaceIndex == gone.interfaceIndex);
    });
}

}  // namespace

void Proxy::setAddresses(Addresses addresses) {
    const auto before = std::exchange(addresses_, std::move(addresses));
    if (const auto ours = outsideOf(addresses_); !ours.empty()) {
        parts_.locations.readdress(ours);
        renewRegistrations();
    }
    parts_.chain.notify(plugin::Notice::Addresses);
    if (parts_.connections != nullptr) {
        // One that was made anew has another index, and nobody who came by the old one is known.
        parts_.connections->drop([&](const base::Flow&, unsigned interfaceIndex) {
            return interfaceIndex != 0 && before.isInterface(interfaceIndex) &&
                   !addresses_.isInterface(interfaceIndex);
        });
    }
    for (const auto& endpoint : before.endpoints()) {
        if (addresses_.at(endpoint.side, endpoint.ip) != nullptr) {
            continue;
        }
        if (isReplaced(endpoint, addresses_)) {
            endCallsOf(endpoint.ip);
        } else if (!stranded_) {
            stranded_ = parts_.loop.now();
        }
    }
}

void Proxy::endStrandedCalls() {
    if (!stranded_ || parts_.loop.now() - *stranded_ < kReturn) {
        return;
    }
    stranded_.reset();
    const auto ours = addresses_.local();
    for (const auto& ip : calls_.localAddresses()) {
        if (std::ranges::find(ours, ip) == ours.end()) {
            endCallsOf(ip);
        }
    }
}

void Proxy::endCallsOf(const base::IpAddress& local) {
    for (Call* call : calls_.callsOn(local)) {
        hangUp(*call, "SIP;cause=503;text=\"Address Gone\"");
        endCall(*call, "call is over: our address " + local.toString() + " has gone",
                {plugin::EndedBy::Proxy, "our address has gone"});
    }
}

void Proxy::renewRegistrations() {
    toRenew_ = renewal_.due([this](const std::string& token) {
        const auto* binding = parts_.locations.find(token);
        const bool wanted = binding != nullptr && binding->provider && parts_.locations.isLive(*binding);
        return wanted ? binding->masqueraded.host : "";
    });
    if (!toRenew_.empty()) {
        renewalTimer_->start({});
    }
}

void Proxy::renewSome() {
    for (std::size_t i = 0; i < kPortion && !toRenew_.empty(); ++i) {
        const auto token = std::move(toRenew_.back());
        toRenew_.pop_back();
        renew(token);
    }
    if (!toRenew_.empty()) {
        renewalTimer_->start(kPause);
    }
}

void Proxy::renew(const std::string& token) {
    const auto* binding = parts_.locations.find(token);
    const auto id = ownRequestId();
    auto request = binding == nullptr
                       ? std::nullopt
                       : renewal_.begin(*binding, id, parts_.random.hex(12));
    if (!request) {
        return;
    }
    // There is no transaction of the phone's: whatever is answered to it leads nowhere.
    auto owned = std::make_unique<Forward>();
    Forward& forward = *owned;
    forward.server = id;
    forward.direction = plugin::Direction::RequestOutgoing;
    forward.method = sip::Method::Register;
    forward.establishes = true;
    forward.secure = request->requestUri().isSips();
    forward.from = binding->flow;
    forward.vias = request->headers("Via");
    forward.localAor = request->to().uri;
    forward.branches.push_back({.uri = request->requestUri(), .towards = Side::Outside});
    forward.request = std::make_unique<sip::Message>(*std::move(request));
    forwards_[id] = std::move(owned);
    log::info("registration of {} is renewed with the address {}",
              base::printable(binding->aor.userAtHost()), binding->masqueraded.host);
    startNextRank(forward);
}

void Proxy::endRenewals() {
    const auto pending = renewal_.pending();
    for (const auto id : pending) {
        if (const Forward* forward = find(id); forward != nullptr && forward->waiting()) {
            continue;
        }
        if (const auto ended = renewal_.end(id); !ended) {
            log::warning("a registration cannot be renewed and has to wait for its phone: {}",
                         ended.error().message);
        }
        onServerEnded(id);
    }
    if (!pending.empty()) {
        renewRegistrations();
    }
}

void Proxy::noteRegistration(Forward& forward, int status) {
    const bool isRenewal = renewal_.isRenewal(forward.server);
    if (isRenewal) {
        renewal_.answered(forward.server, status);
        if (status >= 300) {
            log::info("registration of {} has to wait for its phone: the provider says {}",
                      base::printable(forward.localAor.userAtHost()), status);
        }
    }
    if (status >= 300 || forward.registering == nullptr) {
        return;
    }
    for (const auto& entry : forward.registering->contacts) {
        if (isRenewal) {
            renewal_.moved(entry.token, entry.masqueraded.host);
        } else if (entry.expires > 0 && !entry.token.empty() && forward.request) {
            renewal_.remember(entry.token, *forward.request, entry.masqueraded.host);
        }
    }
}

void Proxy::removeOldContacts(const Forward& forward, std::vector<sip::NameAddr>& contacts) const {
    const auto host = renewal_.oldHost(forward.server);
    const auto count = contacts.size();
    for (std::size_t i = 0; i < count; ++i) {
        if (!host.empty() && contacts[i].uri.isSip() && contacts[i].uri.host != host) {
            auto old = contacts[i];
            old.uri.host = host;
            old.params.set("expires", "0");
            contacts.push_back(std::move(old));
        }
    }
}

}  // namespace siproxd::proxy
