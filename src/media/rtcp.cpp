// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/rtcp.h"

#include <algorithm>

namespace siproxd::media {

namespace {

constexpr std::uint8_t kSenderReport = 200;
constexpr std::uint8_t kReceiverReport = 201;
constexpr std::size_t kHeader = 8;       // with the SSRC
constexpr std::size_t kSenderInfo = 20;
constexpr std::size_t kBlock = 24;

/// A round trip that is longer is a report about something else.
constexpr std::chrono::seconds kLongestTrip{10};

std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at]) << 24U |
           static_cast<std::uint32_t>(bytes[at + 1]) << 16U |
           static_cast<std::uint32_t>(bytes[at + 2]) << 8U | bytes[at + 3];
}

ReportBlock readBlock(std::span<const std::uint8_t> bytes) {
    ReportBlock block;
    block.about = read32(bytes, 0);
    block.fractionLost = bytes[4];
    // 24 bits with a sign.
    block.lost = static_cast<std::int32_t>(read32(bytes, 4) << 8U) >> 8;
    block.jitter = read32(bytes, 12);
    block.lastReport = read32(bytes, 16);
    block.delay = read32(bytes, 20);
    return block;
}

/// Adds one report packet; false: it is shorter than it says.
bool readReport(std::span<const std::uint8_t> packet, RtcpReports& out) {
    const bool isSender = packet[1] == kSenderReport;
    const std::size_t count = packet[0] & 0x1fU;
    const auto first = kHeader + (isSender ? kSenderInfo : 0);
    if (packet.size() < first + count * kBlock) {
        return false;
    }
    if (isSender && !out.isSender) {
        out.isSender = true;
        out.ntpMiddle = read32(packet, 8) << 16U | read32(packet, 12) >> 16U;
        out.packetsSent = read32(packet, 20);
    }
    for (std::size_t i = 0; i < count && out.blockCount < RtcpReports::kMostBlocks; ++i) {
        out.blocks[out.blockCount++] = readBlock(packet.subspan(first + i * kBlock, kBlock));
    }
    return true;
}

}  // namespace

std::optional<RtcpReports> parseRtcp(std::span<const std::uint8_t> datagram) {
    RtcpReports out;
    bool any = false;
    while (!datagram.empty()) {
        if (datagram.size() < 4 || datagram[0] >> 6U != 2 || datagram[1] < 192 ||
            datagram[1] > 223) {
            return std::nullopt;
        }
        const std::size_t length = 4 * (std::size_t{datagram[2]} * 256 + datagram[3] + 1);
        if (length > datagram.size()) {
            return std::nullopt;
        }
        const auto packet = datagram.first(length);
        if (packet[1] == kSenderReport || packet[1] == kReceiverReport) {
            if (length < kHeader || !readReport(packet, out)) {
                return std::nullopt;
            }
            out.sender = any ? out.sender : read32(packet, 4);
            any = true;
        }
        datagram = datagram.subspan(length);
    }
    return any ? std::optional(out) : std::nullopt;
}

void RtcpWatch::receive(const RtcpReports& reports, std::uint32_t heardSsrc, base::TimePoint now) {
    if (reports.isSender) {
        show(5, reports.packetsSent);
    }
    const auto blocks = std::span(reports.blocks).first(reports.blockCount);
    const auto block = std::ranges::find(blocks, heardSsrc, &ReportBlock::about);
    if (block == blocks.end()) {
        return;
    }
    show(1, block->fractionLost);
    show(2, static_cast<std::uint32_t>(block->lost));
    show(3, block->jitter);
    show(0, shown_[0].load(std::memory_order_relaxed) + 1);
    const auto sent = std::ranges::find(sent_, block->lastReport, &Sent::ntpMiddle);
    if (block->lastReport == 0 || sent == sent_.end()) {
        return;
    }
    const auto waited = std::chrono::microseconds(std::uint64_t{block->delay} * 1'000'000 >> 16U);
    const auto trip =
        std::chrono::duration_cast<std::chrono::microseconds>(now - sent->when - waited);
    if (trip.count() >= 0 && trip < kLongestTrip) {
        // 0 says that there is none.
        show(4, static_cast<std::uint32_t>(std::max<std::int64_t>(trip.count(), 1)));
    }
}

void RtcpWatch::show(std::size_t field, std::uint32_t value) {
    shown_[field].store(value, std::memory_order_relaxed);
}

void RtcpWatch::passed(std::uint32_t ntpMiddle, base::TimePoint now) {
    sent_[next_] = {ntpMiddle, now};
    next_ = (next_ + 1) % sent_.size();
}

RtcpView RtcpWatch::view() const {
    const auto field = [this](std::size_t index) {
        return shown_[index].load(std::memory_order_relaxed);
    };
    return {field(0), field(1), static_cast<std::int32_t>(field(2)), field(3), field(4), field(5)};
}

}  // namespace siproxd::media
