// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <memory>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "event/loop.h"
#include "media/port_pool.h"
#include "media/resting_ports.h"
#include "media/session.h"

namespace siproxd::media {

class KernelFlows;
class MediaThread;

/// What the relay works with.
struct RelaySettings {
    /// First and last UDP port, both included; pairs are (even, even + 1) and lie in the range as a
    /// whole, one pair at least. rtp_port_low and rtp_port_high of the configuration.
    std::uint16_t portLow = 7070;
    std::uint16_t portHigh = 7089;
    std::chrono::seconds rtpTimeout{300};  ///< until Relay::open()'s `onSilence`; 0: 300 s
    unsigned dscp = 0;                     ///< 0–63, on RTP and RTCP; 0: not set. (rtp_dscp is 46)
    std::uint32_t packetRate = 4000;       ///< a second, of one direction of a stream; 0: any
    /// For which media is held back to even out its arrival: what comes from the Internet, and what goes
    /// there. Not forwarded in the kernel then. 0: not at all.
    base::Duration inputDelay{};
    base::Duration outputDelay{};
    unsigned threads = 1;                  ///< 0 counts as 1
    unsigned threadStackKb = 0;            ///< 0: the system's default
    /// The relay in the kernel, which must outlive this one; nullptr: the process does it all.
    KernelFlows* kernel = nullptr;
};

/// How many descriptors the relay may need: every port pair of the range, RTP and RTCP, on two
/// addresses, and what the threads need for themselves.
[[nodiscard]] std::size_t descriptorsNeeded(const RelaySettings& settings);

/// Relays the media of all calls: owns the ports and the media threads. Lives in the signalling
/// thread; must outlive its sessions.
class Relay final : private Session::Host {
public:
    /// Starts the threads. `loop` and `random` are those of the signalling thread.
    [[nodiscard]] static base::Result<std::unique_ptr<Relay>> create(const RelaySettings& settings,
                                                                     event::Loop& loop,
                                                                     base::Random& random);
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay() override;

    /// Media for one call. `label` names it in log lines (the Call-ID). `onSilence` is called in
    /// the signalling thread when media should flow but no packet has come on any stream for
    /// rtp_timeout, and again after every further rtp_timeout of silence; it may destroy the
    /// session.
    [[nodiscard]] std::unique_ptr<Session> open(std::string label,
                                                std::function<void()> onSilence);

    /// Routes or interfaces have changed: what the kernel forwards is to find its way anew.
    void routesChanged();

    struct Totals {
        std::size_t sessions = 0;
        std::size_t streams = 0;
        std::size_t pairs = 0;      ///< port pairs in the range
        std::size_t freePairs = 0;
    };
    [[nodiscard]] Totals totals();

private:
    Relay(const RelaySettings& settings, event::Loop& loop, base::Random& random);

    [[nodiscard]] base::Result<std::unique_ptr<Stream>> openStream(
        const std::string& label, const PerLeg<base::IpAddress>& local,
        const PerLeg<bool>& outside) override;
    void announce(Stream& stream, Leg leg, const Announced& announced) override;
    IceCredentials expectChecks(Stream& stream, Leg leg) override;
    void closeStream(std::unique_ptr<Stream> stream) override;
    [[nodiscard]] base::TimePoint now() const override { return loop_.now(); }
    void sessionEnded(Session& session) override;

    /// Bound and watched by a media thread.
    [[nodiscard]] base::Result<std::unique_ptr<StreamPorts>> portsOn(
        const PerLeg<base::IpAddress>& local);
    [[nodiscard]] base::Result<std::unique_ptr<StreamPorts>> newPortsOn(
        const PerLeg<base::IpAddress>& local);
    void discard(std::unique_ptr<StreamPorts> ports);

    void tick();
    void closeRested();
    void collectClosed();
    /// Waits for what is being closed: some microseconds.
    void awaitClosed();
    [[nodiscard]] std::size_t closing() const;
    [[nodiscard]] std::size_t leastBusyThread() const;

    event::Loop& loop_;
    base::Random& random_;
    PortPool pool_;
    RestingPorts resting_;
    KernelFlows* kernel_;
    std::uint8_t tos_;
    std::uint32_t packetRate_;
    base::Duration inputDelay_;
    base::Duration outputDelay_;
    unsigned ticks_ = 0;
    base::Duration timeout_;
    std::vector<std::unique_ptr<MediaThread>> threads_;
    std::unordered_set<Session*> sessions_;
    std::unique_ptr<event::Timer> timer_;
    std::unique_ptr<event::Timer> closingTimer_;  ///< as long as streams end
};

}  // namespace siproxd::media
