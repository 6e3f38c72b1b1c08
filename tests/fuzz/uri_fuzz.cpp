// SPDX-License-Identifier: GPL-2.0-or-later
#include "demand.h"
#include "sip/name_addr.h"
#include "sip/scan.h"
#include "sip/uri.h"
#include "sip/via.h"

using namespace siproxd;
using fuzz::demand;

namespace {

/// Reads, writes and reads again.
template <class Thing>
void roundTrip(std::string_view text, const char* what) {
    if (const auto first = Thing::parse(text)) {
        const auto second = Thing::parse(first->toString());
        demand(second.has_value() && *second == *first, what);
        demand(second->toString() == first->toString(), what);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::text(data, size);
    if (size > 1024) {
        return 0;  // brackets and spaces that are added could exceed the limits
    }
    roundTrip<sip::Uri>(text, "a URI stays what it is");
    roundTrip<sip::NameAddr>(text, "a name-addr stays what it is");
    roundTrip<sip::Params>(text, "parameters stay what they are");
    roundTrip<sip::Via>(text, "a Via stays what it is");
    if (const auto uri = sip::Uri::parse(text)) {
        demand(uri->sameAddress(*uri), "a URI is its own address");
        demand(!uri->isSip() || !uri->host.empty(), "a SIP URI has a host");
    }
    if (const auto values = sip::splitValues(text)) {
        for (const auto value : *values) {
            demand(value.data() >= text.data() &&
                       value.data() + value.size() <= text.data() + text.size(),
                   "values are parts of the text");
        }
    }
    return 0;
}
