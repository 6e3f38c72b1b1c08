// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "base/random.h"

namespace siproxd::access {

/// The nonces of our challenges. One that is given out costs no memory: it says itself when that
/// was, and a MAC with a key of this process proves that it was us and for which source (an IPv4
/// address, the /64 of an IPv6 address). Who answers with a fresh one therefore receives what is
/// sent to his address.
///
/// Only those that have served for a right password are kept, with the counts that were used, until
/// they expire. When there are too many, the oldest goes, and with it every nonce that is as old:
/// these count as stale, so that nothing can be replayed.
class Nonces {
public:
    static constexpr base::Duration kDefaultLife = std::chrono::minutes(5);
    static constexpr std::size_t kDefaultMost = 10'000;

    Nonces(base::Random& random, const base::Clock& clock, base::Duration life = kDefaultLife,
           std::size_t most = kDefaultMost);

    /// 32 characters of base64.
    [[nodiscard]] std::string issue(const base::IpAddress& source);

    /// Whether it is ours, for this source, and not too old.
    [[nodiscard]] bool isFresh(std::string_view nonce, const base::IpAddress& source) const;

    /// Marks a count as used; false when it was used before, is too far (64) behind the highest, or
    /// the nonce is not fresh. Count 0, from clients without qop, is good for the first use of the
    /// nonce only. To be called when the password was right, or strangers could use counts up.
    [[nodiscard]] bool use(std::string_view nonce, const base::IpAddress& source,
                           std::uint32_t count);

    /// How many are remembered.
    [[nodiscard]] std::size_t remembered() const { return used_.size(); }

private:
    static constexpr std::size_t kRandomBytes = 8;
    static constexpr std::size_t kMacBytes = 12;
    static constexpr std::size_t kBytes = sizeof(std::uint32_t) + kRandomBytes + kMacBytes;

    /// What a nonce says in clear; orders by age.
    struct Stamp {
        std::uint32_t second = 0;  ///< of this object's life
        std::array<std::uint8_t, kRandomBytes> random{};

        friend auto operator<=>(const Stamp&, const Stamp&) = default;
    };
    struct Use {
        std::uint32_t highest = 0;
        std::uint64_t window = 0;  ///< bit n: the count `highest - n` has been used
    };

    [[nodiscard]] std::uint32_t secondNow() const;
    [[nodiscard]] std::string text(const Stamp& stamp, const base::IpAddress& source) const;
    /// Nothing when it is not fresh.
    [[nodiscard]] std::optional<Stamp> read(std::string_view nonce,
                                            const base::IpAddress& source) const;
    [[nodiscard]] bool expired(const Stamp& stamp) const;
    [[nodiscard]] static bool mark(Use& use, std::uint32_t count);

    base::Random& random_;
    const base::Clock& clock_;
    base::Duration life_;
    std::size_t most_;
    base::TimePoint start_;
    std::array<std::uint8_t, 32> key_{};
    std::map<Stamp, Use> used_;
    std::optional<Stamp> forgotten_;  ///< what is not younger and not in used_ is stale
};

}  // namespace siproxd::access
