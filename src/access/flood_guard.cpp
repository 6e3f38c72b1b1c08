// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/flood_guard.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace siproxd::access {

namespace {

/// Refilled more often, slow buckets would lose what they get to rounding.
constexpr auto kGrain = std::chrono::milliseconds(10);

constexpr std::size_t indexOf(Conduct conduct) {
    return static_cast<std::size_t>(conduct);
}

/// Whether a source that is proven good may do more of it.
constexpr bool isLoad(Conduct conduct) {
    return conduct == Conduct::Request || conduct == Conduct::Register ||
           conduct == Conduct::Excess;
}

/// `factor` for the conducts that it is meant for.
constexpr float factorFor(Conduct conduct, float factor) {
    return isLoad(conduct) ? factor : 1;
}

}  // namespace

std::string_view conductName(Conduct conduct) {
    switch (conduct) {
        case Conduct::Request: return "requests";
        case Conduct::Register: return "registrations";
        case Conduct::FailedAuth: return "wrong passwords";
        case Conduct::Malformed: return "malformed messages";
        case Conduct::UnknownCallee: return "unknown callees";
        case Conduct::Scanner: return "scanner";
        case Conduct::Excess: return "flood";
    }
    return "unknown";
}

FloodGuard::FloodGuard(const Options& options, base::Random& random, const base::Clock& clock)
    : options_(options), clock_(clock), unproven_(options.mostSources, SourceHash(random)),
      proven_(options.mostSources, SourceHash(random)), bans_(options.mostBans, random) {}

void FloodGuard::setTrusted(AddressList trusted) {
    trusted_ = std::move(trusted);
    for (const auto& ban : bans()) {
        if (trusted_.contains(ban.source)) {
            bans_.remove(ban.source);
        }
    }
}

std::expected<FloodGuard::Account, FloodGuard::Verdict> FloodGuard::accountOf(
    const base::IpAddress& from, Proof proof) {
    if (trusted_.contains(from)) {
        return std::unexpected(Verdict::Pass);
    }
    const auto source = sourceOf(from);
    if (bans_.contains(source, clock_.now(), proof)) {
        return std::unexpected(Verdict::Drop);
    }
    const bool good = proven_.find(source) != nullptr;
    return Account{source, good, bucketsOf(source, good)};
}

FloodGuard::Verdict FloodGuard::charge(const Account& account, Conduct conduct, Proof proof,
                                       Verdict harmless) {
    if (account.good && proof == Proof::None) {
        return harmless;  // whoever forges this address shall not use up its owner's credit
    }
    return take(account.buckets, conduct, proof == Proof::Shown ? 1 : options_.unprovenWeight)
               ? harmless
               : shutOut(account.source, conduct, proof);
}

FloodGuard::Verdict FloodGuard::admit(const base::IpAddress& from, Proof proof, float cost) {
    const auto account = accountOf(from, proof);
    if (!account) {
        return account.error();
    }
    return take(account->buckets, Conduct::Request, cost)
               ? Verdict::Pass
               : charge(*account, Conduct::Excess, proof, Verdict::Drop);
}

FloodGuard::Verdict FloodGuard::report(Conduct conduct, const base::IpAddress& from, Proof proof) {
    const auto account = accountOf(from, proof);
    if (!account) {
        return account.error();
    }
    if (conduct == Conduct::Register) {
        return take(account->buckets, conduct, 1) ? Verdict::Pass : Verdict::Drop;
    }
    return charge(*account, conduct, proof,
                  conduct == Conduct::Scanner ? Verdict::Drop : Verdict::Pass);
}

FloodGuard::Verdict FloodGuard::shutOut(const base::IpAddress& source, Conduct why, Proof proof) {
    const bool proven = proof == Proof::Shown;
    const auto duration = proven ? options_.banFor : options_.banUnprovenFor;
    unproven_.erase(source);
    proven_.erase(source);
    log::infoFromPeer("{} is banned for {} s: {}", source.toString(),
                      std::chrono::duration_cast<std::chrono::seconds>(duration).count(),
                      conductName(why));
    bans_.add({source, clock_.now() + duration, conductName(why), proven});
    return Verdict::Ban;
}

FloodGuard::Buckets& FloodGuard::bucketsOf(const base::IpAddress& source, bool good) {
    auto& table = good ? proven_ : unproven_;
    const float factor = good ? options_.provenFactor : 1;
    if (auto* known = table.use(source)) {
        refill(*known, factor);
        return *known;
    }
    return table.add(source, fullBuckets(factor));
}

FloodGuard::Buckets FloodGuard::fullBuckets(float factor) const {
    Buckets buckets;
    for (std::size_t i = 0; i < kConducts; ++i) {
        buckets.tokens[i] = options_.rates[i].burst * factorFor(static_cast<Conduct>(i), factor);
    }
    buckets.filled = clock_.now();
    return buckets;
}

void FloodGuard::refill(Buckets& buckets, float factor) const {
    const auto now = clock_.now();
    if (now - buckets.filled < kGrain) {
        return;
    }
    const std::chrono::duration<float> since = now - buckets.filled;
    buckets.filled = now;
    for (std::size_t i = 0; i < kConducts; ++i) {
        const auto& rate = options_.rates[i];
        const auto more = factorFor(static_cast<Conduct>(i), factor);
        buckets.tokens[i] =
            std::min(rate.burst * more, buckets.tokens[i] + rate.perSecond * more * since.count());
    }
}

bool FloodGuard::take(Buckets& buckets, Conduct conduct, float cost) {
    auto& tokens = buckets.tokens[indexOf(conduct)];
    if (tokens < cost) {
        return false;
    }
    tokens -= cost;
    return true;
}

void FloodGuard::prove(const base::IpAddress& from) {
    const auto source = sourceOf(from);
    if (trusted_.contains(from) || proven_.use(source) != nullptr) {
        return;
    }
    auto buckets = fullBuckets(options_.provenFactor);
    if (const auto* before = unproven_.find(source)) {
        for (std::size_t i = 0; i < kConducts; ++i) {
            if (!isLoad(static_cast<Conduct>(i))) {
                buckets.tokens[i] = before->tokens[i];
            }
        }
        unproven_.erase(source);
    }
    proven_.add(source, buckets);
}

bool FloodGuard::isProven(const base::IpAddress& from) const {
    return proven_.find(sourceOf(from)) != nullptr;
}

bool FloodGuard::ban(const base::IpAddress& from, base::Duration duration) {
    if (trusted_.contains(from)) {
        return false;
    }
    const auto source = sourceOf(from);
    unproven_.erase(source);
    proven_.erase(source);
    bans_.add({source, clock_.now() + duration, "by hand", true});
    return true;
}

bool FloodGuard::unban(const base::IpAddress& from) {
    return bans_.remove(sourceOf(from));
}

std::vector<Ban> FloodGuard::bans() const {
    return bans_.list(clock_.now());
}

void FloodGuard::tick() {
    bans_.expire(clock_.now());
}

}  // namespace siproxd::access
