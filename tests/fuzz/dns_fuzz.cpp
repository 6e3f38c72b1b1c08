// SPDX-License-Identifier: GPL-2.0-or-later
// What a name server answers, and what the system says of its name servers.
#include <span>
#include <type_traits>
#include <variant>

#include "demand.h"
#include "dns/outcome.h"
#include "dns/resolv_conf.h"

using namespace siproxd;
using fuzz::demand;
using Kind = dns::Outcome::Kind;

namespace {

template <class List>
void check(const dns::Outcome& outcome) {
    if (outcome.kind != Kind::Found) {
        demand(!outcome.reason.empty(), "a failure has a reason");
        return;
    }
    const auto* records = std::get_if<List>(&outcome.records);
    demand(records != nullptr && !records->empty(), "what is found is there");
    demand(records->size() <= dns::kMaxRecords, "records have an end");
    demand(outcome.ttl >= base::Duration::zero(), "time to live is not negative");
    if constexpr (std::is_same_v<List, dns::SrvRecords>) {
        for (const auto& record : *records) {
            demand(record.port != 0 || record.target.empty(), "a server can be connected to");
        }
    } else {
        for (const auto& record : *records) {
            demand(record.replacement.empty() != record.regexp.empty(), "a rule leads somewhere");
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span message(data, size);
    check<dns::SrvRecords>(dns::srvOutcome(0, message));
    check<dns::NaptrRecords>(dns::naptrOutcome(0, message));
    demand(dns::leastTtl(message) >= base::Duration::zero(), "time to live is not negative");
    const auto system = dns::parseResolvConf(fuzz::text(data, size));
    for (const auto& server : system.servers) {
        demand(bool(server), "a server has an address");
    }
    demand(system.dots >= 0, "dots are counted");
    return 0;
}
