// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/plugin_services.h"

#include <utility>

namespace siproxd::proxy {

namespace {

plugin::BindingView viewOf(const registrar::Binding& binding) {
    return {.aor = binding.aor.toString(),
            .contact = binding.contact.toString(),
            .shown = binding.provider ? binding.masqueraded.toString() : "",
            .source = binding.flow.remote ? binding.flow.remote.toString() : "",
            .expires = binding.expires};
}

}  // namespace

void PluginServices::bindings(plugin::BindingQuery query, std::string_view text,
                              const std::function<bool(const plugin::BindingView&)>& each) {
    const auto show = [&](const auto& found) {
        for (const auto* binding : found) {
            if (!each(viewOf(*binding))) {
                return;
            }
        }
    };
    switch (query) {
        case plugin::BindingQuery::All:
            for (const auto& binding : locations_.snapshot()) {
                if (locations_.isLive(binding) && !each(viewOf(binding))) {
                    return;
                }
            }
            return;
        case plugin::BindingQuery::OfAor:
            if (const auto aor = sip::Uri::parse(text)) {
                show(proxy_.bindingsOf(*aor));
            }
            return;
        case plugin::BindingQuery::OfContactHost: show(locations_.byContactHost(text)); return;
        case plugin::BindingQuery::OfShown:
            if (const auto shown = sip::Uri::parse(text)) {
                const auto* binding = locations_.byMasqueraded(*shown, *shown);
                if (binding != nullptr && locations_.isLive(*binding)) {
                    each(viewOf(*binding));
                }
            }
            return;
    }
}

std::uint64_t PluginServices::send(plugin::OwnRequest request) {
    return static_cast<std::uint64_t>(
        proxy_.sendOwn(std::move(request.message), request.nextHop, std::move(request.identity),
                       {std::move(request.done), std::move(request.contactUser)}));
}

void PluginServices::calls(const std::function<bool(const plugin::CallView&)>& each) {
    proxy_.showCalls(each);
}

bool PluginServices::endCall(std::uint64_t call, int status, std::string_view reason) {
    return proxy_.endCallSoon(call, status, reason);
}

std::uint64_t PluginServices::askAddresses(std::string_view host, dns::Resolver::Callback done) {
    const auto id = ++lastQuestion_;
    questions_.emplace(id, resolver_.resolve(host, base::Family::None,
                                             [this, id, done = std::move(done)](const dns::Answer& answer) {
                                                 const auto over = questions_.extract(id);
                                                 done(answer);
                                             }));
    return id;
}

std::uint64_t PluginServices::askNaptr(std::string_view name, dns::RecordResolver::RecordCallback done) {
    const auto id = ++lastQuestion_;
    questions_.emplace(id, resolver_.ask({std::string(name), dns::RecordType::Naptr},
                                         [this, id, done = std::move(done)](const dns::RecordAnswer& answer) {
                                             const auto over = questions_.extract(id);
                                             done(answer);
                                         }));
    return id;
}

std::uint64_t PluginServices::sendDatagram(const base::SocketAddress& to, std::string_view bytes,
                                           base::Duration patience, plugin::DatagramCallback done) {
    return proxy_.sendDatagram(to, bytes, patience, std::move(done));
}

void PluginServices::forgetDatagram(std::uint64_t id) {
    proxy_.forgetDatagram(id);
}

std::string PluginServices::ownUser(std::string_view uri) const {
    const auto parsed = sip::Uri::parse(uri);
    return parsed ? proxy_.ownUser(*parsed) : "";
}

bool PluginServices::announce(std::optional<base::IpAddress> ip) {
    announce_(ip);
    return true;
}

void PluginServices::forget(std::uint64_t request) {
    proxy_.forgetOwn(static_cast<transaction::ServerId>(request));
}

}  // namespace siproxd::proxy
