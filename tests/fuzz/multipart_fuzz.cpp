// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "demand.h"
#include "sdp/multipart.h"

using namespace siproxd;
using fuzz::demand;

/// The first line is the Content-Type.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = fuzz::text(data, size);
    const auto end = std::min(input.find('\n'), input.size());
    const auto body = input.substr(std::min(end + 1, input.size()));
    const auto places = sdp::findDescriptions(input.substr(0, end), body);
    if (!places) {
        return 0;
    }
    demand(places->size() <= sdp::kMaxParts, "parts are bounded");
    demand(std::ranges::count_if(*places, &sdp::Place::isSession) <= 1, "one session at most");
    std::size_t position = 0;
    for (const auto& place : *places) {
        demand(place.begin >= position && place.size <= body.size() - place.begin,
               "parts follow each other within the body");
        position = place.begin + place.size;
    }
    return 0;
}
