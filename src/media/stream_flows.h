// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "media/kernel_flows.h"
#include "media/leg.h"
#include "media/reception.h"

namespace siproxd::media {

/// Which directions of a stream the kernel forwards, and how they come and go. What comes to a leg moves
/// into the kernel when both legs are settled and a route is known, and back to the process as soon as
/// anything about them changes; it can move again kernel::FlowTable::kSettling later.
///
///     Out ──routeAsked()──> Asked ──routeFound()──> In
///      ^                      │                      │
///      └──────── leave() ─────┴──────────────────────┘
///
/// What has been received of a direction moves along with it. Belongs to the media thread, but for what is
/// marked.
class StreamFlows {
public:
    /// `flows`: nullptr where there is no relay in the kernel.
    StreamFlows(KernelFlows* flows, const PerLeg<std::uint16_t>& ports, base::TimePoint now);
    StreamFlows(const StreamFlows&) = delete;
    StreamFlows& operator=(const StreamFlows&) = delete;
    /// Takes out what is in.
    ~StreamFlows();

    /// Whether what comes to the leg could move now, as far as this knows.
    [[nodiscard]] bool mayMove(Leg leg, base::TimePoint now) const {
        const auto& direction = directions_[leg];
        return flows_ != nullptr && direction.state == State::Out && now >= direction.resting;
    }

    /// The route for the packets that come to `leg` has been asked for; `question` is never used again.
    /// Only when mayMove().
    void routeAsked(Leg leg, std::uint64_t question);
    /// The answer: the packets are to be relayed as `flow` says, by that route. One that comes too late is
    /// passed over.
    void routeFound(Leg leg, std::uint64_t question, const kernel::Flow& flow,
                    const std::optional<net::Route>& route, base::TimePoint now);

    /// Both directions belong to the process again.
    void leave(base::TimePoint now);

    /// Whether what comes to the leg is forwarded in the kernel.
    [[nodiscard]] bool isIn(Leg leg) const { return directions_[leg].state == State::In; }

    struct Heard {
        base::TimePoint when;
        std::uint32_t ssrc;
        std::uint16_t sequence;
    };
    /// The last packet that the kernel has forwarded of the flow which is in now, of those that are not
    /// late, doubled or strays; nothing: it has forwarded none.
    [[nodiscard]] std::optional<Heard> lastHeard(Leg leg) const;

    /// The process has relayed a packet that came to the leg: the state with it.
    void setReception(Leg leg, const ReceptionState& state);
    /// payloadClock() of a type of what comes to the leg, if that is in: the kernel leaves types that it
    /// does not know to the process.
    void learn(Leg leg, std::uint32_t clock);

    // Any thread.

    /// Of the RTP that has come to the leg, whoever has relayed it.
    [[nodiscard]] ReceptionState reception(Leg leg) const;

    /// Whether something is in, or may be after a routeFound().
    [[nodiscard]] bool mayBeIn() const { return mayBeIn_.load(std::memory_order_relaxed); }

    /// The kernel forwards nothing from this moment on, leave() follows: what is signalled must not be
    /// overtaken by packets until the media thread has heard of it.
    void halt() const;

    // What the kernel has forwarded for this stream.
    [[nodiscard]] std::size_t packets(Leg leg) const;
    [[nodiscard]] std::size_t bytes(Leg leg) const;
    [[nodiscard]] std::size_t floods(Leg leg) const;

private:
    enum class State : std::uint8_t { Out, Asked, In };
    struct Direction {
        State state = State::Out;
        std::uint64_t question = 0;  ///< that is asked
        base::TimePoint resting{};   ///< not to be filled before
        std::uint64_t packetsAtPut = 0;
    };

    void leave(Leg leg, base::TimePoint now);
    [[nodiscard]] kernel::FlowFigures figures(Leg leg) const;

    KernelFlows* flows_;
    const PerLeg<std::uint16_t> ports_;
    PerLeg<Direction> directions_;
    std::atomic<bool> mayBeIn_ = false;
    PerLeg<SharedReception> receptions_;      ///< while the kernel does not keep them
    PerLeg<std::atomic<bool>> kernelKeeps_;
    PerLeg<kernel::FlowFigures> before_;  ///< of streams that had the ports before
};

}  // namespace siproxd::media
