// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "../../plugins/enum/number.h"
#include "../../plugins/enum/records.h"
#include "demand.h"

using namespace siproxd;
using fuzz::demand;

namespace {

std::string_view upTo(char end, std::string_view& text) {
    const auto part = text.substr(0, text.find(end));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

}  // namespace

/// The first line is a number as it is dialled, the others are records: order and preference (one character each), and
/// after it flags, service, expression and replacement, with tabs between.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto input = fuzz::text(data, size);
    const auto e164 =
        enumlookup::e164(upTo('\n', input), {.country = "44", .international = "00", .national = "0"});
    demand(e164.empty() || (e164.starts_with('+') && e164.size() <= 16 &&
                            e164.find_first_not_of("0123456789", 1) == std::string::npos),
           "a number has at most 15 digits");
    demand(e164.empty() || enumlookup::domainOf(e164, "x").size() == 2 * e164.size() - 1, "a domain has a label a digit");
    std::vector<api::Naptr> records;
    while (!input.empty() && records.size() < 32) {
        auto line = upTo('\n', input);
        const auto place = upTo('\t', line);
        api::Naptr record;
        record.order = place.empty() ? 0 : static_cast<unsigned char>(place[0]);
        record.preference = place.size() < 2 ? 0 : static_cast<unsigned char>(place[1]);
        record.flags = upTo('\t', line).substr(0, 255);
        record.service = upTo('\t', line).substr(0, 255);
        record.regexp = upTo('\t', line).substr(0, 255);
        record.replacement = upTo('\t', line).substr(0, 255);
        records.push_back(std::move(record));
    }
    const auto meaning = enumlookup::meaningOf(records, e164.empty() ? "+4420" : e164);
    demand(meaning.uri.empty() || meaning.domain.empty(), "a record means one thing");
    demand(meaning.uri.size() <= 512, "URIs are bounded");
    return 0;
}
