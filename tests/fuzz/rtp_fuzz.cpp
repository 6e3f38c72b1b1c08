// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <set>
#include <span>

#include "demand.h"
#include "media/latch.h"
#include "media/packet.h"

using namespace siproxd;
using fuzz::demand;

namespace {

/// One of sixteen places: four hosts with four ports each.
base::SocketAddress place(std::uint8_t number) {
    static const base::IpAddress kHosts[] = {
        *base::IpAddress::parse("198.51.100.1"), *base::IpAddress::parse("10.0.0.1"),
        *base::IpAddress::parse("203.0.113.9"), *base::IpAddress::parse("198.51.100.2")};
    return {kHosts[number / 4 % 4], static_cast<std::uint16_t>(4000 + 2 * (number % 4))};
}

/// Reads a story: what is announced and what comes from where, step by step.
class Story {
public:
    explicit Story(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

    void play() {
        while (!rest_.empty()) {
            step(next());
            check();
        }
    }

private:
    std::uint8_t next() {
        if (rest_.empty()) {
            return 0;
        }
        const auto byte = rest_.front();
        rest_ = rest_.subspan(1);
        return byte;
    }
    void step(std::uint8_t kind) {
        now_ += std::chrono::milliseconds(next());
        const auto source = place(next());
        if (kind % 8 == 0) {
            announce(source, next());
            return;
        }
        const std::size_t wanted = next() % 32;
        const auto length = std::min(wanted, rest_.size());
        const auto packet = media::classify(rest_.first(length));
        rest_ = rest_.subspan(length);
        media::Verdict verdict;
        switch (kind % 8) {
            case 1: verdict = latch_.receiveControl(source, now_); break;
            case 2: verdict = latch_.receiveOpaque(source, now_); break;
            case 3: verdict = rtcp_.receiveRtcp(source, packet, latch_); break;
            case 4: verdict = rtcp_.receiveControl(source); break;
            default: verdict = latch_.receiveRtp(source, packet, now_); break;
        }
        demand(announced_ || verdict.drop != media::Drop::None, "nobody is heard unannounced");
        heard_.insert(source);
    }
    void announce(const base::SocketAddress& address, std::uint8_t how) {
        media::Announced announced;
        announced.rtp = address;
        announced.natted = (how & 1) != 0;
        announced.trusted = (how & 2) != 0;
        announced.sipSource = place(how).ip;
        if ((how & 4) != 0) {
            announced.rtp.ip = *base::IpAddress::parse("0.0.0.0");
        }
        const auto rtp = media::expectedRtp(announced);
        const auto rtcp = media::expectedRtcp(announced);
        latch_.expect(rtp, now_);
        rtcp_.expect(rtcp);
        signalled_.insert(rtp.address);
        signalled_.insert(rtcp.address);
        muted_ = rtp.muted;
        announced_ = true;
    }
    void check() const {
        demand(!latch_.peer() || heard_.contains(latch_.peer()), "a peer has been heard");
        for (const auto& to : {latch_.destination(), rtcp_.destination()}) {
            demand(!to || heard_.contains(to) || signalled_.contains(to),
                   "media goes to who was signalled or heard");
        }
        demand(!muted_ || !latch_.destination(), "who does not want media gets none");
    }

    std::span<const std::uint8_t> rest_;
    base::TimePoint now_{};
    media::Latch latch_;
    media::RtcpLatch rtcp_;
    std::set<base::SocketAddress> heard_;
    std::set<base::SocketAddress> signalled_;
    bool announced_ = false;
    bool muted_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span bytes(data, size);
    const auto packet = media::classify(bytes);
    demand(size >= 8 || packet.kind == media::PacketKind::Garbage ||
               packet.kind == media::PacketKind::Control,
           "what is too short has no SSRC");
    Story(bytes).play();
    return 0;
}
