// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/ban_list.h"

#include <algorithm>

namespace siproxd::access {

BanList::BanList(std::size_t most, base::Random& random)
    : proven_(most, SourceHash(random)), unproven_(most, SourceHash(random)) {}

const Ban* BanList::find(const base::IpAddress& source) const {
    const auto* ban = proven_.find(source);
    return ban != nullptr ? ban : unproven_.find(source);
}

void BanList::add(const Ban& ban) {
    auto merged = ban;
    if (const auto* old = find(ban.source)) {
        merged.until = std::max(merged.until, old->until);
        merged.proven = merged.proven || old->proven;
        proven_.erase(ban.source);
        unproven_.erase(ban.source);
    }
    auto& table = merged.proven ? proven_ : unproven_;
    if (table.full()) {
        if (const auto oldest = table.oldest()) {
            end(table, oldest->second);
        }
    }
    table.add(merged.source, merged);
    for (auto* listener : listeners_) {
        listener->onBanned(merged);
    }
}

bool BanList::contains(const base::IpAddress& source, base::TimePoint now, Proof proof) const {
    const auto* ban = find(source);
    return ban != nullptr && now < ban->until && (ban->proven || proof == Proof::None);
}

std::optional<base::TimePoint> BanList::until(const base::IpAddress& source,
                                              base::TimePoint now) const {
    const auto* ban = find(source);
    return ban != nullptr && now < ban->until ? std::optional(ban->until) : std::nullopt;
}

bool BanList::remove(const base::IpAddress& source) {
    for (auto* table : {&proven_, &unproven_}) {
        if (const auto* ban = table->find(source)) {
            end(*table, Ban(*ban));
            return true;
        }
    }
    return false;
}

void BanList::end(Table& table, const Ban& ban) {
    table.erase(ban.source);
    for (auto* listener : listeners_) {
        listener->onUnbanned(ban);
    }
}

void BanList::expire(base::TimePoint now) {
    std::vector<Ban> over;
    for (auto* table : {&proven_, &unproven_}) {
        over.clear();
        table->forEach([&](const base::IpAddress&, const Ban& ban) {
            if (ban.until <= now) {
                over.push_back(ban);
            }
        });
        for (const auto& ban : over) {
            end(*table, ban);
        }
    }
}

std::vector<Ban> BanList::list(base::TimePoint now) const {
    std::vector<Ban> bans;
    for (const auto* table : {&proven_, &unproven_}) {
        table->forEach([&](const base::IpAddress&, const Ban& ban) {
            if (now < ban.until) {
                bans.push_back(ban);
            }
        });
    }
    return bans;
}

}  // namespace siproxd::access
