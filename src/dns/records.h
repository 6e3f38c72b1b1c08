// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "dns/resolver.h"

namespace siproxd::dns {

/// What is asked for; `Both` is A and AAAA at once.
enum class RecordType : std::uint8_t { A, Aaaa, Both, Srv, Naptr };

/// The type that holds addresses of `family`.
[[nodiscard]] RecordType addressType(base::Family family);

/// A name and what is wanted to be known of it.
struct Question {
    std::string name;
    RecordType type = RecordType::A;

    /// `sip.example.test/SRV`: how a cache or a table of lookups names the question. Alike for
    /// names that differ in case only.
    [[nodiscard]] std::string key() const;
};

/// Where a service is offered (RFC 2782).
struct SrvRecord {
    std::uint16_t priority = 0;  ///< lower is better
    std::uint16_t weight = 0;    ///< the share among those of one priority
    std::uint16_t port = 0;      ///< never 0, unless `target` is empty
    std::string target;          ///< a host name; empty: the service is decidedly not offered (`.`)

    friend auto operator<=>(const SrvRecord&, const SrvRecord&) = default;
};

/// Which services a domain or a number has (RFC 3403): it replaces the name by another, or what was asked for as a
/// regular expression says.
struct NaptrRecord {
    std::uint16_t order = 0;
    std::uint16_t preference = 0;
    std::string flags;
    std::string service;
    std::string replacement;  ///< a host name; empty with `regexp`
    std::string regexp{};     ///< as it stands: `!pattern!replacement!flags`

    friend auto operator<=>(const NaptrRecord&, const NaptrRecord&) = default;
};

using SrvRecords = std::vector<SrvRecord>;
using NaptrRecords = std::vector<NaptrRecord>;
using Records = std::variant<Addresses, SrvRecords, NaptrRecords>;

/// At least one record of the type that was asked for, the best first, or why there is none.
using RecordAnswer = base::Result<Records>;

/// The addresses in an answer to a question for them.
[[nodiscard]] Answer addressesIn(const RecordAnswer& answer);

/// No answer is longer than this: hosts and domains have less, and a hostile server could send
/// thousands by TCP.
inline constexpr std::size_t kMaxRecords = 32;

/// A resolver that can be asked for other records than addresses, by the rules of Resolver. SRV and
/// NAPTR records are asked for by the whole name, without the system's search list.
class RecordResolver : public Resolver {
public:
    using RecordCallback = std::function<void(const RecordAnswer&)>;

    [[nodiscard]] virtual Query ask(const Question& question, RecordCallback callback) = 0;
    [[nodiscard]] virtual std::optional<RecordAnswer> knownRecords(const Question& question) = 0;

    [[nodiscard]] Query resolve(std::string_view host, base::Family family,
                                Callback callback) override;
    [[nodiscard]] std::optional<Answer> known(std::string_view host, base::Family family) override;
};

}  // namespace siproxd::dns
