// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins hear of calls, and calls that they end.
#include <string>

#include "base/log.h"
#include "base/text.h"
#include "proxy/call_report.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// A request URI that is kept for reports: the memory is not a caller's to fill.
constexpr std::size_t kLongestText = 1024;

}  // namespace

plugin::CallView Proxy::viewOf(const Call& call) const {
    return reportOf(call, parts_.loop.now(), parts_.loop.wallNow());
}

int Proxy::tell(plugin::CallEvent event, const Call& call, std::string_view label,
                std::string_view reason) {
    if (!parts_.chain.hears(event)) {
        return 0;
    }
    auto view = viewOf(call);
    if (!label.empty()) {
        view.label = label;
    }
    if (event == plugin::CallEvent::Ended) {
        view.ended = parts_.loop.wallNow();
        view.reason = reason;
    }
    return parts_.chain.tell(event, view);
}

bool Proxy::beginCall(Forward& forward, std::string_view dialled, const std::string& user,
                      Call& call) {
    auto& state = call.state();
    state.startedAt = parts_.loop.now();
    state.invite = forward.server;
    if (state.ends) {
        if (dialled != state.ends->callee.uri) {
            state.ends->dialled = dialled.substr(0, kLongestText);
        }
        state.ends->user = user;
    }
    const int status = tell(plugin::CallEvent::Started, call);
    if (status < 300 || status > 699) {
        return true;
    }
    log::infoFromPeer("call from {} refused by a plugin: {} [CID: {}]",
                      forward.from.remote.toString(), status, base::printable(state.callId));
    refuseCall(call, forward, status, "");
    return false;
}

void Proxy::refuseCall(Call& call, Forward& forward, int status, std::string_view reason) {
    forward.answered = true;
    call.state().status = status;
    endCall(call, {}, {plugin::EndedBy::Proxy, reason});
    respond(forward.server, status, "");
}

bool Proxy::mayTry(const Forward& forward, const Branch& branch) {
    const Call* call = announces(forward, branch) ? calls_.find(*forward.request, forward.fromSide())
                                                  : nullptr;
    return call == nullptr ||
           tell(plugin::CallEvent::Trying, *call, branch.appearance->identity->label) == 0;
}

void Proxy::hasLeft(const Forward& forward, const Branch& branch) {
    if (branch.isCounted && announces(forward, branch) && !forward.answered && forward.request) {
        if (const Call* call = calls_.find(*forward.request, forward.fromSide())) {
            tell(plugin::CallEvent::Left, *call, branch.appearance->identity->label);
        }
    }
}

bool Proxy::announces(const Forward& forward, const Branch& branch) const {
    return branch.isAccount && forward.establishes && forward.method == sip::Method::Invite &&
           (parts_.chain.hears(plugin::CallEvent::Trying) || parts_.chain.hears(plugin::CallEvent::Left));
}

void Proxy::showCalls(const std::function<bool(const plugin::CallView&)>& each) const {
    for (const auto* call : calls_.all()) {
        if (!each(viewOf(*call))) {
            return;
        }
    }
}

bool Proxy::endCallSoon(std::uint64_t id, int status, std::string_view reason) {
    if (calls_.byId(id) == nullptr) {
        return false;
    }
    parts_.loop.post([this, id, status, text = std::string(reason)] {
        Call* call = calls_.byId(id);
        if (call == nullptr) {
            return;
        }
        if (call->state().answered) {
            hangUp(*call, "SIP;cause=" + std::to_string(status) + ";text=\"" +
                              base::printable(text) + "\"");
            endCall(*call, "call is over: " + text, {plugin::EndedBy::Proxy, text});
        } else if (Forward* forward = find(call->state().invite);
                   forward != nullptr && !forward->answered) {
            log::info("call is given up: {} [CID: {}]", text, base::printable(call->state().callId));
            cancelBranches(*forward, "");
            refuseCall(*call, *forward, status, text);
        }
    });
    return true;
}

void Proxy::tellEnd(std::string_view reason) {
    for (const auto* call : calls_.all()) {
        if (Call* present = calls_.byId(call->state().id)) {
            present->state().endedBy = plugin::EndedBy::Proxy;
            tell(plugin::CallEvent::Ended, *present, {}, reason);
        }
    }
}

}  // namespace siproxd::proxy
