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
    const auto change = options.interval - options_.interval;
    options_ = std::move(options);
    if (change.count() != 0) {
        Queue changed;
        for (auto& [token, kept] : kept_) {
            kept.due = changed.emplace(kept.due->first + change, token);
        }
        queue_ = std::move(changed);
    }
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
        found->second.refused = 0;
        moveTo(found->first, found->second, binding.flow.remote);
        return;
    }
    const auto due = queue_.emplace(loop_.now() + options_.interval, binding.token);
    const auto added = kept_.emplace(binding.token, Kept{.due = due, .remote = {}}).first;
    moveTo(added->first, added->second, binding.flow.remote);
    arm();
}

void NatKeeper::bindingGone(std::uint64_t, const registrar::Binding& binding) {
    const auto found = kept_.find(binding.token);
    if (found != kept_.end()) {
        moveTo(found->first, found->second, {});
        queue_.erase(found->second.due);
        kept_.erase(found);
        arm();
    }
}

void NatKeeper::moveTo(std::string_view token, Kept& kept, const base::SocketAddress& remote) {
    if (kept.remote == remote) {
        return;
    }
    const auto former = std::exchange(kept.remote, remote);
    places_.erase({former, token});
    if (tokensAt(former).empty()) {
        refused_.erase(former);
    }
    if (remote) {
        places_.emplace(remote, token);
    }
}

std::vector<std::string> NatKeeper::tokensAt(const base::SocketAddress& remote) const {
    std::vector<std::string> tokens;
    for (auto place = places_.lower_bound({remote, {}});
         place != places_.end() && place->first == remote; ++place) {
        tokens.emplace_back(place->second);
    }
    return tokens;
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
    // Every keepalive has its own chance to be refused.
    kept.refused = kept.isRefused ? kept.refused : 0;
    kept.isRefused = false;
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
    drop(found->first, "does not answer any more");
    return true;
}

void NatKeeper::drop(const std::string& token, std::string_view why) {
    const std::string doomed = token;  // which may be the key that goes
    if (const auto* binding = locations_.find(doomed)) {
        log::info("{} at {} {}: its registration is dropped",
                  base::printable(binding->aor.userAtHost()), binding->flow.toString(), why);
    }
    locations_.remove(doomed);
}

void NatKeeper::unreachable(const base::Flow& flow) {
    // Pings are requests, whose failure pingEnded() hears of.
    if (options_.method == Method::Options || flow.protocol != base::Protocol::Udp) {
        return;
    }
    for (const auto& token : tokensAt(flow.remote)) {
        auto& kept = kept_.find(token)->second;
        if (std::exchange(kept.isRefused, true)) {
            continue;
        }
        refused_.insert(flow.remote);
        if (++kept.refused >= options_.mostSilent) {
            drop(token, "cannot be reached through its NAT any more");
        }
    }
}

void NatKeeper::heard(const base::Flow& flow) {
    if (refused_.empty() || refused_.erase(flow.remote) == 0) {
        return;
    }
    for (const auto& token : tokensAt(flow.remote)) {
        kept_.find(token)->second.refused = 0;
    }
}

}  // namespace siproxd::proxy
