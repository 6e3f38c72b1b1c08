// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/relay.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "media/media_thread.h"

namespace siproxd::media {

namespace {

constexpr std::chrono::seconds kDefaultTimeout{300};
constexpr std::chrono::seconds kTick{1};
/// After so many ticks flows in the kernel find their way anew: not every change of a route is told.
constexpr unsigned kRouteCheck = 60;

unsigned threadCount(const RelaySettings& settings) {
    return std::max(1U, settings.threads);
}

}  // namespace

std::size_t descriptorsNeeded(const RelaySettings& settings) {
    const std::size_t ports =
        settings.portHigh > settings.portLow ? settings.portHigh - settings.portLow + 1U : 0U;
    return 2 * ports + std::size_t{2} * threadCount(settings);
}

Relay::Relay(const RelaySettings& settings, event::Loop& loop, base::Random& random)
    : loop_(loop), random_(random), pool_(settings.portLow, settings.portHigh, settings.dscp, random),
      resting_(random), kernel_(settings.kernel), tos_(static_cast<std::uint8_t>(settings.dscp << 2U)),
      packetRate_(settings.packetRate), inputDelay_(settings.inputDelay),
      outputDelay_(settings.outputDelay),
      timeout_(settings.rtpTimeout.count() > 0 ? settings.rtpTimeout : kDefaultTimeout),
      timer_(loop.timer([this] { tick(); })),
      closingTimer_(loop.timer([this] { closeRested(); })) {}

base::Result<std::unique_ptr<Relay>> Relay::create(const RelaySettings& settings,
                                                   event::Loop& loop, base::Random& random) {
    std::unique_ptr<Relay> relay(new Relay(settings, loop, random));
    for (unsigned i = 0; i < threadCount(settings); ++i) {
        auto thread = MediaThread::start(settings.threadStackKb, settings.kernel);
        if (!thread) {
            return std::unexpected(std::move(thread.error()));
        }
        relay->threads_.push_back(std::move(*thread));
    }
    return relay;
}

Relay::~Relay() = default;

std::unique_ptr<Session> Relay::open(std::string label, std::function<void()> onSilence) {
    auto session = std::make_unique<Session>(static_cast<Session::Host&>(*this), std::move(label),
                                             std::move(onSilence));
    sessions_.insert(session.get());
    if (!timer_->pending()) {
        timer_->start(kTick);
    }
    return session;
}

void Relay::routesChanged() {
    for (const auto& thread : threads_) {
        thread->routesChanged();
    }
}

Relay::Totals Relay::totals() {
    awaitClosed();
    Totals totals;
    totals.sessions = sessions_.size();
    for (const auto& thread : threads_) {
        totals.streams += thread->streams();
    }
    totals.pairs = pool_.pairs();
    totals.freePairs = pool_.freePairs() + resting_.pairs();
    return totals;
}

base::Result<std::unique_ptr<Stream>> Relay::openStream(const std::string& label,
                                                        const PerLeg<base::IpAddress>& local,
                                                        const PerLeg<bool>& outside) {
    collectClosed();
    auto ports = portsOn(local);
    if (!ports) {
        return std::unexpected(std::move(ports.error()));
    }
    const auto delayOf = [&](Leg leg) { return outside[leg] ? inputDelay_ : outputDelay_; };
    auto stream = std::make_unique<Stream>(
        label, std::move(*ports), kernel_,
        Stream::Sending{tos_, packetRate_, {delayOf(Leg::A), delayOf(Leg::B)}}, loop_.now());
    threads_[stream->ports().thread]->open(*stream);
    log::debug(log::Class::Rtp, "call {}: relay ports {} on {} and {} on {}", label,
               stream->numbers()[Leg::A], local[Leg::A].toString(), stream->numbers()[Leg::B],
               local[Leg::B].toString());
    return stream;
}

base::Result<std::unique_ptr<StreamPorts>> Relay::portsOn(const PerLeg<base::IpAddress>& local) {
    if (auto rested = resting_.take(local)) {
        return rested;
    }
    auto ports = newPortsOn(local);
    if (ports) {
        return ports;
    }
    // The ports of a call that has just ended are free as soon as the media threads have heard.
    awaitClosed();
    if (auto tired = resting_.takeOldest(local)) {
        return tired;
    }
    while (auto elsewhere = resting_.takeAny()) {
        discard(std::move(elsewhere));
    }
    awaitClosed();
    return newPortsOn(local);
}

base::Result<std::unique_ptr<StreamPorts>> Relay::newPortsOn(const PerLeg<base::IpAddress>& local) {
    auto sockets = pool_.acquire(local);
    if (!sockets) {
        return std::unexpected(std::move(sockets.error()));
    }
    auto ports = std::make_unique<StreamPorts>(std::move(*sockets));
    ports->thread = leastBusyThread();
    if (auto watched = threads_[ports->thread]->watch(*ports); !watched) {
        discard(std::move(ports));
        return std::unexpected(std::move(watched.error()));
    }
    return ports;
}

void Relay::discard(std::unique_ptr<StreamPorts> ports) {
    auto& thread = *threads_[ports->thread];
    thread.discard(std::move(ports));
}

void Relay::announce(Stream& stream, Leg leg, const Announced& announced) {
    threads_[stream.ports().thread]->announce(stream, leg, announced);
}

IceCredentials Relay::expectChecks(Stream& stream, Leg leg) {
    auto credentials = newIceCredentials(random_);
    threads_[stream.ports().thread]->expectChecks(stream, leg, credentials);
    return credentials;
}

void Relay::closeStream(std::unique_ptr<Stream> stream) {
    auto& thread = *threads_[stream->ports().thread];
    thread.close(std::move(stream));
    if (!closingTimer_->pending()) {
        closingTimer_->start(RestingPorts::kKept / 2);
    }
}

void Relay::sessionEnded(Session& session) {
    sessions_.erase(&session);
}

void Relay::tick() {
    collectClosed();
    std::vector<Session*> silent;
    for (auto* session : sessions_) {
        session->observe(timeout_);
        if (session->isSilent(timeout_)) {
            silent.push_back(session);
        }
    }
    for (auto* session : silent) {
        // Whom we tell may end any session, and open new ones.
        if (sessions_.contains(session) && session->isSilent(timeout_)) {
            session->reportSilence();
        }
    }
    if (kernel_ != nullptr && ++ticks_ % kRouteCheck == 0) {
        routesChanged();
    }
    if (!sessions_.empty()) {
        timer_->start(kTick);
    }
}

void Relay::closeRested() {
    for (const auto& thread : threads_) {
        thread->hurry();
    }
    collectClosed();
    if (closing() > 0 || resting_.pairs() > 0) {
        closingTimer_->start(RestingPorts::kKept / 2);
    }
}

void Relay::collectClosed() {
    const auto now = loop_.now();
    for (const auto& thread : threads_) {
        for (const auto& stream : thread->takeClosed()) {
            if (auto tooMany = resting_.put(stream->takePorts(), now)) {
                discard(std::move(tooMany));
            }
        }
        for (const auto& ports : thread->takeDiscarded()) {
            pool_.release(ports);
        }
    }
    while (auto expired = resting_.takeExpired(now)) {
        discard(std::move(expired));
    }
}

void Relay::awaitClosed() {
    for (const auto& thread : threads_) {
        if (thread->closing() > 0) {
            thread->drain();
        }
    }
    collectClosed();
}

std::size_t Relay::closing() const {
    std::size_t count = 0;
    for (const auto& thread : threads_) {
        count += thread->closing();
    }
    return count;
}

std::size_t Relay::leastBusyThread() const {
    const auto least =
        std::min_element(threads_.begin(), threads_.end(), [](const auto& a, const auto& b) {
            return a->streams() < b->streams();
        });
    return static_cast<std::size_t>(least - threads_.begin());
}

}  // namespace siproxd::media
