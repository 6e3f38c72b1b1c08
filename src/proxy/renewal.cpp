// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/renewal.h"

#include <algorithm>
#include <utility>

namespace siproxd::proxy {

namespace {

/// The layer counts from 1 and will never come here.
constexpr std::uint64_t kFirstId = std::uint64_t{1} << 63U;

}  // namespace

void Renewal::remember(const std::string& token, const sip::Message& request,
                       std::string_view host) {
    auto& known = known_[token];
    known = {};
    known.request = request.serialize();
    known.request.shrink_to_fit();
    known.host = host;
}

void Renewal::forget(std::string_view token) {
    if (const auto found = known_.find(token); found != known_.end()) {
        known_.erase(found);
    }
}

std::vector<std::string> Renewal::due(
    const std::function<std::string(const std::string& token)>& hostOf) const {
    std::vector<std::string> found;
    for (const auto& [token, known] : known_) {
        const bool isUnderWay = std::ranges::any_of(
            pending_, [&](const auto& entry) { return entry.second.token == token; });
        if (known.isHopeless || isUnderWay) {
            continue;
        }
        if (const auto host = hostOf(token); !host.empty() && host != known.host) {
            found.push_back(token);
        }
    }
    return found;
}

std::optional<sip::Message> Renewal::begin(const std::string& token, transaction::ServerId id,
                                           std::string callId) {
    const auto found = known_.find(token);
    if (found == known_.end()) {
        return std::nullopt;
    }
    auto request = sip::Message::parse(found->second.request);
    if (!request) {
        return std::nullopt;
    }
    ++found->second.tries;
    pending_[id] = {token, false};
    request->setHeader("Call-ID", std::move(callId));
    return std::move(*request);
}

std::string Renewal::oldHost(transaction::ServerId id) const {
    const auto pending = pending_.find(id);
    const auto known = pending == pending_.end() ? known_.end() : known_.find(pending->second.token);
    return known == known_.end() ? "" : known->second.host;
}

transaction::ServerId Renewal::nextId() { return transaction::ServerId{kFirstId + ++last_}; }

void Renewal::answered(transaction::ServerId id, int status) {
    const auto pending = pending_.find(id);
    if (pending == pending_.end() || status == 408 || status >= 500) {
        return;
    }
    pending->second.isAnswered = true;
    if (const auto known = known_.find(pending->second.token); known != known_.end()) {
        known->second.isHopeless = status >= 300;
    }
}

void Renewal::moved(std::string_view token, std::string_view host) {
    if (const auto known = known_.find(token); known != known_.end()) {
        known->second.host = host;
        known->second.tries = 0;
    }
}

std::vector<transaction::ServerId> Renewal::pending() const {
    std::vector<transaction::ServerId> ids;
    for (const auto& [id, entry] : pending_) {
        ids.push_back(id);
    }
    return ids;
}

base::Result<void> Renewal::end(transaction::ServerId id) {
    const auto pending = pending_.extract(id);
    if (pending.empty() || pending.mapped().isAnswered) {
        return {};
    }
    const auto known = known_.find(pending.mapped().token);
    if (known == known_.end() || known->second.tries < kTries) {
        return {};
    }
    known->second.isHopeless = true;
    return base::fail("the provider does not answer");
}

}  // namespace siproxd::proxy
