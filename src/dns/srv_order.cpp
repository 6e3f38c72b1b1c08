// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/srv_order.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <tuple>

namespace siproxd::dns {

SrvRecords drawOrder(SrvRecords records, base::Random& random) {
    // Those without weight come first: they have their small chance when the lot is 0.
    std::ranges::stable_sort(records, {}, [](const SrvRecord& record) {
        return std::tuple(record.priority, record.weight != 0);
    });
    for (auto next = records.begin(); next != records.end(); ++next) {
        const auto end = std::find_if(next, records.end(), [&](const SrvRecord& record) {
            return record.priority != next->priority;
        });
        const auto sum = std::accumulate(
            next, end, 0U, [](unsigned total, const SrvRecord& r) { return total + r.weight; });
        const std::uint32_t lot = random.below(sum + 1);
        std::uint32_t running = 0;
        const auto drawn = std::find_if(next, end, [&](const SrvRecord& record) {
            running += record.weight;
            return running >= lot;
        });
        std::rotate(next, drawn, drawn + 1);
    }
    return records;
}

}  // namespace siproxd::dns
