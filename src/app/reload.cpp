// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/access_options.h"
#include "app/application_impl.h"
#include "app/local_addresses.h"
#include "app/module_settings.h"
#include "base/log.h"
#include "config/reload.h"

namespace siproxd::app {

proxy::Options proxyOptions(const config::Settings& settings, AccessOptions& access) {
    proxy::Options options;
    options.gate = std::move(access.gate);
    options.nat = std::move(access.nat);
    options.registrar = registrarOptions(settings);
    options.proxy = settings.proxy;
    options.defaultExpires = settings.registrar.defaultExpires;
    options.maskedHosts = settings.registrar.maskedHosts;
    return options;
}

void Application::Impl::reload() {
    if (isReading) {
        hasToReadAgain = true;
        return;
    }
    isReading = true;
    // Disks may take their time, and calls go on meanwhile.
    reader.start([this, file = configFile, given = commandLine] {
        auto reading = std::make_shared<Reading>(Reading::of(file, given));
        loop->post([this, reading] {
            isReading = false;
            take(std::move(*reading));
            if (std::exchange(hasToReadAgain, false)) {
                reload();
            }
        });
    });
}

void Application::Impl::take(Reading reading) {
    auto& [fresh, access, certificates, passwords] = reading;
    for (const auto& problem : fresh.problems) {
        log::warning("{}", problem.toString());
    }
    if (!fresh.ok() || !access) {
        log::error("configuration is not reloaded: {}",
                   access ? "it has errors" : access.error().message);
        return;
    }
    auto merged = config::reload(settings, fresh.settings);
    settings = std::move(merged.settings);
    for (const auto key : merged.needRestart) {
        log::warning("{} has changed in {} but needs a restart", key, configFile);
    }
    auto options = proxyOptions(settings, *access);
    proxy->setPolicy(std::move(access->policy));
    proxy->setOptions(std::move(options));
    watchUsers(passwords);
    if (store) {
        store->setAutosave(settings.registrar.autosaveRegistrations);
    }
    log::adjust(settings.log.silenceLog, settings.log.debugLevel);
    if (console) {
        console->setDebugClasses(settings.log.debugLevel);
    }
    takeNetwork(std::move(certificates), merged.changed);
    watchNames();
    log::info("configuration reloaded from {}, {} directives have changed", configFile,
              merged.changed.size());
}

void Application::Impl::takeNetwork(base::Result<net::TlsContext> certificates,
                                    std::span<const std::string_view> changed) {
    if (certificates) {
        transports->setTls(std::move(*certificates));
    } else {
        log::error("certificates stay as they are: {}", certificates.error().message);
    }
    transports->configure(streamSettings(settings));
    listenAgain();
    // Not without need: in a jail there may be no resolv.conf to read again.
    if (std::ranges::any_of(changed, [](std::string_view key) { return key.starts_with("dns_"); })) {
        auto wanted = readResolver(settings);
        const auto taken = wanted ? resolver->setSettings(std::move(*wanted))
                                  : base::Result<void>(std::unexpected(wanted.error()));
        if (!taken) {
            log::error("name servers stay as they are: {}", taken.error().message);
        }
    }
    if (settings.network.hostOutbound != announcedHost) {
        announced.clear();
        announcedHost = settings.network.hostOutbound;
    }
    if (auto selection = readSelection(settings)) {
        interfaces->select(std::move(*selection));
    } else {
        log::error("interfaces stay as they are: {}", selection.error().message);
    }
    readdress();
}

void Application::Impl::readdress() {
    auto fresh = localAddresses(interfaces->selected(), settings, announced, learned);
    if (fresh == addresses) {
        return;
    }
    const bool moved = fresh.local() != addresses.local();
    addresses = std::move(fresh);
    if (moved) {
        listenAgain();
        openConsole();
        resolver->networkChanged();
        dead->clear();
    }
    proxy->setAddresses(addresses);
}

transport::Transports::Change Application::Impl::listen() {
    auto wanted = addresses.local();
    // Redirecting firewall rules and programs on this machine use them.
    for (const auto* loopback : {"127.0.0.1", "::1"}) {
        if (const auto ip = *base::IpAddress::parse(loopback);
            std::ranges::find(wanted, ip) == wanted.end()) {
            wanted.push_back(ip);
        }
    }
    auto change = transports->listenOn(wanted);
    // They are not worth failing for.
    std::erase_if(change.failed, [this](const auto& failure) {
        const auto& ip = failure.place.address.ip;
        const bool unwanted = ip.isLoopback() && addresses.at(proxy::Side::Inside, ip) == nullptr &&
                              addresses.at(proxy::Side::Outside, ip) == nullptr;
        if (unwanted) {
            log::debug(log::Class::Net, "{}", failure.error.message);
        }
        return unwanted;
    });
    listensEverywhere = change.failed.empty();
    return change;
}

void Application::Impl::listenAgain() {
    const auto change = listen();
    for (const auto& place : change.opened) {
        log::debug(log::Class::Net, "listening on {}", place.toString());
    }
    for (const auto& place : change.closed) {
        log::debug(log::Class::Net, "no longer listening on {}", place.toString());
    }
    for (const auto& failure : change.failed) {
        log::warningFromPeer("{}, will be tried again", failure.error.message);
    }
}

void Application::Impl::watchPublicName() {
    publicName.reset();
    const auto& host = settings.network.hostOutbound;
    if (!host.empty() && !base::IpAddress::parse(host)) {
        publicName = std::make_unique<NameWatch>(
            *loop, *resolver, std::vector<std::string>{host},
            [this](const std::string& name, const dns::Addresses& found) {
                if (found != announced) {
                    log::info("{} is {}", name, found.front().toString());
                    announced = found;
                    readdress();
                }
            });
    }
}

void Application::Impl::watchNames() {
    watchPublicName();
    std::set<std::string> names;
    for (const auto* list : proxy->lists()) {
        const auto ofList = list->names();
        names.insert(ofList.begin(), ofList.end());
    }
    // What is known of names counts until there is news: a reload shuts nobody out.
    std::erase_if(listAddresses, [&](const auto& known) { return !names.contains(known.first); });
    for (const auto& [name, known] : listAddresses) {
        resolveInLists(name, known);
    }
    listNames = std::make_unique<NameWatch>(
        *loop, *resolver, std::vector<std::string>(names.begin(), names.end()),
        [this](const std::string& name, const dns::Addresses& found) {
            listAddresses[name] = found;
            resolveInLists(name, found);
        });
}

void Application::Impl::resolveInLists(const std::string& name, const dns::Addresses& found) {
    for (auto* list : proxy->lists()) {
        list->resolve(name, found);
    }
    proxy->listsResolved();
}

void Application::Impl::watchUsers(const base::FileIdentity& known) {
    const auto& access = settings.access;
    userFile->follow(access.proxyAuthRealm.empty() ? "" : access.proxyAuthPwfile,
                     access.proxyAuthRealm, known);
}

}  // namespace siproxd::app
