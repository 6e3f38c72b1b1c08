// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "../../plugins/codecfilter/filter.h"
#include "../../plugins/codecfilter/parts.h"
#include "demand.h"

using namespace siproxd;
using fuzz::demand;

/// The first line is the Content-Type.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = fuzz::text(data, size);
    const auto end = std::min(input.find('\n'), input.size());
    const auto body = input.substr(std::min(end + 1, input.size()));
    std::size_t position = 0;
    for (const auto& part : codecfilter::findDescriptions(input.substr(0, end), body)) {
        demand(part.begin >= position && part.size <= body.size() - part.begin,
               "parts follow each other within the body");
        position = part.begin + part.size;
    }
    const auto once = codecfilter::filter(body, {"PCMA", "H26", "opus"});
    demand(once.text.size() <= body.size() || once.refused > 0, "a filter only takes away");
    const auto twice = codecfilter::filter(once.text, {"PCMA", "H26", "opus"});
    demand(once.refused > 0 || twice.text == once.text, "a second time there is nothing to do");
    demand(codecfilter::filter(body, {}).text == body, "without words nothing changes");
    return 0;
}
