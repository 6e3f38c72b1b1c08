// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/policy.h"
#include "app/application.h"
#include "app/console.h"
#include "app/interface_watch.h"
#include "app/name_watch.h"
#include "app/nft_runner.h"
#include "app/outlet.h"
#include "app/process.h"
#include "app/reading.h"
#include "app/user_file.h"
#include "base/file.h"
#include "base/random.h"
#include "base/result.h"
#include "base/worker.h"
#include "config/load.h"
#include "dns/cares_resolver.h"
#include "dns/dead_servers.h"
#include "dns/locator.h"
#include "event/loop.h"
#include "media/kernel_relay.h"
#include "media/relay.h"
#include "net/tls_context.h"
#include "plugin/chain.h"
#include "proxy/plugin_services.h"
#include "proxy/proxy.h"
#include "registrar/contact_alias.h"
#include "registrar/location_table.h"
#include "registrar/store.h"
#include "transport/transports.h"

namespace siproxd::app {

/// Takes what it needs out of `access`.
[[nodiscard]] proxy::Options proxyOptions(const config::Settings& settings, AccessOptions& access);

/// All objects of the daemon.
struct Application::Impl {
    Impl(Options given, config::Settings read, std::string file)
        : commandLine(std::move(given)), settings(std::move(read)), configFile(std::move(file)) {}

    // The start, in application.cpp.
    base::Result<void> openInterfaces();
    base::Result<void> openLoop();
    [[nodiscard]] media::RelaySettings relaySettings() const;
    base::Result<void> openKernelRelay();
    base::Result<void> openMedia();
    base::Result<void> openSockets();
    base::Result<void> dropPrivileges();
    void openProxy(AccessOptions access);
    void openStore();
    void openConsole();
    void watchSignals();
    void tick();
    void logStatistics() const;

    // What changes, in reload.cpp.
    void reload();
    void take(Reading reading);
    void takeNetwork(base::Result<net::TlsContext> certificates,
                     std::span<const std::string_view> changed);
    void readdress();
    void watchMedia();
    [[nodiscard]] transport::Transports::Change listen();
    void listenAgain();
    void watchPublicName();
    void watchNames();
    void resolveInLists(const std::string& name, const dns::Addresses& found);
    void watchUsers(const base::FileIdentity& known);

    Options commandLine;
    config::Settings settings;
    std::string configFile;
    std::optional<Identity> identity;
    std::optional<net::TlsContext> tls;  ///< until the transports have it
    std::string announcedHost;           ///< host_outbound, to see when it changes
    dns::Addresses announced;            ///< its addresses, when it is a name
    std::optional<base::IpAddress> learned;  ///< what a plugin has found out about us; goes before host_outbound
    proxy::Addresses addresses;
    bool listensEverywhere = false;
    base::SystemRandom random;
    Outlet outlet;

    // Destroyed from the last to the first.
    std::unique_ptr<event::Loop> loop;
    std::unique_ptr<InterfaceWatch> interfaces;
    std::unique_ptr<dns::CaresResolver> resolver;
    std::unique_ptr<dns::DeadServers> dead;
    std::unique_ptr<dns::Locator> locator;
    base::ThreadWorker kernelWorker;
    std::unique_ptr<media::KernelRelay> kernelRelay;
    std::unique_ptr<media::Relay> relay;
    std::unique_ptr<plugin::Chain> chain;
    std::unique_ptr<registrar::LocationTable> locations;
    std::unique_ptr<registrar::ContactAliases> aliases;
    std::unique_ptr<registrar::RegistrationStore> store;
    std::unique_ptr<PidFile> pidFile;
    std::unique_ptr<proxy::Proxy> proxy;
    std::unique_ptr<proxy::PluginServices> services;
    std::unique_ptr<transport::Transports> transports;
    std::unique_ptr<Console> console;
    std::unique_ptr<NameWatch> publicName;
    std::map<std::string, dns::Addresses> listAddresses;  ///< last known, of names in lists
    std::unique_ptr<NameWatch> listNames;
    std::unique_ptr<NftRunner> nft;
    std::unique_ptr<UserFile> userFile;
    std::unique_ptr<event::Timer> ticker;
    std::vector<std::unique_ptr<event::Watch>> signals;
    bool isReading = false;       ///< SIGHUP has come and the files are being read
    bool hasToReadAgain = false;  ///< another one since
    base::ThreadWorker reader;
};

}  // namespace siproxd::app
