// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

std::optional<std::uint32_t> expiresParam(const sip::NameAddr& contact) {
    const auto text = contact.params.value("expires");
    const auto seconds = text ? base::parseUnsigned(*text, UINT32_MAX) : std::nullopt;
    return seconds ? std::optional(static_cast<std::uint32_t>(*seconds)) : std::nullopt;
}

/// The Contact of a response that stands for one of ours; nullptr: there is none.
const sip::NameAddr* grantedContact(const std::vector<sip::NameAddr>& contacts,
                                    const RegisteringContact& wanted) {
    const auto ours = registrar::tokenOf(wanted.masqueraded);
    for (const auto& contact : contacts) {
        const auto token = registrar::tokenOf(contact.uri);
        // A provider may lose the parameter; then user and host must do.
        if (token == ours ? contact.uri.sameAddress(wanted.masqueraded)
                          : token.empty() && contact.uri.sameAddress(wanted.masqueraded)) {
            return &contact;
        }
    }
    return nullptr;
}

}  // namespace

std::uint32_t Proxy::requestedExpires(const sip::Message& request,
                                      const sip::NameAddr& contact) const {
    if (const auto own = expiresParam(contact)) {
        return *own;
    }
    return request.expires().value_or(static_cast<std::uint32_t>(options_.defaultExpires.count()));
}

bool Proxy::mayChange(const registrar::Binding& binding, const Forward& forward,
                      const Branch& branch) const {
    // Who says 2xx is chosen by the phone: that alone must not move another phone's calls.
    return !parts_.locations.isLive(binding) || !binding.flow.remote ||
           binding.flow.remote.ip == forward.from.remote.ip ||
           binding.provider.ip == branch.flow.remote.ip;
}

bool Proxy::masqueradeRegister(Forward& forward, const Branch& branch, sip::Message& request) {
    const auto own =
        addresses_.sentBy(Side::Outside, branch.flow.local.ip, branch.flow.protocol);
    const auto refuse = [&](int status, std::string_view header, std::string_view value) {
        forward.answered = true;
        respond(forward.server, status, "", header, value);
        return false;
    };
    if (registrar_.isLocal(forward.localAor)) {
        // We are the registrar, and ask for the password.
        log::warningFromPeer("registration of {} from {} at another registrar refused",
                             base::printable(forward.localAor.userAtHost()),
                             forward.from.remote.toString());
        return refuse(403, "", "");
    }
    forward.registering = std::make_unique<Registering>();
    auto& registering = *forward.registering;
    if (request.contactIsStar()) {
        registering.removesAll = true;
        return true;
    }
    // Proxies of the inside are ours to go by, and nobody's outside to see (RFC 3327).
    const auto path = pathOf(request);
    registering.path = request.headers("Path");
    request.removeHeader("Path");
    auto contacts = request.contacts();
    bool namesExpires = request.expires().has_value();
    for (auto& contact : contacts) {
        if (!contact.uri.isSip()) {
            continue;
        }
        namesExpires = namesExpires || expiresParam(contact).has_value();
        RegisteringContact entry{"", contact.uri, {}, requestedExpires(request, contact)};
        const auto* binding = parts_.locations.find(forward.localAor, contact.uri);
        if (binding != nullptr && !mayChange(*binding, forward, branch)) {
            log::warningFromPeer("registration of {} from {} at {} refused: {} has registered that "
                                 "Contact at {}",
                                 base::printable(forward.localAor.userAtHost()),
                                 forward.from.remote.toString(), branch.flow.remote.toString(),
                                 binding->flow.remote.toString(), binding->provider.toString());
            return refuse(403, "", "");
        }
        if (entry.expires == 0) {
            entry.token = binding != nullptr ? binding->token : "";
            entry.masqueraded = binding != nullptr
                                    ? binding->masqueraded
                                    : masquerade_.contactOf(contact.uri, forward.from, own);
        } else {
            const auto prepared = parts_.locations.prepare(
                {.aor = request.to().uri,
                 .contact = contact.uri,
                 .flow = forward.from,
                 .provider = branch.flow.remote,
                 .callId = std::string(request.callId()),
                 .cseq = request.cseq().number,
                 .path = path,
                 .natted = path.empty() && nat_.isNatted(request, forward.from, Side::Inside)},
                Masquerade::outside(own));
            if (!prepared) {
                log::error("URLMAP is full - registration failed ({})", prepared.error().message);
                return refuse(503, "Retry-After", "60");
            }
            entry.token = prepared->token;
            entry.masqueraded = prepared->masqueraded;
        }
        contact.uri = entry.masqueraded;
        registering.contacts.push_back(std::move(entry));
    }
    if (renewal_.isRenewal(forward.server)) {
        removeOldContacts(forward, contacts);
    }
    if (!contacts.empty()) {
        request.setContacts(contacts);
        if (!namesExpires) {
            request.setHeader("Expires", std::to_string(options_.defaultExpires.count()));
        }
    }
    return true;
}

void Proxy::keepConnection(const base::Flow& flow) {
    if (flow.connection != 0 && parts_.connections != nullptr) {
        parts_.connections->keep(flow.connection);
    }
}

void Proxy::registered(Forward& forward, sip::Message& response, const base::Flow& provider) {
    const int status = response.status();
    if (status < 200) {
        return;
    }
    noteRegistration(forward, status);
    if (forward.registering == nullptr) {
        return;
    }
    const auto& registering = *forward.registering;
    if (status >= 300) {
        // A challenge is answered with the same Contact: it must find the same token.
        if (status != 401 && status != 407) {
            for (const auto& entry : registering.contacts) {
                parts_.locations.abandon(entry.token);
            }
        }
        return;
    }
    if (registering.removesAll) {
        for (const auto* binding : parts_.locations.byAor(forward.localAor)) {
            if (mayChange(*binding, forward, forward.branches.front())) {
                parts_.locations.remove(std::string(binding->token));
            }
        }
    }
    auto contacts = response.contacts();
    for (const auto& entry : registering.contacts) {
        const auto* granted = grantedContact(contacts, entry);
        std::uint32_t expires = response.expires().value_or(entry.expires);
        if (granted != nullptr) {
            expires = expiresParam(*granted).value_or(expires);
        }
        if (entry.expires == 0) {
            expires = 0;
        }
        if (!entry.token.empty()) {
            parts_.locations.confirm(entry.token, expires);
        }
        if (expires > 0) {
            keepConnection(forward.from);
            keepConnection(provider);
        }
        log::debug(log::Class::Reg, "{} is {} at {} for {} s",
                   base::printable(forward.localAor.userAtHost()),
                   expires == 0 ? "no longer registered" : "registered",
                   base::printable(entry.contact.toString()), expires);
    }
    for (const auto& hop : registering.path) {
        response.addHeader("Path", hop);
    }
    // The phone is to see its own Contact again.
    for (auto& contact : contacts) {
        const auto* binding = parts_.locations.byMasqueraded(contact.uri, forward.localAor);
        if (binding != nullptr) {
            contact.uri = binding->contact;
            continue;
        }
        for (const auto& entry : registering.contacts) {
            if (grantedContact({contact}, entry) != nullptr) {
                contact.uri = entry.contact;
            }
        }
    }
    if (!contacts.empty()) {
        response.setContacts(contacts);
    }
}

bool Proxy::isForOwnRegistrar(const sip::Message& request) const {
    return request.method() == sip::Method::Register && request.routes().empty() &&
           registrar_.isLocal(request.requestUri());
}

void Proxy::answerRegister(transaction::ServerId id, const sip::Message& request,
                           const base::Flow& from) {
    registrar_.learn(request.requestUri().host);
    const auto* original = layer_.serverRequest(id);
    if (original == nullptr) {
        return;
    }
    const auto verdict = gate_.judge({*original, from, directions_.sideOf(from, arrivalInterface_),
                                      access::Target::Ourselves, false, false});
    if (passes(id, verdict)) {
        registerHere(id, request, from, verdict.user);
    }
}

void Proxy::registerHere(transaction::ServerId id, const sip::Message& request,
                         const base::Flow& from, const std::string& user) {
    const auto side = directions_.sideOf(from, arrivalInterface_);
    const auto response = registrar_.answer(
        request, {.flow = from, .user = user, .natted = nat_.isNatted(request, from, side)});
    if (response.status() < 300 && !response.contacts().empty()) {
        keepConnection(from);
    }
    give(id, response);
}

}  // namespace siproxd::proxy
