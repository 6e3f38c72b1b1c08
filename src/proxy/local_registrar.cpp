// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/local_registrar.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "proxy/masquerade.h"
#include "proxy/next_hop.h"

namespace siproxd::proxy {

namespace {

constexpr std::uint32_t kHour = 3600;
constexpr std::uint16_t kHighestQ = 1000;
constexpr std::size_t kMostLearned = 16;

/// What a status means here, where the standard phrase says too little.
std::string_view reasonOf(int status) {
    switch (status) {
        case 400: return "Bad Contact";
        case 403: return "Not Yours";
        case 500: return "CSeq Out of Order";
        default: return {};
    }
}

std::optional<std::uint32_t> expiresOf(const sip::NameAddr& contact) {
    const auto text = contact.params.value("expires");
    const auto seconds = text ? base::parseUnsigned(*text, UINT32_MAX) : std::nullopt;
    return seconds ? std::optional(static_cast<std::uint32_t>(*seconds)) : std::nullopt;
}

/// The extensions of Require that we do not know; empty: none.
std::string unknownExtensions(const sip::Message& request) {
    std::string unknown;
    for (const auto& field : request.headers("Require")) {
        for (const auto part : base::split(field, ',')) {
            const auto name = base::trim(part);
            if (!name.empty() && !base::equalsIgnoreCase(name, "path")) {
                unknown += (unknown.empty() ? "" : ", ") + std::string(name);
            }
        }
    }
    return unknown;
}

/// RFC 3261 §10.3 steps 6 and 7: one phone's requests are executed in their order.
bool isLate(const registrar::Binding& binding, const sip::Message& request) {
    return binding.callId == request.callId() && request.cseq().number <= binding.cseq;
}

}  // namespace

void LocalRegistrar::learn(std::string_view host) {
    if (!isLocalDomain(host) && learned_.size() < kMostLearned) {
        learned_.emplace_back(host);
    }
}

bool LocalRegistrar::isLocalDomain(std::string_view host) const {
    const auto isHost = [host](const std::string& domain) {
        return base::equalsIgnoreCase(domain, host);
    };
    return std::ranges::any_of(options_.domains, isHost) ||
           std::ranges::any_of(learned_, isHost);
}

bool LocalRegistrar::isLocal(const sip::Uri& uri) const {
    return uri.isSip() && (addresses_.isOurs(uri) || isLocalDomain(uri.host));
}

std::vector<const registrar::Binding*> LocalRegistrar::bindingsOf(const sip::Uri& uri) const {
    return isLocal(uri) ? bindingsOfUser(uri.user) : std::vector<const registrar::Binding*>{};
}

std::string LocalRegistrar::userOfNumber(const sip::Uri& uri) {
    if (uri.scheme != "tel") {
        return "";
    }
    std::string user(registrar::userOf(uri));
    std::erase_if(user, [](char c) { return std::string_view("-.()").contains(c); });
    return user;
}

std::vector<const registrar::Binding*> LocalRegistrar::bindingsOfNumber(
    const sip::Uri& uri) const {
    return bindingsOfUser(userOfNumber(uri));
}

std::vector<const registrar::Binding*> LocalRegistrar::bindingsOfUser(
    std::string_view user) const {
    if (user.empty()) {
        return {};
    }
    auto found = locations_.ownByUser(user);
    // What an original's file has kept may be registered at a provider of whom it tells nothing.
    std::erase_if(found, [this](const registrar::Binding* binding) {
        return !isLocal(binding->aor);
    });
    std::ranges::stable_sort(found, std::ranges::greater{}, &registrar::Binding::q);
    return found;
}

sip::Message LocalRegistrar::reply(const sip::Message& request, int status,
                                   std::string_view reason) const {
    return sip::Message::response(request, status, reason, random_.hex(6));
}

std::vector<const registrar::Binding*> LocalRegistrar::registeredFor(const sip::Uri& aor) const {
    if (isLocal(aor)) {
        return bindingsOf(aor);
    }
    // A name of this machine that nobody has told us; the C program takes any.
    auto found = locations_.byAor(aor);
    std::erase_if(found, [](const registrar::Binding* binding) { return bool(binding->provider); });
    return found;
}

const registrar::Binding* LocalRegistrar::bindingOf(const sip::Uri& aor,
                                                    const sip::Uri& contact) const {
    for (const auto* binding : registeredFor(aor)) {
        if (binding->contact.sameAddress(contact)) {
            return binding;
        }
    }
    return nullptr;
}

std::uint32_t LocalRegistrar::lifetimeOf(const sip::Message& request,
                                         const sip::NameAddr& contact) const {
    const auto asked = expiresOf(contact).value_or(request.expires().value_or(
        static_cast<std::uint32_t>(options_.defaultExpires.count())));
    return std::min(asked, static_cast<std::uint32_t>(options_.maxExpires.count()));
}

int LocalRegistrar::check(const sip::Message& request, const Client& client) const {
    const auto& aor = request.to().uri;
    if (!aor.isSip() || aor.user.empty()) {
        return 404;
    }
    // Third parties may not register others here: who has a password has his own address.
    return client.user.empty() || client.user == aor.user ? 0 : 403;
}

int LocalRegistrar::removeAll(const sip::Message& request) {
    if (request.expires() != 0U || !request.contacts().empty()) {
        return 400;
    }
    const auto bindings = registeredFor(request.to().uri);
    if (std::ranges::any_of(bindings, [&](const auto* each) { return isLate(*each, request); })) {
        return 500;
    }
    std::vector<std::string> tokens;
    for (const auto* binding : bindings) {
        tokens.push_back(binding->token);
    }
    for (const auto& token : tokens) {
        locations_.remove(token);
    }
    return 0;
}

int LocalRegistrar::read(const sip::Message& request, std::vector<Change>& changes) const {
    const auto minimum = static_cast<std::uint32_t>(options_.minExpires.count());
    std::size_t count = registeredFor(request.to().uri).size();
    for (const auto& contact : request.contacts()) {
        if (!contact.uri.isSip()) {
            continue;  // nobody whom we could call
        }
        Change change{contact, lifetimeOf(request, contact),
                      bindingOf(request.to().uri, contact.uri)};
        if (change.expires != 0 && change.expires < minimum && change.expires < kHour) {
            return 423;
        }
        if (change.known != nullptr && isLate(*change.known, request)) {
            return 500;
        }
        if (change.expires != 0 && addresses_.isOurs(contact.uri)) {
            return 400;  // calls would come back to us
        }
        count += change.known == nullptr && change.expires != 0 ? 1 : 0;
        changes.push_back(std::move(change));
    }
    return count > options_.mostContacts ? 503 : 0;
}

int LocalRegistrar::apply(const sip::Message& request, const Client& client,
                          const std::vector<Change>& changes) {
    const auto own = addresses_.outside(client.flow.remote.ip.family());
    const auto path = pathOf(request);
    std::vector<std::pair<std::string, std::uint32_t>> prepared;
    for (const auto& change : changes) {
        if (change.expires == 0) {
            if (change.known != nullptr) {
                prepared.emplace_back(change.known->token, 0);
            }
            continue;
        }
        const auto binding = locations_.prepare(
            {.aor = change.known != nullptr ? change.known->aor : request.to().uri,
             .contact = change.contact.uri,
             .flow = client.flow,
             .callId = std::string(request.callId()),
             .cseq = request.cseq().number,
             .path = path,
             .natted = client.natted && path.empty(),
             .q = change.contact.preference()},
            Masquerade::outside(own));
        if (!binding) {
            log::error("{}", binding.error().message);
            for (const auto& [token, expires] : prepared) {
                locations_.abandon(token);
            }
            return 503;
        }
        prepared.emplace_back(binding->token, change.expires);
    }
    for (const auto& [token, expires] : prepared) {
        locations_.confirm(token, expires);
    }
    return 0;
}

sip::Message LocalRegistrar::success(const sip::Message& request) const {
    auto response = reply(request, 200);
    std::vector<sip::NameAddr> contacts;
    const auto now = clock_.wallNow();
    for (const auto* binding : registeredFor(request.to().uri)) {
        sip::NameAddr contact;
        contact.uri = binding->contact;
        if (binding->q != kHighestQ) {
            contact.params.set("q", fmt::format("0.{:03}", binding->q));
        }
        contact.params.set("expires",
                           std::to_string(std::max<std::int64_t>(0, binding->expires - now)));
        contacts.push_back(std::move(contact));
    }
    response.setContacts(contacts);
    if (const auto path = request.headers("Path"); !path.empty()) {
        for (const auto& hop : path) {
            response.addHeader("Path", hop);
        }
        response.setHeader("Supported", "path");
    }
    return response;
}

sip::Message LocalRegistrar::answer(const sip::Message& request, const Client& client) {
    if (const auto unknown = unknownExtensions(request); !unknown.empty()) {
        auto response = reply(request, 420);
        response.setHeader("Unsupported", unknown);
        return response;
    }
    int status = check(request, client);
    if (status == 0 && request.contactIsStar()) {
        status = removeAll(request);
    } else if (status == 0) {
        std::vector<Change> changes;
        status = read(request, changes);
        status = status == 0 ? apply(request, client, changes) : status;
    }
    if (status == 0) {
        log::debug(log::Class::Reg, "REGISTER of {} from {}: {} bindings",
                   base::printable(request.to().uri.userAtHost()), client.flow.toString(),
                   registeredFor(request.to().uri).size());
        return success(request);
    }
    log::infoFromPeer("REGISTER of {} from {} answered {}",
                      base::printable(request.to().uri.userAtHost()), client.flow.toString(),
                      status);
    auto response = reply(request, status, reasonOf(status));
    if (status == 423) {
        response.setHeader("Min-Expires", std::to_string(options_.minExpires.count()));
    } else if (status == 503) {
        response.setHeader("Retry-After", "60");
    }
    return response;
}

}  // namespace siproxd::proxy
