// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/call.h"

#include <algorithm>
#include <utility>

namespace siproxd::proxy {

bool Call::isOfOtherDialog(const sip::Message& message) const {
    const auto tag = message.fromTag() == state_.initiatorTag ? message.toTag() : message.fromTag();
    return !state_.answererTag.empty() && !tag.empty() && tag != state_.answererTag;
}

media::Session* Call::media(const Crossing& crossing) {
    for (auto& media : media_) {
        if (state_.answered || media.crossing == crossing) {
            return media.session.get();
        }
    }
    return nullptr;
}

media::Session& Call::addMedia(const Crossing& crossing, std::unique_ptr<media::Session> session) {
    media_.push_back({crossing, std::move(session)});
    return *media_.back().session;
}

void Call::keepMedia(const Crossing& crossing) {
    const bool isThere = std::ranges::any_of(
        media_, [&](const Media& media) { return media.crossing == crossing; });
    if (isThere) {
        std::erase_if(media_, [&](const Media& media) { return media.crossing != crossing; });
    }
}

bool Call::isOn(const base::IpAddress& local) const {
    return std::ranges::any_of(media_, [&local](const Media& media) {
        return media.crossing.initiator == local || media.crossing.answerer == local;
    });
}

std::vector<base::IpAddress> Call::localAddresses() const {
    std::vector<base::IpAddress> all;
    for (const auto& media : media_) {
        all.insert(all.end(), {media.crossing.initiator, media.crossing.answerer});
    }
    return all;
}

bool Call::mediaFlows() const {
    return std::ranges::any_of(media_, [](const Media& media) { return media.session->flowing(); });
}

std::vector<media::StreamReport> Call::mediaReports() const {
    std::vector<media::StreamReport> all;
    for (const auto& media : media_) {
        const auto reports = media.session->reports();
        all.insert(all.end(), reports.begin(), reports.end());
    }
    for (const auto& media : media_) {
        const auto& closed = media.session->closedReports();
        all.insert(all.end(), closed.begin(), closed.end());
    }
    return all;
}

std::vector<Call::LocatedReport> Call::locatedReports() const {
    std::vector<LocatedReport> all;
    for (const auto& media : media_) {
        for (auto& report : media.session->reports()) {
            all.push_back({media.crossing, std::move(report)});
        }
        for (const auto& report : media.session->closedReports()) {
            all.push_back({media.crossing, report});
        }
    }
    return all;
}

media::PerLeg<std::size_t> Call::packets() const {
    media::PerLeg<std::size_t> sum;
    for (const auto& stream : mediaReports()) {
        for (const auto leg : {media::Leg::A, media::Leg::B}) {
            sum[leg] += stream.legs[leg].packets;
        }
    }
    return sum;
}

bool Call::usesPort(std::uint16_t port) const {
    return std::ranges::any_of(media_, [port](const Media& media) {
        return std::ranges::any_of(media.session->reports(), [port](const auto& stream) {
            return stream.ports[media::Leg::A] == port || stream.ports[media::Leg::B] == port;
        });
    });
}

std::optional<media::Session::Opposite> Call::opposite(const base::SocketAddress& relay) const {
    for (const auto& media : media_) {
        if (auto found = media.session->opposite(relay)) {
            return found;
        }
    }
    return std::nullopt;
}

std::size_t CallTable::hashOf(const Key& key) {
    constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;  // the two are not to be exchanged for each other
    return static_cast<std::size_t>(base::keyedHash(key.callId) * kOdd + base::keyedHash(key.initiatorTag) +
                                    static_cast<std::uint64_t>(key.initiator));
}

Call* CallTable::lookUp(const Key& key) {
    if (last_ != nullptr && keyOf(*last_) == key) {
        return last_;
    }
    const auto it = calls_.find(key);
    if (it == calls_.end()) {
        return nullptr;
    }
    last_ = it->get();
    return last_;
}

Call* CallTable::find(const sip::Message& message, Side from) {
    // Whoever sent the request of this message has the From tag.
    const Side requester = message.isRequest() ? from : other(from);
    if (Call* call = lookUp({message.callId(), message.fromTag(), requester})) {
        return call;
    }
    if (message.toTag().empty()) {
        return nullptr;
    }
    if (Call* call = lookUp({message.callId(), message.toTag(), other(requester)})) {
        return call;
    }
    // Two phones inside, without a detour over a provider.
    return lookUp({message.callId(), message.toTag(), requester});
}

Call& CallTable::obtain(const sip::Message& invite, Side from) {
    if (Call* call = find(invite, from)) {
        return *call;
    }
    CallState state;
    state.callId = std::string(invite.callId());
    state.initiatorTag = std::string(invite.fromTag());
    state.initiator = from;
    state.id = ++lastId_;
    last_ = calls_.insert(std::make_unique<Call>(std::move(state))).first->get();
    byId_.emplace(lastId_, last_);
    return *last_;
}

void CallTable::remove(Call& call) {
    setSessionEnd(call, std::nullopt);
    last_ = nullptr;
    byId_.erase(call.state().id);
    calls_.erase(calls_.find(keyOf(call)));
}

void CallTable::ownsPort(std::uint16_t outsidePort, const Call& call) {
    portOwners_[outsidePort] = call.state().id;
}

const Call* CallTable::ownerOf(std::uint16_t outsidePort) const {
    const auto owner = portOwners_.find(outsidePort);
    const Call* call = owner == portOwners_.end() ? nullptr : byId(owner->second);
    return call != nullptr && call->usesPort(outsidePort) ? call : nullptr;
}

std::vector<Call*> CallTable::callsOn(const base::IpAddress& local) const {
    std::vector<Call*> found;
    for (const auto& call : calls_) {
        if (call->isOn(local)) {
            found.push_back(call.get());
        }
    }
    return found;
}

std::vector<const Call*> CallTable::some(std::size_t most) const {
    std::vector<const Call*> found;
    for (auto it = calls_.begin(); it != calls_.end() && found.size() < most; ++it) {
        found.push_back(it->get());
    }
    return found;
}

std::set<base::IpAddress> CallTable::localAddresses() const {
    std::set<base::IpAddress> all;
    for (const auto& call : calls_) {
        const auto some = call->localAddresses();
        all.insert(some.begin(), some.end());
    }
    return all;
}

void CallTable::setSessionEnd(Call& call, std::optional<base::TimePoint> end) {
    if (const auto place = std::exchange(call.sessionEnd_, std::nullopt)) {
        sessionEnds_.erase(*place);
    }
    if (end) {
        call.sessionEnd_ = sessionEnds_.emplace(*end, &call);
    }
}

Call* CallTable::takeExpired(base::TimePoint now) {
    if (sessionEnds_.empty() || sessionEnds_.begin()->first > now) {
        return nullptr;
    }
    Call* call = sessionEnds_.begin()->second;
    setSessionEnd(*call, std::nullopt);
    return call;
}

std::vector<Call*> CallTable::idle(base::TimePoint before) const {
    std::vector<Call*> found;
    for (const auto& call : calls_) {
        if (call->lastSignal() < before && !call->mediaFlows()) {
            found.push_back(call.get());
        }
    }
    return found;
}

Call* CallTable::byId(std::uint64_t id) const {
    const auto found = byId_.find(id);
    return found == byId_.end() ? nullptr : found->second;
}

}  // namespace siproxd::proxy
