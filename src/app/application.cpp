// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/application.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>

#include "access/nft_export.h"
#include "app/access_options.h"
#include "app/console.h"
#include "app/firewall_text.h"
#include "app/interface_watch.h"
#include "app/local_addresses.h"
#include "app/module_settings.h"
#include "app/name_watch.h"
#include "app/nft_runner.h"
#include "app/outlet.h"
#include "app/user_file.h"
#include "app/version.h"
#include "base/log.h"
#include "base/worker.h"
#include "config/load.h"
#include "config/reload.h"
#include "dns/cares_resolver.h"
#include "dns/dead_servers.h"
#include "dns/locator.h"
#include "event/loop.h"
#include "media/relay.h"
#include "plugin/chain.h"
#include "proxy/proxy.h"
#include "registrar/contact_alias.h"
#include "registrar/location_table.h"
#include "registrar/store.h"
#include "transport/transports.h"

namespace siproxd::app {

namespace {

constexpr std::chrono::seconds kTick{5};

/// Descriptors for everything but media and connections: sockets, files, debug clients, name servers.
constexpr std::size_t kOtherDescriptors = 256;

/// What settles access, with all of its errors.
struct AccessOptions {
    access::Policy policy;
    proxy::Gate::Options gate;
    proxy::NatKeeper::Options nat;
};

base::Result<AccessOptions> readAccess(const config::Settings& settings) {
    auto policy = readPolicy(settings.access);
    auto gate = readGate(settings);
    auto nat = readNat(settings);
    std::string errors;
    for (const auto* error : {policy ? nullptr : &policy.error(), gate ? nullptr : &gate.error(),
                              nat ? nullptr : &nat.error()}) {
        if (error != nullptr) {
            errors += (errors.empty() ? "" : "\n") + error->message;
        }
    }
    if (!errors.empty()) {
        return base::fail(errors);
    }
    return AccessOptions{std::move(*policy), std::move(*gate), std::move(*nat)};
}

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

/// What a reload reads from files.
struct Reading {
    config::LoadResult fresh;
    base::Result<AccessOptions> access;
    base::Result<net::TlsContext> certificates;

    static Reading of(const std::string& file, const std::vector<std::string>& overrides) {
        auto fresh = file.empty() ? config::read("", "", overrides) : config::load(file, overrides);
        auto access = readAccess(fresh.settings);
        auto certificates = readTls(fresh.settings);
        return {std::move(fresh), std::move(access), std::move(certificates)};
    }
};

}  // namespace

base::Result<void> checkAccess(const config::Settings& settings) {
    const auto read = readAccess(settings);
    return read ? base::Result<void>{} : std::unexpected(read.error());
}

struct Application::Impl {
    Impl(config::Settings read, std::string file)
        : settings(std::move(read)), configFile(std::move(file)) {}

    base::Result<void> openInterfaces();
    base::Result<void> openLoop();
    void allowDescriptors(std::size_t media) const;
    base::Result<void> openMedia();
    base::Result<void> openSockets();
    base::Result<void> dropPrivileges();
    void openProxy(AccessOptions access);
    void watchUsers();
    void openStore();
    void openConsole();
    [[nodiscard]] transport::Transports::Change listen();
    void listenAgain();
    void watchPublicName();
    void watchNames();
    void watchSignals();
    void tick();
    void reload();
    void take(Reading reading);
    void takeNetwork(base::Result<net::TlsContext> certificates,
                     std::span<const std::string_view> changed);
    void readdress();
    void logStatistics() const;

    config::Settings settings;
    std::string configFile;
    std::vector<std::string> overrides;  ///< of the command line
    std::optional<Identity> identity;
    std::optional<net::TlsContext> tls;  ///< until the transports have it
    std::string announcedHost;           ///< host_outbound, to see when it changes
    dns::Addresses announced;            ///< its addresses, when it is a name
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
    std::unique_ptr<media::Relay> relay;
    std::unique_ptr<plugin::Chain> chain;
    std::unique_ptr<registrar::LocationTable> locations;
    std::unique_ptr<registrar::ContactAliases> aliases;
    std::unique_ptr<registrar::RegistrationStore> store;
    std::unique_ptr<PidFile> pidFile;
    std::unique_ptr<proxy::Proxy> proxy;
    std::unique_ptr<transport::Transports> transports;
    std::unique_ptr<Console> console;
    std::unique_ptr<NameWatch> publicName;
    std::unique_ptr<NameWatch> listNames;
    std::unique_ptr<NftRunner> nft;
    std::unique_ptr<UserFile> userFile;
    std::unique_ptr<event::Timer> ticker;
    std::vector<std::unique_ptr<event::Watch>> signals;
    bool isReading = false;       ///< SIGHUP has come and the files are being read
    bool hasToReadAgain = false;  ///< another one since
    base::ThreadWorker reader;
};

base::Result<void> Application::Impl::openLoop() {
    auto made = event::makeLoop();
    if (!made) {
        return std::unexpected(made.error());
    }
    loop = std::move(*made);
    auto resolverSettings = readResolver(settings);
    if (!resolverSettings) {
        return std::unexpected(resolverSettings.error());
    }
    auto cares = dns::makeCaresResolver(*loop, std::move(*resolverSettings));
    if (!cares) {
        return std::unexpected(cares.error());
    }
    resolver = std::move(*cares);
    dead = std::make_unique<dns::DeadServers>(*loop);
    locator = dns::makeLocator(*loop, *resolver, *dead, random);
    return {};
}

base::Result<void> Application::Impl::openInterfaces() {
    auto selection = readSelection(settings);
    if (!selection) {
        return std::unexpected(selection.error());
    }
    auto table = net::InterfaceTable::read();
    if (!table) {
        return std::unexpected(table.error());
    }
    interfaces = std::make_unique<InterfaceWatch>(std::move(*selection), std::move(*table));
    addresses = localAddresses(interfaces->selected(), settings);
    return {};
}

void Application::Impl::allowDescriptors(std::size_t media) const {
    const auto wanted = media + settings.network.tcpMaxConnections + kOtherDescriptors;
    if (const auto raised = raiseDescriptorLimit(wanted); !raised) {
        log::warning("not all relay ports and tcp_max_connections can be used at once: {}",
                     raised.error().message);
    }
}

base::Result<void> Application::Impl::openMedia() {
    if (!settings.media.rtpProxyEnable) {
        log::info("rtp_proxy_enable = 0: media is not relayed and SDP is not rewritten");
        allowDescriptors(0);
        return {};
    }
    media::RelaySettings relaySettings;
    relaySettings.portLow = settings.media.rtpPortLow;
    // The setting is the last RTP port, the relay wants the last port of all.
    relaySettings.portHigh = static_cast<std::uint16_t>(settings.media.rtpPortHigh + 1);
    relaySettings.rtpTimeout = settings.media.rtpTimeout;
    relaySettings.dscp = settings.media.rtpDscp;
    relaySettings.threadStackKb = static_cast<unsigned>(settings.media.threadStackSize);
    allowDescriptors(media::descriptorsNeeded(relaySettings));
    auto made = media::Relay::create(relaySettings, *loop, random);
    if (!made) {
        return std::unexpected(made.error());
    }
    relay = std::move(*made);
    return {};
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

base::Result<void> Application::Impl::openSockets() {
    transport::Transports::Settings sockets;
    sockets.udp.dscp = settings.network.sipDscp;
    sockets.stream = streamSettings(settings);
    sockets.port = addresses.port;
    sockets.tlsPort = addresses.tlsPort;
    transports = std::make_unique<transport::Transports>(
        *loop, *proxy, sockets,
        [this](const base::IpAddress& ip) { return addresses.isOurs(ip); });
    transports->setTls(std::move(*std::exchange(tls, std::nullopt)));
    outlet.open(*transports);
    if (const auto change = listen(); !change.failed.empty()) {
        return base::fail("unable to bind to SIP listening socket - aborting: " +
                          change.failed.front().error.message);
    }
    log::info("bound to port {}", addresses.port);
    return {};
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

void Application::Impl::openStore() {
    locations = std::make_unique<registrar::LocationTable>(*loop, random);
    aliases = std::make_unique<registrar::ContactAliases>(*loop, random);
    if (settings.registrar.registrationFile.empty()) {
        return;
    }
    registrar::RegistrationStore::Options options;
    options.path = settings.registrar.registrationFile;
    options.autosave = settings.registrar.autosaveRegistrations;
    store = std::make_unique<registrar::RegistrationStore>(*loop, *locations, options);
    if (const auto count = store->load(); count > 0) {
        log::info("{} registrations loaded from {}", count, options.path);
    }
}

void Application::Impl::openProxy(AccessOptions access) {
    auto options = proxyOptions(settings, access);
    proxy = std::make_unique<proxy::Proxy>(
        proxy::Parts{*loop, random, outlet, &outlet, *locator, *dead, *locations, *aliases,
                     relay.get(), *chain},
        std::move(options), addresses, std::move(access.policy));
    watchUsers();
    if (!settings.access.nftSet.empty()) {
        if (auto set = access::NftExport::parse(settings.access.nftSet.text)) {
            nft = std::make_unique<NftRunner>(*loop, std::move(*set),
                                              proxy->gate().guard().banList());
        }
    }
}

void Application::Impl::watchUsers() {
    const auto& access = settings.access;
    userFile.reset();
    if (!access.proxyAuthRealm.empty() && !access.proxyAuthPwfile.empty()) {
        userFile = std::make_unique<UserFile>(
            *loop, access.proxyAuthPwfile, access.proxyAuthRealm,
            [this](access::Users users) { proxy->gate().setUsers(std::move(users)); });
    }
}

void Application::Impl::openConsole() {
    const auto* inside = addresses.first(proxy::Side::Inside);
    const auto bind = settings.log.debugBind ? settings.log.debugBind
                      : inside != nullptr    ? inside->ip
                                             : base::IpAddress();
    const base::SocketAddress address{bind, settings.log.debugPort};
    if (!address || (console && console->address() == address)) {
        return;
    }
    console.reset();
    auto opened = Console::listen(*loop, address, settings.log.debugLevel);
    if (!opened) {
        log::warning("{}", opened.error().message);
        return;
    }
    console = std::move(*opened);
    log::info("debug port is {}", address.toString());
}

base::Result<void> Application::Impl::dropPrivileges() {
    const auto& process = settings.process;
    const bool root = ::geteuid() == 0;
    if (!root) {
        if (!process.chrootjail.empty()) {
            return base::fail("chrootjail needs siproxd to be started by root");
        }
        if (!process.user.empty()) {
            log::debug(log::Class::Config, "not started by root: user = {} has no effect",
                       process.user);
        }
    }
    if (!process.chrootjail.empty()) {
        if (auto entered = enterJail(process.chrootjail); !entered) {
            return entered;
        }
    }
    pidFile = std::make_unique<PidFile>(process.pidFile, root ? identity : std::nullopt);
    allowRealTimePriority();
    if (root && identity) {
        prepareStateFile(settings.registrar.registrationFile, *identity);
        return becomeUser(*identity);
    }
    return {};
}

void Application::Impl::readdress() {
    auto fresh = localAddresses(interfaces->selected(), settings, announced);
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
    std::vector<std::string> names;
    for (const auto* list : proxy->lists()) {
        for (auto& name : list->names()) {
            names.push_back(std::move(name));
        }
    }
    listNames = std::make_unique<NameWatch>(
        *loop, *resolver, std::move(names),
        [this](const std::string& name, const dns::Addresses& found) {
            for (auto* list : proxy->lists()) {
                list->resolve(name, found);
            }
            proxy->gate().trustedChanged();
        });
}

void Application::Impl::watchSignals() {
    const auto stop = [this] { loop->stop(); };
    signals.push_back(loop->onSignal(SIGTERM, stop));
    signals.push_back(loop->onSignal(SIGINT, stop));
    signals.push_back(loop->onSignal(SIGHUP, [this] { reload(); }));
    signals.push_back(loop->onSignal(SIGUSR1, [this] { logStatistics(); }));
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGUSR2, SIG_IGN);
}

void Application::Impl::tick() {
    proxy->tick();
    if (userFile) {
        userFile->check();
    }
    if (!listensEverywhere) {
        listenAgain();
    }
    ticker->start(kTick);
}

void Application::Impl::logStatistics() const {
    const auto media = relay ? relay->totals() : media::Relay::Totals{};
    log::info("status: {} calls, {} media streams, {} registrations, {} of {} relay ports in use",
              proxy->callCount(), media.streams, locations->confirmedCount(),
              (media.pairs - media.freePairs) * 2, media.pairs * 2);
}

void Application::Impl::reload() {
    if (isReading) {
        hasToReadAgain = true;
        return;
    }
    isReading = true;
    // Disks may take their time, and calls go on meanwhile.
    reader.start([this, file = configFile, lines = overrides] {
        auto reading = std::make_shared<Reading>(Reading::of(file, lines));
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
    auto& [fresh, access, certificates] = reading;
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
    watchUsers();
    if (store) {
        store->setAutosave(settings.registrar.autosaveRegistrations);
    }
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

Application::Application() = default;

Application::~Application() {
    if (impl_ && impl_->store) {
        impl_->store->close();
    }
}

base::Result<std::unique_ptr<Application>> Application::create(const Options& options,
                                                               config::Settings settings,
                                                               std::string configFile) {
    std::unique_ptr<Application> application(new Application);
    application->impl_ = std::make_unique<Impl>(std::move(settings), std::move(configFile));
    Impl& impl = *application->impl_;
    impl.overrides = options.overrides;
    if (!options.pidFile.empty()) {
        impl.settings.process.pidFile = options.pidFile;
    }
    auto access = readAccess(impl.settings);
    if (!access) {
        return std::unexpected(access.error());
    }
    // Names are looked up before the jail has no /etc any more.
    if (!impl.settings.process.user.empty() && ::geteuid() == 0) {
        auto identity = lookUpIdentity(impl.settings.process.user);
        if (!identity) {
            return std::unexpected(identity.error());
        }
        impl.identity = std::move(*identity);
    }
    auto tls = readTls(impl.settings);
    if (!tls) {
        return std::unexpected(tls.error());
    }
    impl.tls = std::move(*tls);
    impl.announcedHost = impl.settings.network.hostOutbound;
    if (auto opened = impl.openInterfaces(); !opened) {
        return std::unexpected(opened.error());
    }
    if (auto opened = impl.openLoop(); !opened) {
        return std::unexpected(opened.error());
    }
    impl.chain = std::make_unique<plugin::Chain>(*impl.loop);
    impl.chain->load(impl.settings.plugins);
    if (auto dropped = impl.dropPrivileges(); !dropped) {
        return std::unexpected(dropped.error());
    }
    if (auto opened = impl.openMedia(); !opened) {
        return std::unexpected(opened.error());
    }
    impl.openStore();
    impl.openProxy(std::move(*access));
    if (auto opened = impl.openSockets(); !opened) {
        return std::unexpected(opened.error());
    }
    impl.openConsole();
    impl.watchNames();
    impl.watchSignals();
    impl.interfaces->start(*impl.loop, [&impl](const net::SelectedInterfaces&) {
        impl.readdress();
        // The name of a machine with a new address may have a new one as well.
        impl.watchPublicName();
    });
    impl.ticker = impl.loop->timer([&impl] { impl.tick(); });
    impl.ticker->start(kTick);
    return application;
}

void Application::run() {
    log::info("{} started", versionText());
    impl_->loop->run();
    log::info("properly terminating siproxd");
}

std::string Application::firewallText() const {
    return app::firewallText(impl_->interfaces->selected(), impl_->addresses, impl_->settings);
}

}  // namespace siproxd::app
