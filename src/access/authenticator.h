// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/bounded_table.h"
#include "access/credentials.h"
#include "access/nonces.h"
#include "access/users.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/random.h"

namespace siproxd::access {

/// Decides whether a request comes from one of our users (Digest, RFC 3261 §22 as RFC 8760 amends
/// it). Only credentials of our realm are looked at: those for others are the provider's business.
///
///     no credentials of ours                              -> Challenge
///     nonce not fresh, or its count used before           -> Challenge, stale
///     counted too often for this user from this source    -> Refuse, unread
///     wrong password, user or URI                         -> Challenge, counted
///     else                                                -> Accept
///
/// Only what comes with a fresh nonce is counted: a nonce is good for the source that it was sent
/// to, so nobody can lock out a user by forging the user's address, nor try passwords uncounted. An
/// unknown user is not told from a wrong password, by answer or by time.
class Authenticator {
public:
    struct Options {
        std::string realm;
        base::Duration nonceLife = Nonces::kDefaultLife;
        unsigned mostTries = 5;  ///< wrong passwords that are answered by a challenge
        base::Duration triesWindow = std::chrono::minutes(5);  ///< from the last one that counted
        std::size_t mostTried = 4096;  ///< pairs of user and source that are remembered

        friend bool operator==(const Options&, const Options&) = default;
    };

    /// A request, as far as it matters here. ACK and CANCEL cannot be challenged (RFC 3261 §22.1):
    /// not to be asked about.
    struct Request {
        std::string_view method;
        std::string_view uri;  ///< the Request-URI as it came
        base::IpAddress source;
        /// The values of its Proxy-Authorization fields (answered by 407), or of its Authorization
        /// fields (401).
        std::span<const std::string> credentials;
    };

    enum class Outcome : std::uint8_t { Accept, Challenge, Refuse };

    struct Verdict {
        Outcome outcome = Outcome::Challenge;
        std::string user;     ///< who it is, when accepted
        bool stale = false;   ///< for the challenge
        bool failed = false;  ///< a wrong password, user or URI, or refused unread
        bool proven = false;  ///< the sender has received a challenge at this source before
        /// Indices of `credentials` that are for our realm: not to be forwarded to anybody.
        std::vector<std::size_t> ours;
    };

    /// `random` and `clock` must outlive it.
    Authenticator(Options options, Users users, base::Random& random, const base::Clock& clock);

    [[nodiscard]] Verdict check(const Request& request);

    /// Indices of the credentials that are for our realm, right or wrong.
    /// Whether a challenge is for our realm.
    [[nodiscard]] bool isForUs(std::string_view challenge) const;
    [[nodiscard]] std::vector<std::size_t> oursAmong(std::span<const std::string> credentials) const;

    /// Values for the Proxy-Authenticate or WWW-Authenticate fields, the strongest first; the nonce
    /// is the same in all.
    [[nodiscard]] std::vector<std::string> challenges(const base::IpAddress& source, bool stale);

    void setUsers(Users users) { users_ = std::move(users); }
    [[nodiscard]] const std::string& realm() const { return options_.realm; }

private:
    /// Stands for a user and a source; keyed, so that it cannot be chosen to collide.
    using Tag = std::array<std::uint8_t, 16>;
    struct TagHash {
        [[nodiscard]] std::size_t operator()(const Tag& tag) const;
    };
    struct Tries {
        unsigned wrong = 0;
        base::TimePoint until{};
    };

    void judge(const Credentials& credentials, const Request& request, Verdict& verdict);
    [[nodiscard]] bool proves(const Credentials& credentials, const Request& request) const;
    [[nodiscard]] bool isOurs(const AuthProblem& problem, std::string_view field) const;
    [[nodiscard]] Tag tagOf(std::string_view user, const base::IpAddress& source) const;
    [[nodiscard]] bool lockedOut(const Tag& tag) const;
    void countWrong(const Tag& tag);

    Options options_;
    Users users_;
    const base::Clock& clock_;
    Nonces nonces_;
    std::string opaque_;
    std::array<std::uint8_t, 32> key_{};
    BoundedTable<Tag, Tries, TagHash> tries_;
};

}  // namespace siproxd::access
