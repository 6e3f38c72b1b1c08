// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

constexpr std::string_view kRetryAfter = "30";

/// RFC 3261 §18.1.1: what is longer should not go by UDP.
constexpr std::size_t kLongestDatagram = 1300;

/// How long a server may say nothing while there is another, in T1: it has had the request three
/// times then.
constexpr int kPatience = 3;

constexpr std::string_view kDoubted = "is said not to be reachable, and says nothing";

}  // namespace

void Proxy::startNextRank(Forward& forward) {
    const auto id = forward.server;
    // RFC 5393 §5.3.3: branches that are under way hold their part of it.
    const auto held = forward.breadthInUse();
    const auto given = breadthOf(*forward.request);
    const auto breadth = given > held ? given - held : 0;
    const auto started = forward.nextRank();
    for (const auto index : started) {
        Forward* present = find(id);
        if (present == nullptr || !present->mayTryMore()) {
            return;
        }
        if (present->branches[index].state != Branch::State::Locating) {
            continue;  // another one has been declined for all
        }
        if (started.size() > breadth) {
            branchFailed(*present, index, 440, "Max-Breadth Exceeded");
            continue;
        }
        present->branches[index].breadth = breadth / static_cast<std::uint32_t>(started.size());
        startBranch(*present, index);
    }
}

NextHop Proxy::hopOf(const Forward& forward, const Branch& branch) const {
    if (branch.nextHop) {
        return {*branch.nextHop, true};
    }
    if (!branch.routes.empty()) {
        return {branch.routes.front().uri, false};
    }
    if (branch.toPhone || (forward.crosses(branch) && branch.towards == Side::Inside)) {
        return {branch.uri, false};
    }
    if (branch.towards == Side::Inside) {
        const auto routes = forward.request->routes();
        return {routes.empty() ? branch.uri : routes.front().uri, false};
    }
    if (branch.terms != nullptr && branch.terms->sender) {
        return nextHopOutside(*branch.terms->sender, branch.uri, options_.proxy);
    }
    return nextHopOutside(*forward.request, branch.uri, options_.proxy);
}

bool Proxy::isLarge(const Forward& forward, const Branch& branch) {
    // Phones say in their Contact what they can be reached by.
    return branch.towards == Side::Outside && forward.size > kLongestDatagram;
}

dns::Wanted Proxy::wantedBy(const Forward& forward, const Branch& branch) const {
    const auto hop = hopOf(forward, branch).uri;
    dns::Wanted wanted;
    wanted.host = std::string(hop.params.value("maddr").value_or(hop.host));
    wanted.port = hop.port;
    if (const auto transport = hop.params.value("transport")) {
        wanted.transport = base::protocolFromVia(*transport);
    }
    // RFC 3261 §16.6 step 7: all the way, whatever the Routes say.
    wanted.secure = hop.isSips() || branch.uri.isSips();
    wanted.large = isLarge(forward, branch);
    if (parts_.connections == nullptr) {
        wanted.protocols = {base::Protocol::Udp};
    }
    const bool v4 = addresses_.has(branch.towards, base::Family::V4);
    const bool v6 = addresses_.has(branch.towards, base::Family::V6);
    wanted.families = v4 && v6 ? base::Family::None : v6 ? base::Family::V6 : base::Family::V4;
    return wanted;
}

std::string Proxy::schemeMismatch(const Forward& forward, const Branch& branch) const {
    const auto transport = base::protocolFromVia(branch.uri.params.value("transport").value_or(""));
    const auto own = addresses_.sentBy(forward.fromSide(), forward.from.local.ip,
                                       forward.from.protocol);
    // A phone is the last hop; what is behind others only the scheme says.
    const bool byTls = !branch.toPhone ? branch.uri.isSips()
                       : branch.fixed  ? branch.fixed->protocol == base::Protocol::Tls
                                       : branch.uri.isSips() || transport == base::Protocol::Tls;
    // RFC 5630 §5.3: nobody who asked for TLS all the way gets less, whoever has chosen the target, and a phone that
    // wants it gets nothing else.
    if (forward.secure && !byTls) {
        return fmt::format("380 {} \"SIPS Not Allowed\"", own.host);
    }
    if (!forward.secure && branch.toPhone && branch.uri.isSips()) {
        return fmt::format("381 {} \"SIPS Required\"", own.host);
    }
    return "";
}

bool Proxy::isUsable(const base::Flow& flow) const {
    return !base::isReliable(flow.protocol) ||
           (parts_.connections != nullptr && parts_.connections->isOpen(flow.connection));
}

void Proxy::startBranch(Forward& forward, std::size_t index) {
    if (const auto& terms = forward.branches[index].terms; terms && terms->dialled) {
        dial(forward, index);
        return;
    }
    Branch& branch = forward.branches[index];
    adoptAppearance(forward, branch);
    if (forward.branches.size() == 1) {
        forward.request->setRequestUri(branch.uri);
    }
    branch.isCounted = mayTry(forward, branch);
    if (!branch.isCounted) {
        branch.isUnreachable = true;
        branchFailed(forward, index, 503, "No Line Free");
        return;
    }
    if (branch.absent != 0) {
        branchFailed(forward, index, branch.absent, "");
        return;
    }
    if (const auto warning = schemeMismatch(forward, branch); !warning.empty()) {
        branchFailed(forward, index, 480, "", "Warning", warning);
        return;
    }
    if (branch.fixed && !isUsable(*branch.fixed)) {
        if (branch.natted) {
            branchFailed(forward, index, 480, "Flow Failed");
            return;
        }
        branch.fixed.reset();
    }
    if (branch.fixed) {
        tryNextServer(forward, index);
        return;
    }
    const auto wanted = wantedBy(forward, branch);
    const auto arrived = [this, id = forward.server, index, wanted](const dns::Located& located) {
        Forward* waiting = find(id);
        if (waiting == nullptr || waiting->branches[index].state != Branch::State::Locating) {
            return;
        }
        if (!located) {
            log::warningFromPeer("cannot resolve {}: {}", base::printable(wanted.host),
                                 located.error().message);
            waiting->branches[index].isUnreachable = true;
            branchFailed(*waiting, index, unreachable(*waiting), "Cannot Resolve Next Hop");
            return;
        }
        waiting->branches[index].servers = *located;
        preferServerOfCall(*waiting, waiting->branches[index]);
        tryNextServer(*waiting, index);
    };
    if (const auto known = parts_.locator.known(wanted)) {
        arrived(*known);
        return;
    }
    auto query = parts_.locator.locate(wanted, arrived);
    if (Forward* waiting = find(forward.server)) {
        waiting->branches[index].query = std::move(query);
    }
}

void Proxy::preferServerOfCall(const Forward& forward, Branch& branch) {
    if (branch.towards == Side::Inside || forward.establishes) {
        return;
    }
    const Call* call = calls_.find(*forward.request, forward.fromSide());
    if (call == nullptr || call->state().peer == nullptr) {
        return;
    }
    branch.peer = call->state().peer;
    const auto it = std::ranges::find_if(branch.servers, [&](const dns::Service& server) {
        return branch.peer->isAt(server.protocol, server.address);
    });
    std::rotate(branch.servers.begin(), it, it == branch.servers.end() ? it : it + 1);
}

bool Proxy::mayGoTo(const Forward& forward, const Branch& branch,
                    const base::IpAddress& server) const {
    if (server.isUnspecified() || server.isMulticast() || server.isBroadcast() ||
        (branch.isForeign && addresses_.isOurs(server))) {
        return false;  // a name that somebody else has said must not make us call in the caller's name
    }
    if ((!server.isLoopback() && !addresses_.isHidden(server)) || hopOf(forward, branch).isChosen) {
        return true;
    }
    if (server.isLoopback()) {
        return forward.from.remote.ip.isLoopback() || branch.local.isLoopback();
    }
    return branch.towards == Side::Inside || (forward.fromSide() == Side::Inside &&
                                              !branch.toPhone && !branch.isForeign);
}

std::optional<base::Flow> Proxy::flowOf(const Branch& branch, const dns::Service& server) {
    auto flow = addresses_.flowTo(branch.towards, server.address, server.protocol);
    if (branch.local && branch.local.family() == server.address.ip.family() &&
        addresses_.isOurs(branch.local)) {
        flow = base::Flow{server.protocol,
                          {branch.local, addresses_.portFor(server.protocol)},
                          server.address,
                          0};
    }
    if (!flow) {
        log::warning("{} cannot be reached: we have no address there now",
                     server.address.toString());
        return std::nullopt;
    }
    if (!base::isReliable(server.protocol)) {
        return flow;
    }
    if (parts_.connections == nullptr) {
        return std::nullopt;
    }
    const bool isPeer = branch.peer && branch.peer->isAt(server.protocol, server.address);
    if (isPeer && isUsable(branch.peer->flow)) {
        return branch.peer->flow;
    }
    auto opened = parts_.connections->open(
        *flow, isPeer && !branch.peer->name.empty() ? branch.peer->name : server.host);
    if (!opened) {
        log::warning("{}", opened.error().message);
        return std::nullopt;
    }
    return *opened;
}

const dns::Service* Proxy::nextServer(const Forward& forward, Branch& branch) const {
    while (branch.hasNextServer()) {
        const auto& server = branch.servers[branch.tried++];
        if (mayGoTo(forward, branch, server.address.ip)) {
            return &server;
        }
        log::warningFromPeer("{} is not sent to {}, which {} is said to be",
                             forward.request->methodName(), server.address.toString(),
                             base::printable(server.host));
    }
    return nullptr;
}

void Proxy::tryNextServer(Forward& forward, std::size_t index) {
    Branch& branch = forward.branches[index];
    if (const auto flow = std::exchange(branch.fixed, std::nullopt)) {
        branch.flow = *flow;
        sendBranch(forward, index);
        return;
    }
    while (const auto* server = nextServer(forward, branch)) {
        if (forward.method == sip::Method::Register && addresses_.isOurs(server->address.ip) &&
            server->address.port == addresses_.portFor(server->protocol)) {
            // Its registrar is a name of ours.
            branch.state = Branch::State::Done;
            forward.answered = true;
            answerRegister(forward.server, *forward.request, forward.from);
            return;
        }
        if (const auto flow = flowOf(branch, *server)) {
            branch.flow = *flow;
            sendBranch(forward, index);
            return;
        }
        markDead(branch);
    }
    forward.branches[index].isUnreachable = true;
    branchFailed(forward, index, unreachable(forward), "No Route");
}

void Proxy::sendBranch(Forward& forward, std::size_t index) {
    Branch& branch = forward.branches[index];
    sip::Message request = forward.request->clone();
    request.setRequestUri(branch.uri);
    if (const auto status = forward.own ? std::nullopt : applyMedia(forward, branch, request)) {
        branchFailed(forward, index, *status, "", *status == 503 ? "Retry-After" : "", kRetryAfter);
        return;
    }
    if (branch.terms != nullptr) {
        for (const auto& [name, value] : branch.terms->headers) {
            request.addHeader(name, value);
        }
    }
    shapeRequest(forward, branch, request);
    if (forward.method == sip::Method::Register && !forward.own && forward.crosses(branch) &&
        !masqueradeRegister(forward, branch, request)) {
        return;
    }
    request.setHeader("Max-Breadth", std::to_string(branch.breadth));
    request.pushVia(ownVia(branch.towards, branch.flow, layer_.newBranch()));
    plugin::Context context;
    context.message = &request;
    context.flow = forward.from;
    context.direction = forward.direction;
    const auto outcome = parts_.chain.run(plugin::Stage::PostProxy, context);
    if (!outcome.goesOn()) {
        const bool says = outcome.verdict == plugin::Verdict::Reject;
        branchFailed(forward, index, says ? outcome.status : 500, says ? outcome.reason : "");
        return;
    }
    branch.state = Branch::State::Sent;
    limitRinging(forward, index);
    branch.client = layer_.send(std::move(request), branch.flow);
    clients_[branch.client] = forward.server;
    awaitServer(forward, index);
}

void Proxy::awaitServer(Forward& forward, std::size_t index) {
    Branch& branch = forward.branches[index];
    branch.patience.reset();
    branch.doubted = false;
    if (!branch.hasNextServer() && !forward.hasSubstituteFor(branch)) {
        return;
    }
    branch.patience = parts_.loop.timer([this, id = forward.server, index] {
        Forward* present = find(id);
        if (present == nullptr || !present->mayTryMore()) {
            return;
        }
        Branch& silent = present->branches[index];
        if (silent.state != Branch::State::Sent || layer_.isHeard(silent.client)) {
            return;
        }
        // Its answer may still be on the way.
        silent.former.push_back(silent.client);
        layer_.cancel(silent.client);
        if (silent.hasNextServer()) {
            tryNextServerAfter(*present, index, silent.doubted ? kDoubted : "says nothing");
            return;
        }
        silent.client = transaction::ClientId::None;
        silent.isUnreachable = true;
        log::info("{} says nothing, another target is tried", silent.flow.remote.toString());
        branchFailed(*present, index, 408, "");
    });
    branch.patience->start(kPatience * options_.timings.t1);
}

void Proxy::onDoubt(transaction::ClientId id) {
    Forward* forward = find(id);
    Branch* branch = forward != nullptr ? forward->branchOf(id) : nullptr;
    if (branch == nullptr || branch->client != id || branch->patience == nullptr ||
        branch->doubted) {
        return;
    }
    branch->doubted = true;
    branch->patience->start(options_.timings.t1);
}

void Proxy::tryNextServerAfter(Forward& forward, std::size_t index, std::string_view what) {
    Branch& branch = forward.branches[index];
    // For a server that a forged error speaks ill of a short silence is no proof.
    if (what != kDoubted) {
        markDead(branch);
    }
    log::info("{} {}, the next server of {} is tried", branch.flow.remote.toString(), what,
              base::printable(branch.uri.host));
    tryNextServer(forward, index);
}

int Proxy::unreachable(const Forward& forward) {
    // RFC 3261 §16.9 takes it for a 503, which a phone may answer by asking another proxy. But
    // outside that would be the end of the whole house, where only one phone is not there.
    return forward.fromSide() == Side::Inside ? 503 : 480;
}

void Proxy::markDead(const Branch& branch, std::optional<base::Duration> period) {
    if (const auto* server = branch.server(); server != nullptr && branch.towards == Side::Outside) {
        parts_.dead.markDead(server->protocol, server->address, period);
    }
}

bool Proxy::failsOver(Forward& forward, std::size_t index, std::string_view what) {
    const Branch& branch = forward.branches[index];
    if (!forward.mayTryMore() || !branch.hasNextServer()) {
        return false;
    }
    tryNextServerAfter(forward, index, what);
    return true;
}

void Proxy::branchFailed(Forward& forward, std::size_t index, int status,
                         std::string_view reason, std::string_view header,
                         std::string_view value) {
    forward.branches[index].state = Branch::State::Done;
    forward.branches[index].patience.reset();
    const sip::Message* request =
        forward.own ? forward.request.get() : layer_.serverRequest(forward.server);
    if (request == nullptr) {
        return;
    }
    auto response = sip::Message::response(*request, status, reason, parts_.random.hex(6));
    if (!header.empty()) {
        response.addHeader(header, value);
    }
    finishBranch(forward, forward.branches[index], std::move(response));
}

}  // namespace siproxd::proxy
