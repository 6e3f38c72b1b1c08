// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::media {

/// What a payload type stands for.
struct Codec {
    std::uint8_t type = 0;    ///< payload type, 0–127
    std::uint32_t clock = 0;  ///< of the timestamps, in Hz
    std::string name;         ///< as in a=rtpmap; of foreign make

    friend bool operator==(const Codec&, const Codec&) = default;
};

/// The codec of a payload type: as `mapped` has it (what a=rtpmap says), else by the table of RFC 3551
/// §6. An empty name and clock 0: not known.
[[nodiscard]] Codec codecOf(std::uint8_t type, std::span<const Codec> mapped);

/// The clocks of one side's payload types, to be looked up for packets without allocation.
class PayloadClocks {
public:
    static constexpr std::size_t kMost = 16;  ///< further ones are not known

    void set(std::span<const Codec> mapped);

    /// In Hz; 0: events or noise, see isInterlude(). Nothing: the type is not mapped.
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint8_t type) const;

    /// Each as payloadClock() has it.
    [[nodiscard]] std::span<const std::uint32_t> all() const { return std::span(entries_).first(count_); }

private:
    std::array<std::uint32_t, kMost> entries_{};
    std::uint8_t count_ = 0;
};

/// The clock of a payload type by the table of RFC 3551, as PayloadClocks::find() has it.
[[nodiscard]] std::optional<std::uint32_t> staticClock(std::uint8_t type);

/// Whether packets of this codec are no voice and no picture: events (RFC 4733) and comfort noise. What
/// is measured goes on with the codec that they interrupt.
[[nodiscard]] bool isInterlude(std::string_view name);

}  // namespace siproxd::media
