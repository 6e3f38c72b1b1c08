// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <span>

#include "demand.h"
#include "media/reception.h"
#include "media/rtcp.h"

using namespace siproxd;
using fuzz::demand;

namespace {

void check(const media::ReceptionState& state) {
    demand(state.arrived() <= state.expected() + state.duplicates || state.lost() == 0,
           "what has not come is what was expected and did not arrive");
    demand(state.lost() <= state.expected(), "no more is lost than was sent");
    demand(state.jitterMs() >= 0, "jitter is a length of time");
}

/// The same bytes once more as packets, eight each: sequence number, timestamp, arrival.
void receiveAll(std::span<const std::uint8_t> bytes) {
    media::ReceptionState state;
    std::uint64_t arrival = 0;
    while (bytes.size() >= 8) {
        const auto how = bytes[0];
        if ((how & 0x40U) != 0) {
            state.follow(media::payloadClock(how & 3U, (how & 0x10U) != 0 ? 8000 : bytes[6] * 1000U));
        }
        const std::uint32_t sequence = bytes[1] * 256U + bytes[2];
        const std::uint32_t stamp = bytes[3] * 65536U + bytes[4] * 256U + bytes[5];
        arrival += bytes[7] * std::uint64_t{1'000'000};
        state.receive(how & 4U, static_cast<std::uint16_t>(sequence), how & 3U, stamp, arrival);
        check(state);
        bytes = bytes.subspan(8);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span bytes(data, size);
    if (const auto reports = media::parseRtcp(bytes)) {
        demand(size % 4 == 0, "RTCP comes in words");
        demand(reports->blockCount <= media::RtcpReports::kMostBlocks, "blocks are bounded");
        media::RtcpWatch watch;
        base::TimePoint now{};
        watch.passed(reports->ntpMiddle, now);
        for (std::size_t i = 0; i < reports->blockCount; ++i) {
            now += std::chrono::milliseconds(reports->blocks[i].fractionLost);
            watch.passed(reports->blocks[i].lastReport, now);
            watch.receive(*reports, reports->blocks[i].about, now);
            demand(watch.view().roundTripUs <= 10'000'000, "a round trip is not longer than 10 s");
        }
    }
    receiveAll(bytes);
    return 0;
}
