// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/session.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "media/stream.h"

namespace siproxd::media {

Session::Session(Host& host, std::string label, std::function<void()> onSilence)
    : host_(host), label_(std::move(label)), onSilence_(std::move(onSilence)),
      opened_(host.now()), reported_(opened_) {}

Session::~Session() {
    while (!streams_.empty()) {
        closeStream(streams_.begin()->first);
    }
    host_.sessionEnded(*this);
}

base::Result<PerLeg<std::uint16_t>> Session::openStream(std::size_t index,
                                                        const base::IpAddress& localA,
                                                        const base::IpAddress& localB,
                                                        const PerLeg<bool>& outside) {
    const PerLeg<base::IpAddress> local(localA, localB);
    const auto known = streams_.find(index);
    if (known != streams_.end() && known->second.local == local) {
        return known->second.stream->numbers();
    }
    auto stream = host_.openStream(label_, local, outside);
    if (!stream) {
        return std::unexpected(std::move(stream.error()));
    }
    closeStream(index);
    auto& open = streams_[index];
    open.stream = std::move(*stream);
    open.local = local;
    open.startListening(host_.now());
    return open.stream->numbers();
}

base::Result<void> Session::setRemote(std::size_t index, Leg leg, const Announced& announced) {
    const auto found = streams_.find(index);
    if (found == streams_.end()) {
        return base::fail("no relay is open for media " + std::to_string(index + 1));
    }
    auto& open = found->second;
    const auto& ip = announced.rtp.ip;
    if (ip.family() != open.local[leg].family() && !ip.isUnspecified()) {
        return base::fail("media address " + ip.toString() + " cannot be reached from " +
                          open.local[leg].toString());
    }
    const bool flowedBefore = open.flowing();
    open.announced[leg] = announced;
    if (open.flowing() && !flowedBefore) {
        // Silence counts from here: neither ringing nor hold is silence.
        open.startListening(host_.now());
    }
    host_.announce(*open.stream, leg, announced);
    return {};
}

const IceCredentials& Session::checksOf(std::size_t index, Leg leg) {
    auto& open = streams_.at(index);
    auto& checks = open.checks[leg];
    const auto& announced = open.announced[leg];
    const auto theirs = announced ? announced->ice : base::Rare<IceCredentials>();
    if (checks == nullptr || (theirs && checks->theirs && theirs != checks->theirs)) {
        checks = std::make_unique<Checks>(Checks{host_.expectChecks(*open.stream, leg), theirs});
    }
    checks->theirs = theirs ? theirs : checks->theirs;
    return checks->ours;
}

const Announced* Session::announced(std::size_t index, Leg leg) const {
    const auto found = streams_.find(index);
    const bool isKnown = found != streams_.end() && found->second.announced[leg];
    return isKnown ? &*found->second.announced[leg] : nullptr;
}

void Session::closeStream(std::size_t index) {
    const auto found = streams_.find(index);
    if (found != streams_.end()) {
        keepReport(index, found->second);
        host_.closeStream(std::move(found->second.stream));
        streams_.erase(found);
    }
}

void Session::remember() {
    if (agreed_) {
        return;
    }
    agreed_ = std::make_unique<std::map<std::size_t, PerLeg<std::optional<Announced>>>>();
    for (const auto& [index, open] : streams_) {
        agreed_->emplace(index, open.announced);
    }
}

void Session::restore() {
    const auto agreed = std::exchange(agreed_, nullptr);
    if (!agreed) {
        return;
    }
    std::vector<std::size_t> added;
    for (const auto& [index, open] : streams_) {
        const auto known = agreed->find(index);
        if (known == agreed->end()) {
            added.push_back(index);
            continue;
        }
        for (const Leg leg : {Leg::A, Leg::B}) {
            const auto& before = known->second[leg];
            if (before && open.announced[leg] != before) {
                [[maybe_unused]] const auto set = setRemote(index, leg, *before);
            }
        }
    }
    for (const auto index : added) {
        closeStream(index);
    }
}

void Session::keepFork(std::string_view tag, Leg leg, const std::vector<std::size_t>& indices) {
    if (forks_ == nullptr) {
        forks_ = std::make_unique<Forks>();
    }
    if (forks_->said.size() == Forks::kMost && !forks_->said.contains(tag)) {
        return;
    }
    forks_->last = tag;
    auto& said = forks_->said[forks_->last];
    said.clear();
    for (const auto index : indices) {
        if (const auto* one = announced(index, leg)) {
            said.emplace(index, *one);
        }
    }
}

void Session::chooseFork(std::string_view tag, Leg leg) {
    const auto forks = std::exchange(forks_, nullptr);
    const auto found = forks ? forks->said.find(tag) : decltype(forks->said.end()){};
    if (!forks || found == forks->said.end()) {
        return;
    }
    std::vector<std::size_t> refused;
    for (const auto& [index, open] : streams_) {
        const auto said = found->second.find(index);
        if (said == found->second.end()) {
            refused.push_back(index);
        } else if (forks->last != tag) {
            [[maybe_unused]] const auto set = setRemote(index, leg, said->second);
        }
    }
    for (const auto index : refused) {
        closeStream(index);
    }
}

std::optional<Session::Opposite> Session::opposite(const base::SocketAddress& relay) const {
    for (const auto& [index, open] : streams_) {
        for (const Leg leg : {Leg::A, Leg::B}) {
            const auto& announced = open.announced[other(leg)];
            if (open.local[leg] == relay.ip && open.stream->numbers()[leg] == relay.port &&
                announced) {
                return Opposite{*announced, open.local[other(leg)]};
            }
        }
    }
    return std::nullopt;
}

void Session::keepReport(std::size_t index, const OpenStream& open) {
    const bool isHeard =
        open.stream->packets(Leg::A) > 0 || open.stream->packets(Leg::B) > 0;
    if (isHeard && closed_.size() < kMostClosed) {
        closed_.push_back(reportOf(index, open));
        closed_.back().closed = true;
    }
}

std::optional<StreamReport> Session::report(std::size_t index) const {
    const auto found = streams_.find(index);
    if (found == streams_.end()) {
        return std::nullopt;
    }
    return reportOf(index, found->second);
}

std::vector<StreamReport> Session::reports() const {
    std::vector<StreamReport> all;
    all.reserve(streams_.size());
    for (const auto& [index, open] : streams_) {
        all.push_back(reportOf(index, open));
    }
    return all;
}

StreamReport Session::reportOf(std::size_t index, const OpenStream& open) {
    StreamReport report;
    report.index = index;
    report.flowing = open.flowing();
    report.lastActivity = open.lastActivity;
    report.ports = open.stream->numbers();
    for (const Leg leg : {Leg::A, Leg::B}) {
        report.legs[leg] = open.stream->report(leg);
        if (const auto& announced = open.announced[leg]) {
            report.legs[leg].announced = announced->rtp;
            report.legs[leg].framing = announced->framing;
            report.legs[leg].held = announced->held;
            report.direct = report.direct || announced->direct;
        }
        report.legs[leg].codec = codecHeard(report.legs[leg].reception, open.announced, leg);
    }
    return report;
}

Codec Session::codecHeard(const ReceptionState& reception,
                          const PerLeg<std::optional<Announced>>& announced, Leg leg) {
    if (reception.type == ReceptionState::kNoType) {
        return {};
    }
    const auto type = static_cast<std::uint8_t>(reception.type);
    // As in Stream::clockOf(): by the names of the one it is for, else of the one it is from.
    for (const Leg named : {other(leg), leg}) {
        const auto& codecs = announced[named] ? announced[named]->codecs : std::vector<Codec>{};
        if (std::ranges::find(codecs, type, &Codec::type) != codecs.end()) {
            return codecOf(type, codecs);
        }
    }
    return codecOf(type, {});
}

base::TimePoint Session::lastActivity() const {
    auto last = opened_;
    for (const auto& [index, open] : streams_) {
        last = std::max(last, open.lastActivity);
    }
    return last;
}

bool Session::flowing() const {
    return std::any_of(streams_.begin(), streams_.end(),
                       [](const auto& entry) { return entry.second.flowing(); });
}

bool Session::OpenStream::flowing() const {
    const auto isAwaited = [](const std::optional<Announced>& one) {
        return one && !one->held && !one->direct;
    };
    return std::ranges::all_of(announced, isAwaited);
}

void Session::OpenStream::startListening(base::TimePoint now) {
    lastActivity = now;
    for (auto& one : heard) {
        one.last = now;
        one.silenceLogged = false;
    }
}

void Session::observe(base::Duration timeout) {
    for (auto& [index, open] : streams_) {
        const PerLeg<bool> heard(observe(open, Leg::A), observe(open, Leg::B));
        if (heard[Leg::A] || heard[Leg::B]) {
            open.lastActivity = host_.now();
        }
        if (heard[Leg::A] != heard[Leg::B] && open.flowing()) {
            logSilence(open, heard[Leg::A] ? Leg::B : Leg::A, timeout);
        }
    }
}

bool Session::observe(OpenStream& open, Leg leg) const {
    auto& heard = open.heard[leg];
    const auto packets = open.stream->packets(leg);
    if (packets == heard.packets) {
        return false;
    }
    heard = {packets, host_.now(), false};
    return true;
}

void Session::logSilence(OpenStream& open, Leg leg, base::Duration timeout) const {
    auto& heard = open.heard[leg];
    const auto silence = host_.now() - heard.last;
    if (heard.silenceLogged || silence < timeout) {
        return;
    }
    heard.silenceLogged = true;
    log::infoFromPeer("call {}: nothing has come from {} (to port {}) for {} s, while the other side is heard",
                      label_, open.announced[leg]->rtp.toString(), open.stream->numbers()[leg],
                      std::chrono::duration_cast<std::chrono::seconds>(silence).count());
}

bool Session::isSilent(base::Duration timeout) const {
    return flowing() && host_.now() - std::max(lastActivity(), reported_) >= timeout;
}

void Session::reportSilence() {
    reported_ = host_.now();
    // A copy, for the call may destroy this session and the function with it.
    if (const auto callback = onSilence_) {
        callback();
    }
}

}  // namespace siproxd::media
