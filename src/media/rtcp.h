// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.h"

namespace siproxd::media {

/// What one report block says of a source (RFC 3550 §6.4.1).
struct ReportBlock {
    std::uint32_t about = 0;         ///< SSRC that is reported on
    std::uint8_t fractionLost = 0;   ///< since the report before, in 1/256
    std::int32_t lost = 0;           ///< in all; less than 0 with duplicates
    std::uint32_t jitter = 0;        ///< in units of the source's clock
    std::uint32_t lastReport = 0;    ///< middle of the NTP time of the source's last report; 0: none
    std::uint32_t delay = 0;         ///< since that came, in 1/65536 s
};

/// The reports of a datagram of RTCP.
struct RtcpReports {
    static constexpr std::size_t kMostBlocks = 4;

    std::uint32_t sender = 0;          ///< SSRC of the first report
    bool isSender = false;             ///< it is a sender report: the next two hold
    std::uint32_t ntpMiddle = 0;       ///< when it was sent, by its own clock
    std::uint32_t packetsSent = 0;
    std::size_t blockCount = 0;        ///< of the first kMostBlocks; further ones are left out
    std::array<ReportBlock, kMostBlocks> blocks{};
};

/// Reads a compound packet. Nothing: there is no report in it, or it is no whole RTCP in the clear: its
/// packets have to fill the datagram to the byte and look like RTCP each, which they do not with the
/// index and tag of SRTCP behind them (RFC 3711 §3.4).
[[nodiscard]] std::optional<RtcpReports> parseRtcp(std::span<const std::uint8_t> datagram);

/// What the party on one leg has reported.
struct RtcpView {
    std::uint32_t reports = 0;       ///< blocks about what the other leg sends; 0: the next do not hold
    std::uint32_t fractionLost = 0;  ///< of the last one, in 1/256
    std::int32_t lost = 0;
    std::uint32_t jitter = 0;        ///< in clock units of what it hears
    std::uint32_t roundTripUs = 0;   ///< from us to it and back; 0: not known
    std::uint32_t packetsSent = 0;   ///< that it says it has sent
};

/// Reads the reports of one leg as they pass and takes the time: a sender report of the other leg has gone
/// this way before, and the answer names it. Media thread, but for view().
class RtcpWatch {
public:
    /// A report of this leg's party. `heardSsrc`: of what has come from the other leg; blocks about
    /// others are passed over.
    void receive(const RtcpReports& reports, std::uint32_t heardSsrc, base::TimePoint now);

    /// A sender report has been sent to this leg's party.
    void passed(std::uint32_t ntpMiddle, base::TimePoint now);

    /// Any thread.
    [[nodiscard]] RtcpView view() const;

private:
    struct Sent {
        std::uint32_t ntpMiddle = 0;
        base::TimePoint when{};
    };
    void show(std::size_t field, std::uint32_t value);

    std::array<Sent, 3> sent_{};  ///< the last ones
    std::size_t next_ = 0;
    std::array<std::atomic<std::uint32_t>, 6> shown_{};  ///< the fields of RtcpView
};

}  // namespace siproxd::media
