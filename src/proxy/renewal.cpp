// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/renewal.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace siproxd::proxy {

namespace {

/// More addresses than this have not been ours: the oldest ones need not be told apart.
constexpr std::size_t kMostHosts = 1000;

/// What a registrar may want to see again, besides what is in the binding.
constexpr std::string_view kKept[] = {"Contact",    "Expires",       "Authorization",
                                      "Proxy-Authorization", "Route", "User-Agent",
                                      "Supported",  "Require"};

std::uint64_t numberOf(std::string_view token) {
    std::uint64_t number = 0;
    std::from_chars(token.data(), token.data() + token.size(), number, 16);
    return number;
}

}  // namespace

std::uint16_t Renewal::indexOf(std::string_view host) {
    const auto found = std::ranges::find(hosts_, host);
    if (found != hosts_.end()) {
        return static_cast<std::uint16_t>(found - hosts_.begin());
    }
    if (hosts_.size() >= kMostHosts) {
        hosts_.clear();
        known_.clear();
    }
    hosts_.emplace_back(host);
    return static_cast<std::uint16_t>(hosts_.size() - 1);
}

void Renewal::remember(std::string_view token, const sip::Message& request,
                       std::string_view host) {
    std::string lines(request.requestUriText());
    lines += "\r\n";
    // A third party may register somebody else's address.
    if (!request.from().uri.sameAddress(request.to().uri)) {
        lines += "From: " + request.from().uri.toString() + "\r\n";
    }
    for (const auto name : kKept) {
        for (const auto& value : request.headers(name)) {
            lines.append(name).append(": ").append(value).append("\r\n");
        }
    }
    lines.shrink_to_fit();
    const auto index = indexOf(host);
    known_[numberOf(token)] = {.lines = std::move(lines), .host = index};
}

void Renewal::forget(std::string_view token) { known_.erase(numberOf(token)); }

std::vector<std::string> Renewal::due(
    const std::function<std::string(const std::string& token)>& hostOf) const {
    std::vector<std::string> found;
    for (const auto& [number, known] : known_) {
        const bool isUnderWay = std::ranges::any_of(
            pending_, [token = number](const auto& entry) { return entry.second.token == token; });
        if (known.isHopeless || isUnderWay) {
            continue;
        }
        auto token = fmt::format("{:016x}", number);
        if (const auto host = hostOf(token); !host.empty() && host != hosts_[known.host]) {
            found.push_back(std::move(token));
        }
    }
    return found;
}

std::optional<sip::Message> Renewal::begin(const registrar::Binding& binding,
                                           transaction::ServerId id, const std::string& callId) {
    const auto token = numberOf(binding.token);
    const auto found = known_.find(token);
    if (found == known_.end()) {
        return std::nullopt;
    }
    const std::string& lines = found->second.lines;
    const auto end = lines.find("\r\n");
    const auto aor = binding.aor.toString();
    std::string text = "REGISTER " + lines.substr(0, end) + " SIP/2.0\r\n";
    // The Via is never shown to anybody.
    text += "Via: SIP/2.0/UDP invalid.invalid;branch=z9hG4bK" + callId + "\r\n";
    text += "Call-ID: " + callId + "\r\nCSeq: 1 REGISTER\r\nTo: <" + aor + ">\r\n";
    std::string_view rest = std::string_view(lines).substr(end + 2);
    std::string from = aor;
    if (constexpr std::string_view kFrom = "From: "; rest.starts_with(kFrom)) {
        const auto length = rest.find("\r\n");
        from = rest.substr(kFrom.size(), length - kFrom.size());
        rest.remove_prefix(length + 2);
    }
    text += "From: <" + from + ">;tag=" + callId + "\r\n";
    text.append(rest).append("Content-Length: 0\r\n\r\n");
    auto request = sip::Message::parse(text);
    if (!request) {
        known_.erase(found);
        return std::nullopt;
    }
    ++found->second.tries;
    pending_[id] = {token, false};
    return std::move(*request);
}

std::string Renewal::oldHost(transaction::ServerId id) const {
    const auto pending = pending_.find(id);
    const auto known = pending == pending_.end() ? known_.end() : known_.find(pending->second.token);
    return known == known_.end() ? "" : hosts_[known->second.host];
}

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
    const auto index = indexOf(host);
    if (const auto known = known_.find(numberOf(token)); known != known_.end()) {
        known->second.host = index;
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
