// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../disk/content.h"
#include "../disk/saver.h"
#include "decision.h"
#include "last_calls.h"
#include "own_rules.h"
#include "party.h"
#include "rules.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
using forward::Decision;
using forward::Order;
using forward::Party;
using forward::When;

constexpr std::uint32_t kMilliseconds = 1000;

std::uint32_t outcomeOf(When when) {
    switch (when) {
        case When::Always: return 0;
        case When::Busy: return after(After::Busy);
        case When::NoAnswer: return after(After::NoAnswer);
        case When::Unreachable: return after(After::Failure);
    }
    return 0;
}

/// RFC 5806 §4.
const char* diversionReason(When when) {
    switch (when) {
        case When::Always: return "unconditional";
        case When::Busy: return "user-busy";
        case When::NoAnswer: return "no-answer";
        case When::Unreachable: return "unavailable";
    }
    return "unknown";
}

class ForwardPlugin {
public:
    static constexpr const char* kDescription = "Forwards calls, by rules of the administrator and of the users";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget, Stage::Timer);
    static constexpr Option kOptions[] = {
        listOption("number", "Begins a rule: who is called, masks with ; between them, % is any text"),
        listOption("to", "Numbers or addresses that are called instead, with ; between them"),
        listOption("description", "What the rule is called in logs"),
        listOption("owner", "User (or user@domain) in whose name the call goes on"),
        listOption("caller", "Masks of callers for whom the rule is"),
        listOption("when", "always, busy, noanswer, unreachable, with ; between them"),
        listOption("after", "Seconds after which nobody has answered"),
        listOption("action", "forward, accept, reject or drop"),
        listOption("status", "SIP status of a call that is rejected"),
        listOption("active", "0: the rule is not used"),
        stringOption("away", "Number by which users have their calls rejected or forwarded"),
        stringOption("away_busy", "Likewise, when they are busy"),
        stringOption("away_noanswer", "Likewise, when they do not answer"),
        stringOption("reset", "Number by which users take that back"),
        stringOption("redial", "Number that stands for whom they have last been in touch with"),
        integerOption("ring", "Seconds after which a user has not answered", "20", 1, 600),
        integerOption("confirm", "SIP status that answers such a number", "486", 300, 699),
        integerOption("diversion", "1: who is called is told by whom and why (Diversion)", "1", 0, 1),
        stringOption("file", "Keeps the users' own rules"),
    };

    static std::unique_ptr<ForwardPlugin> create(Host host) {
        auto settings = forward::Settings::read(host);
        return settings ? std::make_unique<ForwardPlugin>(host, std::move(*settings)) : nullptr;
    }

    ForwardPlugin(Host host, forward::Settings settings)
        : host_(host), settings_(std::move(settings)), begin_(host, [this] { readFile(); }) {
        if (settings_.isEmpty()) {
            host_.warning("plugin_forward has nothing to do: it needs plugin_forward_number, or plugin_forward_away");
            host_.restrictStages(0);
        }
        // Not now: the file is looked for where it will be written, in the jail if there is one.
        begin_.start(0);
    }

    Verdict process(Stage, Message& message) {
        if (message.method() != "INVITE" || message.param(At::To, "tag")) {
            return Verdict::Continue;
        }
        const auto caller = callerOf(message);
        const auto callee = calleeOf(message);
        auto history = historyOf(message);
        if (callee.empty() || std::ranges::find(history, callee) != history.end()) {
            return Verdict::Continue;
        }
        if (history.empty()) {
            if (message.direction() == Direction::RequestOutgoing) {
                if (const auto order = forward::orderIn(settings_.codes, caller, asDialled(message))) {
                    return obey(message, *order, caller);
                }
            }
            remember(message, caller, callee);
            if (message.direction() == Direction::RequestOutgoing && isAtProvider(callee)) {
                return Verdict::Continue;  // it comes back from there, and has its turn then
            }
        } else {
            host_.info("call of " + caller.toString() + " for " + history.front().toString() + " goes on to " +
                       callee.toString() + " [CID: " + std::string(message.callId()) + "]");
        }
        return follow(message, forward::decide(settings_, own_, caller, callee, history), caller, callee);
    }

    void tick() {
        const auto failure = saver_ == nullptr ? std::nullopt : saver_->takeOutcome();
        if (!failure) {
            return;
        }
        const bool wasKept = std::exchange(isKept_, failure->empty());
        if (isKept_ && !wasKept) {
            host_.info("plugin_forward: the users' own rules are kept again");
        } else if (!isKept_) {
            saver_->save(own_.text());
            if (wasKept) {
                host_.error("plugin_forward: the users' own rules cannot be kept, it is tried again and again: " +
                            *failure);
            }
        }
    }

private:
    static std::string textOf(const Message& message, At at, Part part) {
        return std::string(orEmpty(message.uri(at, part)));
    }

    static Party asDialled(const Message& message) {
        auto user = textOf(message, At::RequestUri, Part::UserPlain);
        // user@host in the user part, as some telephones have it.
        if (const auto at = user.find('@'); at != std::string::npos) {
            return {user.substr(0, at), lowered(user.substr(at + 1))};
        }
        auto party = forward::partyOf(textOf(message, At::RequestUri, Part::Text));
        party.user = std::move(user);
        return party;
    }

    [[nodiscard]] Party callerOf(const Message& message) const {
        const auto uri = textOf(message, At::From, Part::Text);
        const auto own = host_.ownUser(uri);
        return forward::partyOf(own ? "sip:" + std::string(*own) : uri);
    }

    /// Who is known by that URI: the address-of-record of a phone, if it is its Contact as the outside knows it. Users of
    /// siproxd's own have one name, whichever address they are called at.
    [[nodiscard]] Party known(const std::string& uri) const {
        const auto shown = host_.bindings(Bindings::OfShown, uri);
        if (!shown.empty()) {
            return forward::partyOf(shown.front().aor);
        }
        const auto own = host_.ownUser(uri);
        return forward::partyOf(own ? "sip:" + std::string(*own) : uri);
    }

    [[nodiscard]] bool isRegistered(const Party& party) const {
        return !party.user.empty() && !host_.bindings(Bindings::OfAor, party.uri()).empty();
    }

    /// A phone here that is registered elsewhere.
    [[nodiscard]] bool isAtProvider(const Party& party) const {
        return !party.user.empty() &&
               std::ranges::any_of(host_.bindings(Bindings::OfAor, party.uri()),
                                   [](const Binding& binding) { return !binding.shown.empty(); });
    }

    /// Whether it is known here where the call goes without any rule; if not, plugin_siptrunk may know it, or others.
    [[nodiscard]] bool isForUser(const Message& message, const Party& callee) const {
        return message.direction() == Direction::RequestOutgoing || !message.history().empty() ||
               isRegistered(callee) || host_.ownUser(callee.uri());
    }

    [[nodiscard]] Party calleeOf(const Message& message) const {
        const auto uri = textOf(message, At::RequestUri, Part::Text);
        const auto named = known(uri);
        if (message.direction() == Direction::RequestOutgoing || isRegistered(named)) {
            return named;
        }
        // Providers put in To whom they mean.
        const auto to = forward::partyOf(textOf(message, At::To, Part::Text));
        return isRegistered(to) ? to : named;
    }

    [[nodiscard]] std::vector<Party> historyOf(const Message& message) const {
        std::vector<Party> all;
        for (const auto uri : message.history()) {
            all.push_back(known(std::string(uri)));
        }
        return all;
    }

    /// Whether it is the caller who calls: From is easily forged.
    [[nodiscard]] bool isProven(const Message& message, const Party& caller) const {
        if (const auto user = message.user()) {
            return *user == caller.user;
        }
        return std::ranges::any_of(host_.bindings(Bindings::OfAor, caller.uri()), [&](const Binding& binding) {
            return binding.source.substr(0, binding.source.rfind(':')) ==
                   message.source().substr(0, message.source().rfind(':'));
        });
    }

    void remember(const Message& message, const Party& caller, const Party& callee) {
        if (settings_.codes.redial.empty()) {
            return;
        }
        if (message.direction() == Direction::RequestOutgoing && isProven(message, caller)) {
            last_.note(caller.toString(), callee.uri());
        }
        if (isRegistered(callee) && !caller.user.empty()) {
            last_.note(callee.toString(), caller.uri());
        }
    }

    Verdict obey(Message& message, const Order& order, const Party& caller) {
        const auto user = caller.toString();
        const auto refuse = [&](int status, const char* reason, const std::string& why) {
            host_.info("plugin_forward: " + user + " has dialled " + textOf(message, At::RequestUri, Part::UserPlain) +
                       ": " + why);
            return message.reject(status, reason);
        };
        if (!isProven(message, caller)) {
            return refuse(403, nullptr, "refused, nobody is registered as that from there");
        }
        if (order.kind == Order::Kind::Redial) {
            const auto last = last_.of(user);
            if (!last) {
                return refuse(404, "Nobody To Redial", "there was no call");
            }
            host_.info("plugin_forward: " + user + " calls " + *last + " again");
            return message.retarget({.uri = *last, .dial = true, .onBehalf = user});
        }
        if (!order.isSound || (!order.target.empty() && !host_.uri(order.target))) {
            return refuse(484, nullptr, "that is no number and no address");
        }
        if (order.kind == Order::Kind::Away && forward::partyOf(order.target) == caller) {
            return refuse(482, "That Is Your Own Number", "calls cannot be forwarded to oneself");
        }
        if (order.kind == Order::Kind::Reset) {
            own_.reset(user);
        } else if (!own_.set(user, order.when, order.target)) {
            return refuse(500, "Too Many Rules", "there are too many rules");
        }
        if (saver_ != nullptr) {
            saver_->save(own_.text());
        }
        const std::string what = order.kind == Order::Kind::Reset ? "Calls come here"
                                 : order.target.empty()           ? "Calls are rejected"
                                                                  : "Calls go to " + order.target.substr(4);
        const std::string when = order.kind == Order::Kind::Reset || order.when == When::Always
                                     ? ""
                                     : " (" + std::string(forward::nameOf(order.when)) + ")";
        return refuse(settings_.confirmation, (what + when).c_str(), what + when);
    }

    Verdict follow(Message& message, const Decision& decision, const Party& caller, const Party& callee) {
        const auto log = [&](const std::string& what) {
            host_.info("call of " + caller.toString() + " for " + callee.toString() + " " + what + " (" +
                       decision.why + ") [CID: " + std::string(message.callId()) + "]");
        };
        switch (decision.kind) {
            case Decision::Kind::None:
                if (!decision.why.empty()) {
                    host_.debug("plugin_forward: call for " + callee.toString() + ": " + decision.why);
                }
                return Verdict::Continue;
            case Decision::Kind::Drop: log("dropped"); return Verdict::Drop;
            case Decision::Kind::Reject:
                log("rejected: " + std::to_string(decision.status));
                return message.reject(decision.status);
            case Decision::Kind::Forward: break;
        }
        std::vector<Target> targets;
        const bool isAlways = decision.legs.front().when == When::Always;
        if (isAlways) {
            log("is forwarded to " + std::to_string(decision.legs.size()) + " other" +
                (decision.legs.size() == 1 ? "" : "s"));
        } else if (!isForUser(message, callee)) {
            return Verdict::Continue;
        } else {
            targets.push_back(ownTarget(message, decision, callee));
        }
        for (const auto& leg : decision.legs) {
            auto& target = targets.emplace_back();
            target.uri = leg.uri;
            target.rank = isAlways ? 0 : 1;
            target.after = outcomeOf(leg.when);
            target.dial = true;
            target.onBehalf = leg.owner;
            if (settings_.diversion) {
                target.headers = "Diversion: <" + callee.uri() + ">;reason=" + diversionReason(leg.when) +
                                 ";counter=1\r\n";
            }
        }
        return message.retarget(targets);
    }

    /// Whoever is called in the first place, for as long as the rules say.
    [[nodiscard]] Target ownTarget(const Message& message, const Decision& decision, const Party& callee) const {
        Target target;
        for (const auto& leg : decision.legs) {
            if (leg.when == When::NoAnswer) {
                const auto ring = leg.ring * kMilliseconds;
                target.ring = target.ring == 0 ? ring : std::min(target.ring, ring);
            }
        }
        if (message.direction() != Direction::RequestOutgoing || isRegistered(callee)) {
            target.aor = callee.uri();
            return target;
        }
        target.uri = textOf(message, At::RequestUri, Part::Text);
        target.dial = true;
        if (const auto user = message.user()) {
            target.onBehalf = std::string(*user) + "@" + callerOf(message).host;
        }
        return target;
    }

    void readFile() {
        if (settings_.file.empty()) {
            return;
        }
        std::string why;
        if (const auto text = siproxd::disk::contentOf(settings_.file, why)) {
            if (const auto senseless = own_.read(*text); senseless > 0) {
                host_.warning("plugin_forward: " + std::to_string(senseless) + " lines of " + settings_.file +
                              " make no sense");
            }
            host_.info("plugin_forward: " + std::to_string(own_.size()) + " rules of users read from " +
                       settings_.file);
        } else if (!why.empty()) {
            host_.error("plugin_forward: " + why);
            return;  // it is not written over then
        }
        saver_ = std::make_unique<siproxd::disk::Saver>(settings_.file, 0600, true);
    }

    Host host_;
    const forward::Settings settings_;
    forward::OwnRules own_;
    forward::LastCalls last_;
    std::unique_ptr<siproxd::disk::Saver> saver_;
    bool isKept_ = true;  ///< what was last heard of the file
    Timer begin_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_forward, ForwardPlugin)
