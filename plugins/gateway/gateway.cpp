// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "../lines/in_use.h"
#include "plan.h"
#include "registration.h"
#include "settings.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
using gateway::Address;
using gateway::Caller;
using gateway::Configuration;
using gateway::Load;
using gateway::Plan;
using gateway::Registration;
using gateway::Settings;
using siproxd::lines::InUse;

constexpr int kFull = 486;

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

/// What is dialled, without parameters; of a tel: URI without its visual separators (RFC 3966), too.
Address dialledIn(const Message& message) {
    const auto text = [&](Part part) {
        return std::string(orEmpty(message.uri(At::RequestUri, part)));
    };
    const auto scheme = text(Part::Scheme);
    if (scheme == "sip" || scheme == "sips") {
        const auto user = text(Part::UserPlain);
        return {user.substr(0, user.find(';')), bracketed(text(Part::Host))};
    }
    const auto opaque = scheme == "tel" ? text(Part::Opaque) : "";
    auto number = opaque.substr(0, opaque.find(';'));
    std::erase_if(number, [](char c) { return std::string_view("-.()").find(c) != std::string_view::npos; });
    return {std::move(number), "tel"};
}

class GatewayPlugin {
public:
    static constexpr const char* kDescription = "Calls by gateways, and siproxd's registrations there";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget);
    static constexpr Option kOptions[] = {
        listOption("title", "Begins a gateway: how it is called, here and in logs"),
        listOption("active", "0: it is not used"),
        listOption("server", "host[:port][;transport=tcp|tls] of the gateway"),
        listOption("proxy", "The proxy by which it is reached, likewise"),
        listOption("domain", "Of its addresses, if that is not the server's name"),
        listOption("username", "The name that the password is for"),
        listOption("account", "User in its addresses, as whom siproxd registers and calls there; the username"),
        listOption("password", "Of that user"),
        listOption("realm", "The only realm that gets the password"),
        listOption("expires", "Seconds of a registration; 0: none"),
        listOption("ping", "Without a registration: seconds between looks whether it is there; 0: none"),
        listOption("max_calls", "Calls at once; 0: any number"),
        listOption("rewrite_from", "1: From shows siproxd's address there, not the caller's"),
        listOption("rewrite_to", "1: To shows the number that is dialled there"),
        listOption("prefix", "Beginnings of the numbers that go there, with ; between them"),
        listOption("replace", "What is dialled: %& the rest, %^ the prefix, %* the whole number"),
        listOption("allowed", "Users (user, user@domain, @domain) who may call there, with ; between them"),
        listOption("incoming", "Users who are called from there, with ; between them"),
        listOption("route", "A line of the routing table: <7(10d)@*> = +7*@title"),
        stringOption("select", "order or least: which of gateways with the same prefix is first", "order"),
    };

    static std::unique_ptr<GatewayPlugin> create(Host host) {
        auto configuration = Configuration::read(host);
        return configuration ? std::make_unique<GatewayPlugin>(host, std::move(*configuration)) : nullptr;
    }

    GatewayPlugin(Host host, Configuration configuration)
        : host_(host), configuration_(std::move(configuration)) {
        for (const auto& settings : configuration_.gateways) {
            registrations_[settings.title] = std::make_unique<Registration>(host_, settings);
            if (settings.active && settings.rule && settings.allowed.empty()) {
                host_.info("gateway " + settings.title +
                           ": everybody inside may call by it (plugin_gateway_allowed)");
            }
        }
        if (configuration_.gateways.empty()) {
            host_.warning("plugin_gateway has nothing to do: it needs plugin_gateway_title");
            host_.restrictStages(0);
            host_.hearCalls(0);
        }
    }

    Verdict process(Stage, Message& message) {
        if (message.method() != "INVITE" || message.param(At::To, "tag")) {
            return Verdict::Continue;
        }
        if (message.direction() != Direction::RequestOutgoing) {
            const auto* from = configuration_.byTitle(orEmpty(message.label()));
            if (from != nullptr) {
                return incoming(message, *from);
            }
        }
        const bool isOurs = message.direction() == Direction::RequestOutgoing || message.user();
        return isOurs ? outgoing(message) : Verdict::Continue;
    }

    int call(CallEvent event, const siproxd_call& call) {
        switch (event) {
            case CallEvent::Started: return started(call);
            case CallEvent::Trying: return tries(call);
            case CallEvent::Left: lines_.leave(call.id, orEmpty(call.label)); break;
            case CallEvent::Answered: lines_.settle(call.id, orEmpty(call.label)); break;  // others have rung as well
            case CallEvent::Ended: lines_.end(call.id); break;
        }
        return 0;
    }

    bool route(std::string_view number, std::string_view from,
               const std::function<void(std::string_view)>& print) const {
        const auto at = number.find('@');
        const auto domain = from.find('@');
        const Caller caller{std::string(from.substr(0, domain)),
                            std::string(domain == std::string_view::npos ? "" : from.substr(domain + 1))};
        const auto plan = gateway::planFor(
            configuration_,
            {std::string(number.substr(0, at)),
             at == std::string_view::npos ? caller.domain : std::string(number.substr(at + 1))},
            caller, [this](const Settings& settings) { return loadOf(settings); });
        for (const auto& step : plan.steps) {
            print(step);
        }
        for (std::size_t i = 0; i < plan.ways.size(); ++i) {
            const auto& way = plan.ways[i];
            print((i == 0 ? "it goes to " : "if that fails, to ") +
                  gateway::uriOf(host_, "sip", way.number, way.gateway->server) + " by " +
                  way.gateway->nextHop().substr(std::string_view("sip:").size()));
        }
        if (plan.ways.empty() && (plan.isFull || plan.isForbidden)) {
            print(plan.isFull ? "it is refused: 486" : "it is refused: 403");
        } else if (plan.ways.empty() && plan.isChanged) {
            print("it goes to " + gateway::uriOf(host_, "sip", plan.address.user, plan.address.domain));
        }
        return !plan.ways.empty() || plan.isFull || plan.isForbidden || plan.isChanged;
    }

    void notice(Notice what) {
        if (what == Notice::Addresses) {
            for (auto& [title, registration] : registrations_) {
                registration->renew();
            }
        }
    }

private:
    [[nodiscard]] Load loadOf(const Settings& settings) const {
        return {registrations_.at(settings.title)->isUp(), lines_.count(settings.title)};
    }

    [[nodiscard]] bool isFull(const Settings& settings) const {
        return settings.maxCalls != 0 && lines_.count(settings.title) >= settings.maxCalls;
    }

    Verdict outgoing(Message& message) {
        const auto dialled = dialledIn(message);
        Caller caller{std::string(message.user().value_or(
                          orEmpty(message.uri(At::From, Part::UserPlain)))),
                      std::string(orEmpty(message.uri(At::From, Part::Host)))};
        const auto plan = gateway::planFor(configuration_, dialled, caller,
                                           [this](const Settings& settings) { return loadOf(settings); });
        for (const auto& step : plan.steps) {
            host_.debug("plugin_gateway: " + step);
        }
        if (plan.ways.empty()) {
            return without(message, plan, dialled, caller);
        }
        std::vector<Target> targets;
        for (std::uint32_t rank = 0; rank < plan.ways.size(); ++rank) {
            const auto& [settings, number, prefix] = plan.ways[rank];
            auto& target = targets.emplace_back();
            target.uri = gateway::uriOf(host_, schemeOf(message), number, settings->server);
            target.nextHop = settings->nextHop();
            target.rank = rank;
            target.after = rank == 0 ? 0 : after(After::Failure);
            target.label = settings->title;
            target.from = settings->rewriteFrom && !settings->account.empty() ? settings->address() : "";
            target.to = settings->rewriteTo ? gateway::uriOf(host_, schemeOf(message), number, settings->domain) : "";
            target.user = settings->user;
            target.password = settings->password;
            target.realm = settings->realm;
        }
        const auto verdict = message.retarget(targets);
        if (verdict == Verdict::Failed) {
            return undiallable(message, plan.ways.front().number);
        }
        const auto& first = plan.ways.front();
        host_.info("call of " + caller.user + "@" + caller.domain + " to " + dialled.user + " goes to " +
                   first.number + " by gateway " + first.gateway->title + " [CID: " +
                   std::string(message.callId()) + "]");
        return verdict;
    }

    /// No gateway takes it.
    Verdict without(Message& message, const Plan& plan, const Address& dialled, const Caller& caller) {
        if (plan.isFull || plan.isForbidden) {
            host_.info("call of " + caller.user + "@" + caller.domain + " to " + dialled.user + " refused: " +
                       (plan.isFull ? "all lines of its gateways are in use" : "no gateway is for this user") +
                       " [CID: " + std::string(message.callId()) + "]");
            return plan.isFull ? message.reject(kFull, "All Lines Busy") : message.reject(403);
        }
        if (!plan.isChanged) {
            return Verdict::Continue;
        }
        const auto verdict =
            message.retarget(gateway::uriOf(host_, schemeOf(message), plan.address.user, plan.address.domain));
        return verdict == Verdict::Failed ? undiallable(message, plan.address.toString()) : verdict;
    }

    /// TLS all the way if that is what was dialled (RFC 3261 §26.2.2).
    [[nodiscard]] static std::string_view schemeOf(const Message& message) {
        return message.uri(At::RequestUri, Part::Scheme) == "sips" ? "sips" : "sip";
    }

    /// What routes and rules have made of it.
    Verdict undiallable(Message& message, const std::string& number) const {
        host_.warning("plugin_gateway: " + number + " cannot be dialled [CID: " + std::string(message.callId()) + "]");
        return message.reject(404);
    }

    Verdict incoming(Message& message, const Settings& settings) {
        const std::string number(orEmpty(message.uri(At::To, Part::UserPlain)));
        const auto refuse = [&](int status, const char* reason, const std::string& why) {
            host_.info("call of gateway " + settings.title + " for " + number + " refused: " + why +
                       " [CID: " + std::string(message.callId()) + "]");
            return message.reject(status, reason);
        };
        if (settings.incoming.empty() || !settings.active) {
            return refuse(480, nullptr, settings.active ? "nobody is to be called from there (plugin_gateway_incoming)"
                                                        : "it is not active");
        }
        if (isFull(settings)) {
            return refuse(kFull, "All Lines Busy", "all of its lines are in use");
        }
        const std::string here(orEmpty(message.uri(At::RequestUri, Part::Host)));
        std::vector<Target> targets;
        for (const auto& user : settings.incoming) {
            auto& target = targets.emplace_back();
            target.aor = "sip:" + (user.find('@') == std::string::npos ? user + "@" + bracketed(here) : user);
            target.label = settings.title;
            target.user = settings.user;
            target.password = settings.password;
            target.realm = settings.realm;
            target.dial = true;  // other plugins may have something to say about that user
        }
        const auto verdict = message.retarget(targets);
        if (verdict == Verdict::Failed) {
            return refuse(404, nullptr, "none of its users can be called (plugin_gateway_incoming)");
        }
        expected_ = {std::string(message.callId()), settings.title};
        return verdict;
    }

    /// A call that we have let in a moment ago takes one of the gateway's lines.
    int started(const siproxd_call& call) {
        if (!expected_.first.empty() && expected_.first == call.call_id) {
            lines_.take(call.id, expected_.second, InUse::Way::From);
        }
        expected_ = {};
        return 0;
    }

    int tries(const siproxd_call& call) {
        const auto* settings = call.label == nullptr ? nullptr : configuration_.byTitle(call.label);
        if (settings == nullptr) {
            return 0;
        }
        if (isFull(*settings)) {
            host_.info("gateway " + settings->title + " is skipped: all of its lines are in use [CID: " +
                       std::string(call.call_id) + "]");
            return 1;
        }
        lines_.take(call.id, settings->title);
        return 0;
    }

    Host host_;
    const Configuration configuration_;
    std::map<std::string, std::unique_ptr<Registration>, std::less<>> registrations_;  ///< by title
    InUse lines_;                                                                      ///< likewise
    std::pair<std::string, std::string> expected_;  ///< Call-ID and title of a call that is about to begin
};

}  // namespace

SIPROXD_PLUGIN(plugin_gateway, GatewayPlugin)
