// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/access_options.h"

#include <fmt/core.h>

#include "access/nft_export.h"
#include "base/log.h"
#include "base/text.h"

namespace siproxd::app {

namespace {

constexpr float kBurst = 4;           // seconds of request_rate at once
constexpr float kRegisterBurst = 10;  // seconds of register_rate
constexpr int kUnprovenShare = 12;    // of ban_time

/// Collects errors, so that all of them are told.
class Problems {
public:
    void add(const config::Origin& origin, std::string_view directive, std::string_view what) {
        add(fmt::format("{}: {}: {}", origin.toString(), directive, what));
    }
    void add(std::string text) { text_ += (text_.empty() ? "" : "\n") + std::move(text); }
    [[nodiscard]] bool any() const { return !text_.empty(); }
    [[nodiscard]] base::Error error() const { return base::Error{text_}; }

private:
    std::string text_;
};

access::AddressList readList(std::string_view directive, const config::LocatedText& text,
                             Problems& problems) {
    auto list = access::AddressList::load(text.text);
    if (!list) {
        problems.add(text.origin, directive, list.error().message);
        return {};
    }
    for (const auto& exclusion : list->idleExclusions()) {
        log::warning("{}: {}: {} takes nothing out, for no entry stands before it",
                     text.origin.toString(), directive, base::printable(exclusion));
    }
    return std::move(*list);
}

access::FloodGuard::Options floodOptions(const config::AccessSettings& access) {
    access::FloodGuard::Options options;
    const auto set = [&](access::Conduct conduct, unsigned rate, float burst) {
        const auto perSecond = static_cast<float>(rate);
        options.rates[static_cast<std::size_t>(conduct)] = {perSecond, perSecond * burst};
    };
    set(access::Conduct::Request, access.requestRate, kBurst);
    set(access::Conduct::Register, access.registerRate, kRegisterBurst);
    options.banFor = access.banTime;
    options.banUnprovenFor = access.banTime / kUnprovenShare;
    return options;
}

access::RelayRules relayRules(const config::AccessSettings& access, Problems& problems) {
    using Anonymous = access::RelayRules::Anonymous;
    return {.relayNetworks = readList("relay_networks", access.relayNetworks, problems),
            .trunkNetworks = readList("trunk_networks", access.trunkNetworks, problems),
            .anonymous = access.anonymousCalls ? Anonymous::Registered : Anonymous::Nothing,
            .authenticateCalls = access.proxyAuthCalls,
            .usersOutside = access.usersOutside};
}

}  // namespace

base::Result<access::Policy> readPolicy(const config::AccessSettings& settings) {
    Problems problems;
    access::Policy policy{readList("hosts_allow_reg", settings.hostsAllowReg, problems),
                          readList("hosts_allow_sip", settings.hostsAllowSip, problems),
                          readList("hosts_deny_sip", settings.hostsDenySip, problems)};
    if (problems.any()) {
        return std::unexpected(problems.error());
    }
    return policy;
}

base::Result<access::Users> readUsers(const config::Settings& settings) {
    const auto& access = settings.access;
    if (!access.proxyAuthPwfile.empty()) {
        auto users = access::Users::readFile(access.proxyAuthPwfile, access.proxyAuthRealm);
        if (!users) {
            return base::fail(fmt::format("{}: proxy_auth_pwfile: {}",
                                          settings.where("proxy_auth_pwfile"),
                                          users.error().message));
        }
        return users;
    }
    if (!access.proxyAuthPasswd.empty()) {
        return access::Users::withOnePassword(access.proxyAuthRealm, access.proxyAuthPasswd);
    }
    log::warning("{}: proxy_auth_realm is set, but neither proxy_auth_pwfile nor "
                 "proxy_auth_passwd: nobody can register",
                 settings.where("proxy_auth_realm"));
    return access::Users{};
}

base::Result<proxy::Gate::Options> readGate(const config::Settings& settings) {
    const auto& access = settings.access;
    Problems problems;
    proxy::Gate::Options options;
    options.rules = relayRules(access, problems);
    options.trusted = readList("trusted_networks", access.trustedNetworks, problems);
    options.scanners = access::ScannerSignatures::builtIn();
    for (const auto& signature : access.scannerSignature) {
        if (const auto added = options.scanners.add(signature.text); !added) {
            problems.add(signature.origin, "scanner_signature", added.error().message);
        }
    }
    options.floodGuard = access.floodGuard;
    options.flood = floodOptions(access);
    options.limits = {.total = access.maxCalls,
                      .perUser = access.maxCallsPerUser,
                      .perSource = access.maxCallsPerSource};
    options.authentication.realm = access.proxyAuthRealm;
    options.authentication.nonceLife = access.proxyAuthNonceLife;
    options.authentication.mostTries = access.proxyAuthTries;
    if (!access.proxyAuthRealm.empty()) {
        auto users = readUsers(settings);
        if (users) {
            options.users = std::move(*users);
        } else {
            problems.add(users.error().message);
        }
    }
    for (const auto& [key, on] : {std::pair{"proxy_auth_calls", access.proxyAuthCalls},
                                  std::pair{"users_outside", access.usersOutside}}) {
        if (on && access.proxyAuthRealm.empty()) {
            problems.add(fmt::format("{}: {} needs proxy_auth_realm", settings.where(key), key));
        }
    }
    if (!access.nftSet.empty()) {
        if (const auto set = access::NftExport::parse(access.nftSet.text); !set) {
            problems.add(access.nftSet.origin, "nft_set", set.error().message);
        }
    }
    if (problems.any()) {
        return std::unexpected(problems.error());
    }
    return options;
}

proxy::LocalRegistrar::Options registrarOptions(const config::Settings& settings) {
    const auto& registrar = settings.registrar;
    proxy::LocalRegistrar::Options options;
    for (const auto& line : registrar.localDomains) {
        for (const auto domain : base::split(line, ',')) {
            if (const auto name = base::trim(domain); !name.empty()) {
                options.domains.emplace_back(name);
            }
        }
    }
    for (const auto& pair : registrar.maskedHosts) {
        options.domains.push_back(pair.maskHost);
        options.domains.push_back(pair.maskedHost);
    }
    options.defaultExpires = registrar.defaultExpires;
    options.minExpires = registrar.minExpires;
    options.maxExpires = registrar.maxExpires;
    return options;
}

base::Result<proxy::NatKeeper::Options> readNat(const config::Settings& settings) {
    const auto& registrar = settings.registrar;
    Problems problems;
    proxy::NatKeeper::Options options;
    options.networks = readList("nat_networks", registrar.natNetworks, problems);
    options.interval = registrar.natKeepalive;
    const auto& method = registrar.natKeepaliveMethod;
    options.method = method == "options" ? proxy::NatKeeper::Method::Options
                     : method == "empty" ? proxy::NatKeeper::Method::Empty
                                         : proxy::NatKeeper::Method::Crlf;
    if (problems.any()) {
        return std::unexpected(problems.error());
    }
    return options;
}

}  // namespace siproxd::app
