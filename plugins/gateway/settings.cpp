// SPDX-License-Identifier: GPL-2.0-or-later
#include "settings.h"

#include <algorithm>
#include <functional>
#include <map>

namespace gateway {

using siproxd::api::Complaints;
using siproxd::api::equals;
using siproxd::api::Host;
using siproxd::api::listOf;
using siproxd::api::OptionLine;
using siproxd::api::Part;
using siproxd::api::readFlag;
using siproxd::api::readNumber;

namespace {

/// What is said of one gateway before it is complete.
struct Draft {
    Settings settings;
    OptionLine title;
    std::optional<OptionLine> user;  ///< that the user part of its addresses is from
    std::optional<OptionLine> prefix;
    std::optional<OptionLine> replacement;
};

/// A setter gives the complaint; empty: none.
using Setter = std::function<std::string(Draft&, const OptionLine&)>;

std::string host(const Host& siproxd, std::string& into, std::string_view text) {
    const auto uri = siproxd.uri("sip:" + std::string(text));
    if (!uri || uri->part(Part::User)) {
        return "host[:port][;transport=tcp|tls] is needed";
    }
    into = text;
    return "";
}

std::map<std::string, Setter, std::less<>> setters(const Host& siproxd) {
    constexpr std::uint32_t kDay = 86'400;
    return {
        {"active", [](Draft& d, const auto& l) { return readFlag(d.settings.active, l.value); }},
        {"server", [siproxd](Draft& d, const auto& l) { return host(siproxd, d.settings.server, l.value); }},
        {"proxy", [siproxd](Draft& d, const auto& l) { return host(siproxd, d.settings.proxy, l.value); }},
        {"domain", [siproxd](Draft& d, const auto& l) { return host(siproxd, d.settings.domain, l.value); }},
        {"username", [](Draft& d, const auto& l) { d.settings.user = l.value; d.user = d.user ? d.user : l; return std::string(); }},
        {"account", [](Draft& d, const auto& l) { d.settings.account = l.value; d.user = l; return std::string(); }},
        {"password", [](Draft& d, const auto& l) { d.settings.password = l.value; return std::string(); }},
        {"realm", [](Draft& d, const auto& l) { d.settings.realm = l.value; return std::string(); }},
        {"expires", [](Draft& d, const auto& l) { return readNumber(d.settings.expires, l.value, 0, kDay); }},
        {"ping", [](Draft& d, const auto& l) { return readNumber(d.settings.ping, l.value, 0, kDay); }},
        {"max_calls", [](Draft& d, const auto& l) { return readNumber(d.settings.maxCalls, l.value, 0, 100'000); }},
        {"rewrite_from", [](Draft& d, const auto& l) { return readFlag(d.settings.rewriteFrom, l.value); }},
        {"rewrite_to", [](Draft& d, const auto& l) { return readFlag(d.settings.rewriteTo, l.value); }},
        {"prefix", [](Draft& d, const auto& l) { d.prefix = l; return std::string(); }},
        {"replace", [](Draft& d, const auto& l) { d.replacement = l; return std::string(); }},
        {"allowed", [](Draft& d, const auto& l) { std::ranges::move(listOf(l.value), std::back_inserter(d.settings.allowed)); return std::string(); }},
        {"incoming", [](Draft& d, const auto& l) { std::ranges::move(listOf(l.value), std::back_inserter(d.settings.incoming)); return std::string(); }},
    };
}

/// Says what is missing.
void complete(const Host& siproxd, Draft& draft, Complaints& complaints) {
    auto& settings = draft.settings;
    if (settings.server.empty()) {
        complaints.add(draft.title, "it has no plugin_gateway_server");
    }
    if (settings.domain.empty()) {
        settings.domain = settings.hostOfServer();
    }
    if (settings.account.empty()) {
        settings.account = settings.user;
    }
    if (settings.account.empty()) {
        settings.expires = 0;
    } else if (!settings.domain.empty()) {
        const auto uri = siproxd.uri(settings.address());
        if (!uri || uri->part(Part::User) != settings.account) {
            complaints.add(*draft.user, settings.address() + " is no SIP address: a plugin_gateway_account is needed");
        }
    }
    if (draft.prefix || draft.replacement) {
        std::string why;
        settings.rule = NumberRule::parse(draft.prefix ? draft.prefix->value : "",
                                          draft.replacement ? draft.replacement->value : "", why);
        if (!settings.rule) {
            complaints.add(draft.replacement ? *draft.replacement : *draft.prefix, why);
        }
    }
}

}  // namespace

std::string Settings::hostOfServer() const {
    // An IPv6 address has colons in brackets.
    const auto end = server.find_first_of(";:", server.starts_with('[') ? server.find(']') : 0);
    return server.substr(0, end);
}

std::string Settings::nextHop() const {
    return "sip:" + (proxy.empty() ? server : proxy);
}

bool Settings::allows(std::string_view caller, std::string_view callerDomain) const {
    return allowed.empty() || std::ranges::any_of(allowed, [&](std::string_view entry) {
               const auto at = entry.find('@');
               if (at == std::string_view::npos) {
                   return entry == caller;
               }
               return (at == 0 || entry.substr(0, at) == caller) &&
                      equals(entry.substr(at + 1), callerDomain);
           });
}

std::string uriOf(const Host& siproxd, std::string_view scheme, std::string_view user, const std::string& place) {
    auto uri = siproxd.uri(std::string(scheme) + ":" + place);
    return uri && uri->set(Part::UserPlain, user) ? uri->toString() : "";
}

std::optional<Configuration> Configuration::read(const Host& siproxd) {
    Configuration configuration;
    const auto known = setters(siproxd);
    std::vector<Draft> drafts;
    Complaints complaints(siproxd);
    for (const auto& line : siproxd.lines()) {
        if (line.name == "title") {
            const bool isTwice = std::ranges::any_of(drafts, [&](const Draft& other) {
                return equals(other.settings.title, line.value);
            });
            complaints.add(line, line.value.empty() ? "a gateway needs a title"
                           : isTwice          ? "there is a gateway with that title already"
                                              : "");
            Draft draft;
            draft.settings.title = line.value;
            draft.title = line;
            drafts.push_back(std::move(draft));
        } else if (line.name == "route") {
            std::string why;
            if (auto route = Route::parse(line.value, why)) {
                configuration.routes.push_back(std::move(*route));
            } else {
                complaints.add(line, why);
            }
        } else if (line.name == "select") {
            complaints.add(line, line.value == "order" || line.value == "least" ? "" : "order or least is needed");
            configuration.leastLoaded = line.value == "least";
        } else if (const auto setter = known.find(line.name); setter != known.end()) {
            complaints.add(line, drafts.empty() ? "a plugin_gateway_title has to come before"
                                          : setter->second(drafts.back(), line));
        }
    }
    for (auto& draft : drafts) {
        complete(siproxd, draft, complaints);
        configuration.gateways.push_back(std::move(draft.settings));
    }
    return complaints.isEmpty() ? std::optional(std::move(configuration)) : std::nullopt;
}

const Settings* Configuration::byTitle(std::string_view title) const {
    const auto found = std::ranges::find_if(gateways, [title](const Settings& settings) {
        return equals(settings.title, title);
    });
    return found == gateways.end() ? nullptr : &*found;
}

}  // namespace gateway
