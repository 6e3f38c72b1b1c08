// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "access/address_list.h"
#include "access/ban_list.h"
#include "access/bounded_table.h"
#include "access/source.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/random.h"

namespace siproxd::access {

/// What a sender does, each with a token bucket of its own.
enum class Conduct : std::uint8_t {
    Request,        ///< any message; of responses, too, each takes a token
    Register,       ///< a REGISTER
    FailedAuth,     ///< a wrong password, user or URI, or one try too many
    Malformed,      ///< bytes that are no message
    UnknownCallee,  ///< a call or query for somebody who is not here
    Scanner,        ///< carries the signature of a scanner
    Excess,         ///< a packet that was dropped as too much
};
inline constexpr std::size_t kConducts = 7;

/// Text for the log, of static duration.
[[nodiscard]] std::string_view conductName(Conduct conduct);

/// How much is admitted: `burst` at once, then `perSecond`.
struct Rate {
    float perSecond;
    float burst;
};

/// Keeps scanners and floods out. A source is an IPv4 address or the /64 of an IPv6 address.
///
/// Too many requests are dropped, in silence; too much of anything else, or dropping that does not
/// help, is a ban. A datagram's sender may be forged: without proof each offence weighs a quarter,
/// bans are short and hold only for what comes without proof, and a source that has been proven good
/// is never banned for it, only slowed down. The trusted are let through unseen.
///
/// Constant time for each packet; nothing is allocated for a source that is known. Memory is
/// bounded: the proven and the unproven have a table each, and from a full one the source goes that
/// has been silent for longest.
class FloodGuard {
public:
    struct Options {
        /// In the order of Conduct.
        std::array<Rate, kConducts> rates{{
            {50, 200},            // Request
            {5, 50},              // Register
            {1.0F / 30, 10},      // FailedAuth
            {1.0F / 10, 20},      // Malformed
            {1.0F / 10, 10},      // UnknownCallee
            {1.0F / 600, 0.75F},  // Scanner: the first proven one bans, or the fourth unproven
            {10, 500},            // Excess
        }};
        float unprovenWeight = 0.25F;
        float provenFactor = 10;  ///< how much more a proven source may send
        base::Duration banFor = std::chrono::hours(1);
        base::Duration banUnprovenFor = std::chrono::minutes(5);
        std::size_t mostSources = 16384;  ///< of each kind, proven and unproven
        std::size_t mostBans = 4096;      ///< of each kind
    };

    enum class Verdict : std::uint8_t {
        Pass,
        Drop,  ///< no answer
        Ban,   ///< no answer, and from now on the source is banned
    };

    /// `random` is used during construction only; `clock` must outlive it.
    FloodGuard(const Options& options, base::Random& random, const base::Clock& clock);

    /// Networks that are never limited nor banned. Ends bans of theirs.
    void setTrusted(AddressList trusted);

    /// A packet has come; asked before it is parsed. `cost`: how many requests it counts as.
    [[nodiscard]] Verdict admit(const base::IpAddress& from, Proof proof, float cost = 1);

    /// The sender of an admitted packet did this. Not for Request and Excess, which admit() counts.
    [[nodiscard]] Verdict report(Conduct conduct, const base::IpAddress& from, Proof proof);

    /// The source receives what is sent to it and means well: it has authenticated, or answered a
    /// request of ours.
    void prove(const base::IpAddress& from);
    /// Whether prove() was called for it, and it has not been forgotten or banned since.
    [[nodiscard]] bool isProven(const base::IpAddress& from) const;

    /// New rates and times, from now on; the sizes of the tables stay.
    void configure(const Options& options) { options_ = options; }

    /// By hand, from the console. Trusted ones are not banned: false.
    bool ban(const base::IpAddress& from, base::Duration duration);
    bool unban(const base::IpAddress& from);
    [[nodiscard]] std::vector<Ban> bans() const;

    /// For observers.
    [[nodiscard]] BanList& banList() { return bans_; }

    /// To be called every few seconds: ends bans.
    void tick();

    [[nodiscard]] std::size_t sources() const { return unproven_.size() + proven_.size(); }

private:
    struct Buckets {
        std::array<float, kConducts> tokens{};
        base::TimePoint filled{};
    };
    using Table = BoundedTable<base::IpAddress, Buckets, SourceHash>;
    struct Account {
        base::IpAddress source;
        bool good;  ///< proven
        Buckets& buckets;
    };

    /// Or what is settled beforehand: of the trusted and the banned nothing is counted.
    [[nodiscard]] std::expected<Account, Verdict> accountOf(const base::IpAddress& from,
                                                            Proof proof);
    /// `harmless` as long as there is credit.
    [[nodiscard]] Verdict charge(const Account& account, Conduct conduct, Proof proof,
                                 Verdict harmless);
    [[nodiscard]] Buckets& bucketsOf(const base::IpAddress& source, bool good);
    [[nodiscard]] Buckets fullBuckets(float factor) const;
    void refill(Buckets& buckets, float factor) const;
    /// False when there were not enough tokens; takes none then.
    [[nodiscard]] static bool take(Buckets& buckets, Conduct conduct, float cost);
    [[nodiscard]] Verdict shutOut(const base::IpAddress& source, Conduct why, Proof proof);

    Options options_;
    const base::Clock& clock_;
    AddressList trusted_;
    Table unproven_;
    Table proven_;
    BanList bans_;
};

}  // namespace siproxd::access
