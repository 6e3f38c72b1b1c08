// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/application.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <utility>

#include "access/nft_export.h"
#include "app/application_impl.h"
#include "app/descriptors.h"
#include "app/firewall_text.h"
#include "app/host_check.h"
#include "app/local_addresses.h"
#include "app/module_settings.h"
#include "app/version.h"
#include "base/log.h"

namespace siproxd::app {

namespace {

constexpr std::chrono::seconds kTick{5};

/// Where media comes in, by index.
std::vector<unsigned> mediaInterfaces(const net::SelectedInterfaces& selected) {
    std::set<unsigned> indexes;
    for (const auto* side : {&selected.inbound, &selected.outbound}) {
        for (const auto& interface : side->interfaces) {
            indexes.insert(interface.index);
        }
    }
    return {indexes.begin(), indexes.end()};
}

}  // namespace

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
    if (const auto warning = neighbourWarning(addresses); !warning.empty()) {
        log::warning("{}", warning);
    }
    return {};
}

void Application::Impl::watchMedia() {
    if (!kernelRelay) {
        return;
    }
    kernelWorker.start([this, wanted = mediaInterfaces(interfaces->selected())] {
        if (const auto watched = kernelRelay->watch(wanted); !watched) {
            log::warning("media of some interface is relayed by the process: {}",
                         watched.error().message);
        }
    });
    relay->routesChanged();
}

media::RelaySettings Application::Impl::relaySettings() const {
    media::RelaySettings wanted;
    wanted.portLow = settings.media.rtpPortLow;
    // The setting is the last RTP port, the relay wants the last port of all.
    wanted.portHigh = static_cast<std::uint16_t>(settings.media.rtpPortHigh + 1);
    wanted.rtpTimeout = settings.media.rtpTimeout;
    wanted.dscp = settings.media.rtpDscp;
    wanted.packetRate = settings.media.rtpPacketRate;
    wanted.inputDelay = settings.media.rtpInputDejitter;
    wanted.outputDelay = settings.media.rtpOutputDejitter;
    wanted.threads = settings.media.rtpThreads;
    wanted.threadStackKb = static_cast<unsigned>(settings.media.threadStackSize);
    wanted.kernel = kernelRelay.get();
    return wanted;
}

base::Result<void> Application::Impl::openKernelRelay() {
    if (!settings.media.rtpProxyEnable) {
        return {};
    }
    if (settings.media.rtpEngine == "userspace") {
        log::info("media is relayed by the process: rtp_engine = userspace");
        return {};
    }
    const auto wanted = relaySettings();
    auto made = media::KernelRelay::create(wanted.portLow, wanted.portHigh, kernelWorker);
    // Not in the worker: that has the rights of who starts its thread, and these are still root's.
    auto watched = made ? (*made)->watch(mediaInterfaces(interfaces->selected()))
                        : std::unexpected(made.error());
    if (!watched && settings.media.rtpEngine == "kernel") {
        return base::fail("rtp_engine = kernel: " + watched.error().message);
    }
    if (!watched) {
        log::info("media is relayed by the process, and not in the kernel: {}",
                  watched.error().message);
        return {};
    }
    log::info("media is relayed in the kernel once both sides have been heard");
    kernelRelay = std::move(*made);
    return {};
}

base::Result<void> Application::Impl::openMedia() {
    if (const auto raised = raiseDescriptorLimit(descriptorsNeeded(settings)); !raised) {
        // Has been warned of (checkStart()).
        log::debug(log::Class::Config, "{}", raised.error().message);
    }
    if (!settings.media.rtpProxyEnable) {
        log::info("rtp_proxy_enable = 0: media is not relayed and SDP is not rewritten");
        return {};
    }
    const auto wanted = relaySettings();
    auto made = media::Relay::create(wanted, *loop, random);
    if (!made) {
        return std::unexpected(made.error());
    }
    relay = std::move(*made);
    return {};
}

base::Result<void> Application::Impl::openSockets() {
    transport::Transports::Settings sockets;
    sockets.udp.dscp = settings.network.sipDscp;
    sockets.stream = streamSettings(settings);
    sockets.port = addresses.port;
    sockets.tlsPort = addresses.tlsPort;
    transports = std::make_unique<transport::Transports>(
        *loop, *proxy, sockets,
        [this](const base::Flow& flow, unsigned interfaceIndex) {
            return proxy->admitConnection(flow, interfaceIndex);
        });
    transports->setTls(std::move(*std::exchange(tls, std::nullopt)));
    outlet.open(*transports);
    if (const auto change = listen(); !change.failed.empty()) {
        return base::fail("unable to bind to SIP listening socket - aborting: " +
                          change.failed.front().error.message);
    }
    log::info("bound to port {}", addresses.port);
    return {};
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
    services = std::make_unique<proxy::PluginServices>(
        *chain, *locations, *proxy, *resolver, [this](std::optional<base::IpAddress> ip) {
            // Not while a message is on its way, which is half written by then.
            loop->post([this, ip] {
                learned = ip;
                readdress();
            });
        });
    outlet.showTo(*chain);
    userFile = std::make_unique<UserFile>(
        *loop, [this](access::Users users) { proxy->gate().setUsers(std::move(users)); });
    // Of the jail, if we are in one.
    watchUsers(base::FileIdentity::of(settings.access.proxyAuthPwfile));
    if (!settings.access.nftSet.empty()) {
        if (auto set = access::NftExport::parse(settings.access.nftSet.text)) {
            nft = std::make_unique<NftRunner>(*loop, std::move(*set),
                                              proxy->gate().guard().banList());
        }
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
        return becomeUser(*identity, kernelRelay ? Keeps::NetAdmin : Keeps::Nothing);
    }
    return root ? base::Result<void>{} : forgoRights();
}

void Application::Impl::watchSignals() {
    const auto stop = [this] { loop->stop(); };
    signals.push_back(loop->onSignal(SIGTERM, stop));
    signals.push_back(loop->onSignal(SIGINT, stop));
    signals.push_back(loop->onSignal(SIGHUP, [this] { reload(); }));
    signals.push_back(loop->onSignal(SIGUSR1, [this] {
        logStatistics();
        chain->notify(plugin::Notice::Statistics);
    }));
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGUSR2, SIG_IGN);
}

void Application::Impl::tick() {
    proxy->tick();
    userFile->check();
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
    const auto& messages = proxy->counters();
    log::info("messages so far: {} requests ({} for nobody), {} responses, {} malformed, {} denied",
              messages.requests, messages.unknown, messages.responses, messages.malformed,
              messages.denied);
    proxy->logCalls("goes on for");
}

Application::Application() = default;

Application::~Application() {
    if (impl_ && impl_->store) {
        impl_->store->close();
    }
}

base::Result<std::unique_ptr<Application>> Application::create(const Options& options,
                                                               Reading reading,
                                                               std::string configFile) {
    std::unique_ptr<Application> application(new Application);
    application->impl_ = std::make_unique<Impl>(options, std::move(reading.fresh.settings),
                                                std::move(configFile));
    Impl& impl = *application->impl_;
    auto& access = reading.access;
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
    if (!reading.certificates) {
        return std::unexpected(reading.certificates.error());
    }
    impl.tls = std::move(*reading.certificates);
    impl.announcedHost = impl.settings.network.hostOutbound;
    if (auto opened = impl.openInterfaces(); !opened) {
        return std::unexpected(opened.error());
    }
    if (auto opened = impl.openLoop(); !opened) {
        return std::unexpected(opened.error());
    }
    impl.chain = std::make_unique<plugin::Chain>(*impl.loop);
    impl.chain->load(impl.settings.plugins);
    for (const auto& warning : hostWarnings(readHost(), impl.settings,
                                            impl.interfaces->selected().outbound)) {
        log::warning("{}", warning);
    }
    if (auto opened = impl.openKernelRelay(); !opened) {
        return std::unexpected(opened.error());
    }
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
        impl.watchMedia();
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
    impl_->proxy->logCalls("is cut off after");
    impl_->proxy->tellEnd("siproxd has ended");
    log::info("properly terminating siproxd");
}

std::string Application::firewallText() const {
    return app::firewallText(impl_->interfaces->selected(), impl_->addresses, impl_->settings);
}

}  // namespace siproxd::app
