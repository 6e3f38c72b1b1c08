// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/reception.h"

namespace siproxd::media {

void ReceptionState::receive(std::uint32_t from, std::uint16_t sequence, std::uint8_t kind,
                             std::uint32_t stamp, std::uint64_t arrival) {
    siproxd_reception_receive(this, from, sequence, kind, stamp, arrival);
}

void ReceptionState::follow(std::uint32_t word) {
    siproxd_reception_follow(this, word);
}

double ReceptionState::jitterMs() const {
    // A unit is 2^32 / clock times 1024 ns.
    return clock == 0 ? 0.0 : jitter / 16.0 * 4294967296.0 / clock * 1024e-6;
}

}  // namespace siproxd::media
