// SPDX-License-Identifier: GPL-2.0-or-later
#include "decision.h"

#include <algorithm>

#include "siproxd/plugin.hpp"

namespace forward {

using siproxd::api::lowered;

namespace {

/// Rejecting is an answer of the callee's, as far as the caller is concerned.
constexpr int kRejected = 480;

/// One condition at a time: the user's own rule goes before those of the administrator.
class Chooser {
public:
    Chooser(const Settings& settings, const OwnRules& own, const Party& caller, const Party& callee,
            const std::vector<Party>& history)
        : settings_(settings), own_(own), caller_(caller), callee_(callee), history_(history) {}

    /// Adds what is to be done in that case. False: the call is rejected.
    bool choose(When when, Decision& decision) const {
        if (const auto target = own_.find(callee_.toString(), when)) {
            if (target->empty()) {
                return false;
            }
            add(decision, {.when = when, .uri = *target, .ring = settings_.ring, .owner = callee_.toString()},
                "own rule of " + callee_.toString());
            return true;
        }
        for (const auto& rule : settings_.rules) {
            if (rule.action == Action::Forward && rule.isFor(when) && rule.isFor(caller_, callee_)) {
                for (const auto& target : rule.targets) {
                    add(decision,
                        {.when = when,
                         .uri = uriOf(target, callee_.host),
                         .ring = rule.ring,
                         .owner = rule.owner.empty() ? callee_.toString() : rule.owner},
                        rule.name);
                }
                return true;
            }
        }
        return true;
    }

private:
    void add(Decision& decision, Leg leg, const std::string& why) const {
        const auto party = partyOf(leg.uri);
        const bool isLoop = party == callee_ || std::ranges::find(history_, party) != history_.end();
        if (isLoop || leg.uri.empty()) {
            decision.why += (decision.why.empty() ? "" : ", ") + std::string("not to ") + leg.uri +
                            " in a circle";
            return;
        }
        decision.why += (decision.why.empty() ? "" : ", ") + why;
        decision.legs.push_back(std::move(leg));
    }

    const Settings& settings_;
    const OwnRules& own_;
    const Party& caller_;
    const Party& callee_;
    const std::vector<Party>& history_;
};

}  // namespace

Decision decide(const Settings& settings, const OwnRules& own, const Party& caller, const Party& callee,
                const std::vector<Party>& history) {
    Decision decision;
    for (const auto& rule : settings.rules) {
        if (rule.action == Action::Forward || !rule.isFor(caller, callee)) {
            continue;
        }
        decision.why = rule.name;
        decision.status = rule.status;
        decision.kind = rule.action == Action::Reject ? Decision::Kind::Reject
                        : rule.action == Action::Drop ? Decision::Kind::Drop
                                                      : Decision::Kind::None;
        return decision;
    }
    const Chooser chooser(settings, own, caller, callee, history);
    const auto rejected = [&] {
        return Decision{.kind = Decision::Kind::Reject,
                        .status = kRejected,
                        .legs = {},
                        .why = "own rule of " + callee.toString()};
    };
    if (!chooser.choose(When::Always, decision)) {
        return rejected();
    }
    for (const auto when : {When::Busy, When::NoAnswer, When::Unreachable}) {
        if (decision.legs.empty() || decision.legs.front().when != When::Always) {
            // A user who rejects calls in such a case gets what he would get anyway.
            static_cast<void>(chooser.choose(when, decision));
        }
    }
    decision.kind = decision.legs.empty() ? Decision::Kind::None : Decision::Kind::Forward;
    return decision;
}

std::optional<Order> orderIn(const Codes& codes, const Party& caller, const Party& dialled) {
    const auto is = [&](const std::string& code) { return !code.empty() && dialled.user == code; };
    if (is(codes.reset)) {
        return Order{.kind = Order::Kind::Reset, .when = When::Always, .target = {}};
    }
    if (is(codes.redial)) {
        return Order{.kind = Order::Kind::Redial, .when = When::Always, .target = {}};
    }
    // The longest code counts.
    const std::pair<const std::string*, When> away[] = {{&codes.away, When::Always},
                                                        {&codes.awayBusy, When::Busy},
                                                        {&codes.awayNoAnswer, When::NoAnswer}};
    const std::pair<const std::string*, When>* best = nullptr;
    for (const auto& one : away) {
        if (!one.first->empty() && dialled.user.starts_with(*one.first) &&
            (best == nullptr || one.first->size() > best->first->size())) {
            best = &one;
        }
    }
    if (best == nullptr) {
        return std::nullopt;
    }
    Order order{.kind = Order::Kind::Away, .when = best->second, .target = {}};
    std::string_view rest = std::string_view(dialled.user).substr(best->first->size());
    // *151*number is as good as *151number.
    rest.remove_prefix(rest.starts_with('*') ? 1 : 0);
    rest.remove_suffix(rest.ends_with('#') ? 1 : 0);
    if (rest.empty()) {
        // Who is busy rejects calls anyway.
        order.isSound = order.when == When::Always;
        return order;
    }
    // *151john@vmsdemo.com is user *151john of vmsdemo.com to a telephone; a number is meant to be dialled here.
    const bool isElsewhere = dialled.host != caller.host && !isNumber(rest);
    order.target = uriOf(rest, isElsewhere ? dialled.host : caller.host);
    order.isSound = !order.target.empty();
    return order;
}

Party partyOf(const std::string& uri) {
    const auto colon = uri.find(':');
    const auto scheme = lowered(uri.substr(0, colon == std::string::npos ? 0 : colon));
    if (scheme != "sip" && scheme != "sips" && scheme != "tel") {
        return {};
    }
    auto rest = std::string_view(uri).substr(colon + 1);
    if (scheme == "tel") {
        return {dialled(rest.substr(0, rest.find(';'))), ""};
    }
    rest = rest.substr(0, rest.find('?'));
    const auto at = rest.find('@');
    Party party;
    if (at != std::string_view::npos) {
        // A password is not part of who it is, nor are parameters of the user part.
        const auto user = rest.substr(0, at);
        party.user = dialled(user.substr(0, user.find_first_of(":;")));
        rest.remove_prefix(at + 1);
    }
    const auto end = rest.find_first_of(";:", rest.starts_with('[') ? rest.find(']') : 0);
    party.host = lowered(rest.substr(0, end));
    return party;
}

}  // namespace forward
