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
                show(locations_.byAor(*aor));
            }
            return;
        case plugin::BindingQuery::OfContactHost: show(locations_.byContactHost(text)); return;
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

void PluginServices::forget(std::uint64_t request) {
    proxy_.forgetOwn(static_cast<transaction::ServerId>(request));
}

}  // namespace siproxd::proxy
