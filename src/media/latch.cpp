// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/latch.h"

#include <algorithm>
#include <utility>

namespace siproxd::media {

namespace {

/// Replaces what is expected. Returns whether it is the place known already.
bool replace(std::optional<Expectation>& known, const Expectation& expectation) {
    if (known && expectation.muted) {
        // Hold by 0.0.0.0 names no place. The party stays where it was, and will be there again.
        known->muted = true;
        return true;
    }
    const bool same =
        known && known->address == expectation.address && known->host == expectation.host;
    known = expectation;
    return same;
}

}  // namespace

bool Latch::expect(const Expectation& expectation, base::TimePoint now) {
    const bool same = replace(expected_, expectation);
    run_ = 0;
    candidate_ = {};
    const bool proven =
        expected_->checked && (basis_ == Basis::Checked || basis_ == Basis::Continued);
    const bool forgotten = basis_ == Basis::Checked && !expected_->checked;
    if ((!same || forgotten) && !proven && peer_ && peer_ != expected_->address) {
        previous_ = peer_;
        previousUntil_ = now + kLinger;
        peer_ = {};
    } else if (!proven && peer_ && peer_ == expected_->address) {
        basis_ = Basis::Announced;
    }
    return same;
}

Verdict Latch::receiveRtp(const base::SocketAddress& source, const Packet& packet,
                          base::TimePoint now) {
    if (source == peer_) {
        heard(packet, now);
        return {};
    }
    if (!expected_) {
        return {Drop::NotAnnounced};
    }
    return peer_ ? receiveOther(source, packet, now) : receiveWaiting(source, packet, now);
}

Verdict Latch::receiveWaiting(const base::SocketAddress& source, const Packet& packet,
                              base::TimePoint now) {
    if (source == expected_->address) {
        return accept(source, Basis::Announced, packet, now);
    }
    // Before the next rule, so that the tail of the old stream does not latch as a port of the
    // host.
    if (lingers(source, now)) {
        return {Drop::None, false, true};
    }
    if (source.ip == expected_->host) {
        return accept(source, Basis::Host, packet, now);
    }
    return {Drop::WrongSource};
}

Verdict Latch::receiveOther(const base::SocketAddress& source, const Packet& packet,
                            base::TimePoint now) {
    if (source == expected_->address && (basis_ == Basis::Host || isSilent(now))) {
        return accept(source, Basis::Announced, packet, now);
    }
    const bool continued = continuesStream(packet, now);
    const bool learnable = run_ < kProofPackets && source.ip == expected_->host;
    if (!continued && !learnable) {
        return {Drop::WrongSource};
    }
    if (candidate_.source == source && candidate_.ssrc == packet.ssrc &&
        packet.sequence == static_cast<std::uint16_t>(candidate_.sequence + 1)) {
        ++candidate_.run;
    } else if (candidate_.run > 0 && candidate_.source != source &&
               now - candidate_.heard < kSilence) {
        // One at a time, or a second sender could keep the first from ever finishing its run.
        return {Drop::Probation};
    } else {
        candidate_ = {1, packet.ssrc, packet.sequence, source, now};
    }
    candidate_.sequence = packet.sequence;
    candidate_.heard = now;
    if (candidate_.run >= kProofPackets && isSilent(now)) {
        return accept(source, continued ? Basis::Continued : Basis::Host, packet, now);
    }
    return {Drop::Probation};
}

Verdict Latch::receiveControl(const base::SocketAddress& source, base::TimePoint now) {
    if (!expected_) {
        return {Drop::NotAnnounced};
    }
    if (source == (peer_ ? peer_ : expected_->address)) {
        return {};
    }
    if (!peer_ && lingers(source, now)) {
        return {Drop::None, false, true};
    }
    return {Drop::WrongSource};
}

Verdict Latch::receiveOpaque(const base::SocketAddress& source, base::TimePoint now) {
    if (source == peer_) {
        lastHeard_ = now;
        return {};
    }
    if (!expected_) {
        return {Drop::NotAnnounced};
    }
    if (source == expected_->address) {
        return accept(source, Basis::Announced, {}, now);
    }
    if (!peer_ && lingers(source, now)) {
        return {Drop::None, false, true};
    }
    if (!peer_ && !expected_->address && source.ip == expected_->host) {
        return accept(source, Basis::Host, {}, now);
    }
    return {Drop::WrongSource};
}

bool Latch::adopt(const base::SocketAddress& source, base::TimePoint now) {
    basis_ = Basis::Checked;
    if (source == peer_) {
        return false;
    }
    peer_ = source;
    run_ = 0;
    candidate_ = {};
    previous_ = {};
    lastHeard_ = now;
    return true;
}

base::SocketAddress Latch::destination() const {
    if (!expected_ || expected_->muted) {
        return {};
    }
    return peer_ ? peer_ : expected_->address;
}

bool Latch::isSettled() const {
    return peer_ && run_ >= kProofPackets && expected_ && !expected_->muted;
}

void Latch::heardElsewhere(std::uint32_t ssrc, std::uint16_t sequence, base::TimePoint when) {
    if (peer_ && when > lastHeard_) {
        ssrc_ = ssrc;
        sequence_ = sequence;
        lastHeard_ = when;
    }
}

void Latch::heard(const Packet& packet, base::TimePoint now) {
    ssrc_ = packet.ssrc;
    sequence_ = packet.sequence;
    lastHeard_ = now;
    run_ = std::min(run_ + 1, kProofPackets);
    candidate_.run = 0;
}

Verdict Latch::accept(const base::SocketAddress& source, Basis basis, const Packet& packet,
                      base::TimePoint now) {
    peer_ = source;
    basis_ = basis;
    run_ = 0;
    candidate_ = {};
    previous_ = {};
    heard(packet, now);
    return {Drop::None, true, false};
}

bool Latch::lingers(const base::SocketAddress& source, base::TimePoint now) const {
    return source == previous_ && now < previousUntil_;
}

bool Latch::continuesStream(const Packet& packet, base::TimePoint now) const {
    // No further ahead than a sender of a thousand packets a second can have come meanwhile; the
    // offset allows for packets that were lost or overtaken at the change.
    using std::chrono::milliseconds;
    constexpr std::int64_t kOffset = 100;
    const auto silence = std::chrono::duration_cast<milliseconds>(now - lastHeard_).count();
    const auto furthest = std::min<std::int64_t>(silence + kOffset, INT16_MAX);
    const auto ahead = static_cast<std::int16_t>(packet.sequence - sequence_);
    return packet.ssrc == ssrc_ && ahead > 0 && ahead <= furthest;
}

bool RtcpLatch::expect(const Expectation& expectation) {
    const bool same = replace(expected_, expectation);
    const bool forgotten = std::exchange(checked_, checked_ && expected_->checked) && !checked_;
    if ((!same || forgotten) && !checked_ && peer_ != expected_->address) {
        peer_ = {};
    }
    return same;
}

Verdict RtcpLatch::receiveRtcp(const base::SocketAddress& source, const Packet& packet,
                               const Latch& rtp) {
    if (source == peer_) {
        ssrc_ = packet.ssrc;
        return {};
    }
    if (!expected_) {
        return {Drop::NotAnnounced};
    }
    const bool knownHost =
        source.ip == expected_->host || (rtp.peer() && source.ip == rtp.peer().ip);
    const bool knownSender =
        (peer_ && packet.ssrc == ssrc_) || (rtp.peer() && packet.ssrc == rtp.ssrc());
    if (source == expected_->address || (knownHost && (!peer_ || knownSender))) {
        peer_ = source;
        ssrc_ = packet.ssrc;
        return {Drop::None, true, false};
    }
    return {Drop::WrongSource};
}

Verdict RtcpLatch::receiveControl(const base::SocketAddress& source) const {
    if (!expected_) {
        return {Drop::NotAnnounced};
    }
    if (source == (peer_ ? peer_ : expected_->address)) {
        return {};
    }
    return {Drop::WrongSource};
}

bool RtcpLatch::adopt(const base::SocketAddress& source) {
    checked_ = true;
    const bool isNews = source != peer_;
    peer_ = source;
    return isNews;
}

base::SocketAddress RtcpLatch::destination() const {
    if (!expected_ || expected_->muted) {
        return {};
    }
    return peer_ ? peer_ : expected_->address;
}

}  // namespace siproxd::media
