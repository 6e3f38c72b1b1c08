// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace siproxd::media {

/// Whether a datagram is a STUN message by its first bits, length and magic cookie (RFC 8489 §5).
[[nodiscard]] bool isStun(std::span<const std::uint8_t> datagram);

/// A Binding request as a connectivity check of ICE makes it (RFC 8445 §7.1). Views hold as long as
/// the datagram.
class BindingRequest {
public:
    /// Nothing: it is something else, or its attributes are not in order, or it lacks a user name or
    /// one of the two sums, which are not looked at yet.
    [[nodiscard]] static std::optional<BindingRequest> parse(std::span<const std::uint8_t> datagram);

    /// Of the user name, what stands before the colon: the fragment of the one who is asked.
    [[nodiscard]] std::string_view localFragment() const;
    /// Whether whoever sent it knows the password, and it is STUN at all (MESSAGE-INTEGRITY and
    /// FINGERPRINT, RFC 8489 §14.5 and §14.7).
    [[nodiscard]] bool isSignedWith(std::string_view password) const;
    /// USE-CANDIDATE: media is to take this way.
    [[nodiscard]] bool nominates() const { return nominates_; }
    /// PRIORITY; 0: none was given.
    [[nodiscard]] std::uint32_t priority() const { return priority_; }
    /// The sender takes itself for the controlled one (RFC 8445 §7.3.1.1).
    [[nodiscard]] bool fromControlled() const { return fromControlled_; }
    /// Attributes that must be understood and are not (RFC 8489 §6.3.1); not more than a few of them.
    [[nodiscard]] std::span<const std::uint16_t> unknown() const {
        return std::span(unknown_).first(unknownCount_);
    }

    /// The answer: it has been received from `source`.
    [[nodiscard]] std::vector<std::uint8_t> success(const base::SocketAddress& source,
                                                    std::string_view password) const;
    static constexpr unsigned kUnknownAttribute = 420;  ///< RFC 8489 §14.8
    static constexpr unsigned kRoleConflict = 487;      ///< RFC 8445 §7.3.1.1
    /// The answer: it cannot be served.
    [[nodiscard]] std::vector<std::uint8_t> failure(unsigned code, std::string_view password) const;

private:
    static constexpr std::size_t kTransactionBytes = 12;
    static constexpr std::size_t kMostUnknown = 8;

    [[nodiscard]] bool readAttributes();
    /// Returns whether it may stand there.
    [[nodiscard]] bool readAttribute(std::uint16_t type, std::span<const std::uint8_t> value);

    std::span<const std::uint8_t> datagram_;
    std::string_view username_;
    std::size_t integrityAt_ = 0;    ///< offset of the attribute; 0: none yet
    std::size_t fingerprintAt_ = 0;  ///< likewise
    std::uint32_t priority_ = 0;
    bool nominates_ = false;
    bool fromControlled_ = false;
    std::size_t unknownCount_ = 0;
    std::array<std::uint16_t, kMostUnknown> unknown_{};
};

}  // namespace siproxd::media
