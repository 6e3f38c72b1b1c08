// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/nat_keeper.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace siproxd::proxy {

namespace {

constexpr std::string_view kPing = "\r\n\r\n";

/// More of them at one time would be a burst: the rest follows a little later.
constexpr std::size_t kAtOnce = 64;
constexpr std::chrono::milliseconds kPause{20};

}  // namespace

NatKeeper::NatKeeper(Options options, event::Loop& loop, registrar::LocationTable& locations,
                     Outlet& outlet)
    : options_(std::move(options)), loop_(loop), locations_(locations), outlet_(outlet),
      timer_(loop.timer([this] { run(); })) {
    for (const auto& binding : locations.snapshot()) {
        bindingChanged(0, binding, {});
    }
    locations_.addListener(*this);
}

NatKeeper::~NatKeeper() {
    locations_.removeListener(*this);
}

void NatKeeper::setOptions(Options options) {
    options_ = std::move(options);
    arm();
}

bool NatKeeper::isNatted(const sip::Message& message, const base::Flow& from, Side side) const {
    const auto& source = from.remote.ip;
    if (side == Side::Inside && options_.networks.contains(source)) {
        return false;
    }
    const auto isBehind = [&](std::string_view host) {
        const auto ip = base::IpAddress::parse(host);
        return ip && *ip != source && options_.networks.contains(*ip);
    };
    if (const auto contacts = message.contacts(); !contacts.empty()) {
        const auto& host = contacts.front().uri.host;
        if (base::IpAddress::parse(host)) {
            return isBehind(host);
        }
    }
    const auto via = message.isRequest() ? message.via() : nullptr;
    return via && isBehind(via->host);
}

void NatKeeper::bindingChanged(std::uint64_t, const registrar::Binding& binding, base::TimePoint) {
    const auto found = kept_.find(binding.token);
    if (!binding.natted) {
        if (found != kept_.end()) {
            bindingGone(0, binding);
        }
        return;
    }
    if (found != kept_.end()) {
        found->second.silent = 0;
        return;
    }
    kept_[binding.token] = {queue_.emplace(loop_.now() + options_.interval, binding.token)};
    arm();
}

void NatKeeper::bindingGone(std::uint64_t, const registrar::Binding& binding) {
    const auto found = kept_.find(binding.token);
    if (found != kept_.end()) {
        queue_.erase(found->second.due);
        kept_.erase(found);
        arm();
    }
}

void NatKeeper::arm() {
    if (queue_.empty() || options_.interval.count() == 0) {
        timer_->stop();
        return;
    }
    timer_->start(std::max<base::Duration>(kPause, queue_.begin()->first - loop_.now()));
}

void NatKeeper::run() {
    const auto now = loop_.now();
    for (std::size_t n = 0; n < kAtOnce && !queue_.empty() && queue_.begin()->first <= now; ++n) {
        auto node = queue_.extract(queue_.begin());
        const std::string token = node.mapped();
        node.key() = now + options_.interval;
        auto& kept = kept_.find(token)->second;
        kept.due = queue_.insert(std::move(node));
        refresh(token, kept);
    }
    arm();
}

void NatKeeper::refresh(const std::string& token, Kept& kept) {
    const auto* binding = locations_.find(token);
    if (binding == nullptr || kept.waiting) {
        return;
    }
    if (options_.method == Method::Options) {
        kept.waiting = true;
        pings_[outlet_.sendPing(*binding)] = token;
        return;
    }
    const bool empty =
        options_.method == Method::Empty && binding->flow.protocol == base::Protocol::Udp;
    outlet_.sendKeepalive(empty ? std::string_view() : kPing, binding->flow);
}

bool NatKeeper::pingEnded(transaction::ClientId id, bool answered) {
    const auto ping = pings_.extract(id);
    if (ping.empty()) {
        return false;
    }
    const auto found = kept_.find(ping.mapped());
    if (found == kept_.end()) {
        return true;
    }
    auto& kept = found->second;
    kept.waiting = false;
    kept.silent = answered ? 0 : kept.silent + 1;
    if (kept.silent < options_.mostSilent) {
        return true;
    }
    const std::string token = found->first;
    if (const auto* binding = locations_.find(token)) {
        log::info("{} at {} does not answer any more: its registration is dropped",
                  base::printable(binding->aor.userAtHost()), binding->flow.toString());
    }
    locations_.remove(token);
    return true;
}

}  // namespace siproxd::proxy
