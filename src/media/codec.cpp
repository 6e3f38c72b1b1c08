// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/codec.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "kernel/reception_math.h"

namespace siproxd::media {

namespace {

struct Static {
    std::uint8_t type;
    std::uint32_t clock;
    std::string_view name;
};

// RFC 3551 §6, tables 4 and 5.
constexpr std::array kStatic{
    Static{0, 8000, "PCMU"},   Static{3, 8000, "GSM"},    Static{4, 8000, "G723"},
    Static{5, 8000, "DVI4"},   Static{6, 16000, "DVI4"},  Static{7, 8000, "LPC"},
    Static{8, 8000, "PCMA"},   Static{9, 8000, "G722"},   Static{10, 44100, "L16"},
    Static{11, 44100, "L16"},  Static{12, 8000, "QCELP"}, Static{13, 8000, "CN"},
    Static{14, 90000, "MPA"},  Static{15, 8000, "G728"},  Static{16, 11025, "DVI4"},
    Static{17, 22050, "DVI4"}, Static{18, 8000, "G729"},  Static{25, 90000, "CelB"},
    Static{26, 90000, "JPEG"}, Static{28, 90000, "nv"},   Static{31, 90000, "H261"},
    Static{32, 90000, "MPV"},  Static{33, 90000, "MP2T"}, Static{34, 90000, "H263"},
};

constexpr unsigned kTypeShift = SIPROXD_TYPE_SHIFT;
constexpr std::uint32_t kClockBits = (1U << kTypeShift) - 1;
constexpr std::uint32_t kMostClock = SIPROXD_CLOCK_UNKNOWN - 1;

}  // namespace

Codec codecOf(std::uint8_t type, std::span<const Codec> mapped) {
    if (const auto found = std::ranges::find(mapped, type, &Codec::type); found != mapped.end()) {
        return *found;
    }
    const auto* const known = std::ranges::find(kStatic, type, &Static::type);
    if (known == kStatic.end()) {
        return {type, 0, ""};
    }
    return {type, known->clock, std::string(known->name)};
}

void PayloadClocks::set(std::span<const Codec> mapped) {
    count_ = static_cast<std::uint8_t>(std::min(mapped.size(), kMost));
    for (std::size_t i = 0; i < count_; ++i) {
        const auto clock = isInterlude(mapped[i].name) ? 0U : std::min(mapped[i].clock, kMostClock);
        entries_[i] = std::uint32_t{mapped[i].type} << kTypeShift | clock;
    }
}

std::optional<std::uint32_t> PayloadClocks::find(std::uint8_t type) const {
    const auto entries = std::span(entries_).first(count_);
    const auto found = std::ranges::find_if(
        entries, [type](std::uint32_t entry) { return entry >> kTypeShift == type; });
    return found == entries.end() ? std::nullopt : std::optional(*found & kClockBits);
}

std::optional<std::uint32_t> staticClock(std::uint8_t type) {
    const auto* const known = std::ranges::find(kStatic, type, &Static::type);
    if (known == kStatic.end()) {
        return std::nullopt;
    }
    return isInterlude(known->name) ? 0U : known->clock;
}

bool isInterlude(std::string_view name) {
    return base::equalsIgnoreCase(name, "telephone-event") || base::equalsIgnoreCase(name, "tone") ||
           base::equalsIgnoreCase(name, "CN") || base::equalsIgnoreCase(name, "red");
}

}  // namespace siproxd::media
