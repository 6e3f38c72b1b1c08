// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/address.h"
#include "base/text.h"

namespace siproxd::access {

/// How many calls there may be at once: in all, of one user, and from one source (an IPv4 address
/// or the /64 of an IPv6 address).
class CallLimits {
public:
    struct Options {
        std::size_t total = 0;  ///< 0: no limit, here and below
        std::size_t perUser = 0;
        std::size_t perSource = 0;
    };

    enum class Limit : std::uint8_t { Total, User, Source };

    /// The place that a call takes; destroying it gives the place back. CallLimits must outlive it.
    class Ticket {
    public:
        Ticket() = default;  ///< no place
        Ticket(Ticket&& other) noexcept
            : limits_(std::exchange(other.limits_, nullptr)), user_(std::move(other.user_)),
              source_(other.source_) {}
        Ticket& operator=(Ticket&& other) noexcept;
        ~Ticket() { release(); }

        [[nodiscard]] explicit operator bool() const { return limits_ != nullptr; }
        void release();

    private:
        friend class CallLimits;
        Ticket(CallLimits& limits, std::string_view user, const base::IpAddress& source)
            : limits_(&limits), user_(user), source_(source) {}

        CallLimits* limits_ = nullptr;
        std::string user_;
        base::IpAddress source_;
    };

    CallLimits() = default;
    explicit CallLimits(const Options& options) : options_(options) {}
    CallLimits(const CallLimits&) = delete;
    CallLimits& operator=(const CallLimits&) = delete;

    /// A place for one more call, or the limit that is reached. An empty user, or no address, is
    /// not counted there.
    [[nodiscard]] std::expected<Ticket, Limit> tryAdd(std::string_view user,
                                                      const base::IpAddress& source);

    /// From now on; calls that are there stay.
    void setOptions(const Options& options) { options_ = options; }

    [[nodiscard]] std::size_t calls() const { return calls_; }
    [[nodiscard]] std::size_t callsOf(std::string_view user) const;

private:
    void remove(const std::string& user, const base::IpAddress& source);

    Options options_;
    std::size_t calls_ = 0;
    std::unordered_map<std::string, std::size_t, base::StringHash, std::equal_to<>> users_;
    std::unordered_map<base::IpAddress, std::size_t, base::AddressHash> sources_;
};

/// Text for log lines and Warning headers, of static duration.
[[nodiscard]] std::string_view limitName(CallLimits::Limit limit);

}  // namespace siproxd::access
