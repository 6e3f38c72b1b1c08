// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/outcome.h"

// Newer versions have other calls besides; these are in all of them.
#define CARES_NO_DEPRECATED
#include <ares.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

namespace siproxd::dns {

namespace {

Outcome none(int status) {
    auto kind = Outcome::Kind::Failure;
    if (status == ARES_ENODATA || status == ARES_ENOTFOUND) {
        kind = Outcome::Kind::Negative;
    } else if (status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED) {
        kind = Outcome::Kind::Silence;
    }
    return {.kind = kind, .records = {}, .ttl = {}, .reason = ::ares_strerror(status)};
}

template <class Record>
Outcome found(std::vector<Record> records, base::Duration ttl) {
    if (records.empty()) {
        return none(ARES_ENODATA);
    }
    if (records.size() > kMaxRecords) {
        records.resize(kMaxRecords);
    }
    return {.kind = Outcome::Kind::Found, .records = std::move(records), .ttl = ttl, .reason = {}};
}

struct Freed {
    void operator()(void* reply) const { ::ares_free_data(reply); }
};

/// Runs one of c-ares's parsers over the message and gives every element of its list to `take`.
template <class Reply, class Take>
int parse(int (*parser)(const unsigned char*, int, Reply**), std::span<const std::uint8_t> message,
          Take take) {
    Reply* replies = nullptr;
    const int status = parser(message.data(), static_cast<int>(message.size()), &replies);
    const std::unique_ptr<Reply, Freed> owned(replies);
    if (status == ARES_SUCCESS) {
        for (const auto* reply = replies; reply != nullptr; reply = reply->next) {
            take(*reply);
        }
    }
    return status;
}

std::string withoutDot(std::string_view name) {
    return std::string(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
}

std::string text(const unsigned char* bytes) {
    return bytes == nullptr ? std::string() : reinterpret_cast<const char*>(bytes);
}

bool isHostAddress(const base::IpAddress& ip) {
    return ip && !ip.isUnspecified() && !ip.isMulticast() && !ip.isBroadcast();
}

/// Reads a message front to back; a read beyond the end gives nothing, then and ever after.
class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> message) : rest_(message) {}

    [[nodiscard]] bool good() const { return good_; }

    std::uint32_t number(std::size_t bytes) {
        std::uint32_t value = 0;
        for (const auto byte : take(bytes)) {
            value = value << 8U | byte;
        }
        return value;
    }

    void skip(std::size_t bytes) { take(bytes); }

    /// A name ends with an empty label or goes on somewhere else, which is of no interest.
    void skipName() {
        while (good_) {
            const auto length = number(1);
            if (length >= 0xc0U) {
                skip(1);
                return;
            }
            if (length == 0) {
                return;
            }
            skip(length);
        }
    }

private:
    std::span<const std::uint8_t> take(std::size_t bytes) {
        if (bytes > rest_.size()) {
            good_ = false;
            rest_ = {};
            return {};
        }
        const auto taken = rest_.first(bytes);
        rest_ = rest_.subspan(bytes);
        return taken;
    }

    std::span<const std::uint8_t> rest_;
    bool good_ = true;
};

}  // namespace

Outcome addressOutcome(int status, const ares_addrinfo* info) {
    if (status != ARES_SUCCESS || info == nullptr) {
        return none(status == ARES_SUCCESS ? ARES_ENODATA : status);
    }
    Addresses addresses;
    int ttl = INT32_MAX;
    for (const auto* alias = info->cnames; alias != nullptr; alias = alias->next) {
        ttl = std::min(ttl, alias->ttl);
    }
    for (const auto* node = info->nodes; node != nullptr; node = node->ai_next) {
        ttl = std::min(ttl, node->ai_ttl);
        const auto ip = base::SocketAddress::fromSockaddr(node->ai_addr).ip;
        if (isHostAddress(ip) && addresses.size() < kMaxRecords) {
            addresses.push_back(ip);
        }
    }
    std::ranges::stable_partition(addresses, &base::IpAddress::isV4);
    return found(std::move(addresses), std::chrono::seconds(std::max(ttl, 0)));
}

Outcome srvOutcome(int status, std::span<const std::uint8_t> message) {
    if (status != ARES_SUCCESS) {
        return none(status);
    }
    SrvRecords records;
    status = parse(&::ares_parse_srv_reply, message, [&](const ares_srv_reply& reply) {
        SrvRecord record{.priority = reply.priority,
                         .weight = reply.weight,
                         .port = reply.port,
                         .target = withoutDot(reply.host)};
        if (record.target.empty() || (record.port != 0 && isHostName(record.target))) {
            records.push_back(std::move(record));
        }
    });
    if (status != ARES_SUCCESS) {
        return none(status);
    }
    std::ranges::stable_sort(records, {}, &SrvRecord::priority);
    return found(std::move(records), leastTtl(message));
}

Outcome naptrOutcome(int status, std::span<const std::uint8_t> message) {
    if (status != ARES_SUCCESS) {
        return none(status);
    }
    NaptrRecords records;
    status = parse(&::ares_parse_naptr_reply, message, [&](const ares_naptr_reply& reply) {
        NaptrRecord record{.order = reply.order,
                           .preference = reply.preference,
                           .flags = text(reply.flags),
                           .service = text(reply.service),
                           .replacement = withoutDot(reply.replacement),
                           .regexp = text(reply.regexp)};
        // RFC 3403 §4.1: one excludes the other.
        if (record.regexp.empty() ? isHostName(record.replacement) : record.replacement.empty()) {
            records.push_back(std::move(record));
        }
    });
    if (status != ARES_SUCCESS) {
        return none(status);
    }
    std::ranges::stable_sort(records, {}, [](const NaptrRecord& record) {
        return std::tuple(record.order, record.preference);
    });
    return found(std::move(records), leastTtl(message));
}

base::Duration leastTtl(std::span<const std::uint8_t> message) {
    Reader reader(message);
    reader.skip(4);
    const auto questions = reader.number(2);
    const auto answers = reader.number(2);
    reader.skip(4);
    for (std::uint32_t i = 0; i < questions && reader.good(); ++i) {
        reader.skipName();
        reader.skip(4);
    }
    std::optional<std::uint32_t> least;
    for (std::uint32_t i = 0; i < answers && reader.good(); ++i) {
        reader.skipName();
        reader.skip(4);
        const auto ttl = reader.number(4);
        reader.skip(reader.number(2));
        // A set highest bit means 0 (RFC 2181 §8).
        least = std::min(least.value_or(INT32_MAX), ttl > INT32_MAX ? 0U : ttl);
    }
    return std::chrono::seconds(reader.good() ? least.value_or(0) : 0U);
}

}  // namespace siproxd::dns
