// SPDX-License-Identifier: GPL-2.0-or-later
#include "stun_message.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <random>

namespace stun {

namespace {

// RFC 8489 §5, §14, §18.
constexpr std::size_t kHeader = 20;
constexpr std::uint32_t kCookie = 0x2112A442;
constexpr std::uint16_t kRequest = 0x0001;
constexpr std::uint16_t kSuccess = 0x0101;
constexpr std::uint16_t kError = 0x0111;
constexpr std::uint16_t kMapped = 0x0001;
constexpr std::uint16_t kErrorCode = 0x0009;
constexpr std::uint16_t kXorMapped = 0x0020;
constexpr std::uint16_t kOldXorMapped = 0x8020;
constexpr std::uint16_t kFingerprint = 0x8028;
constexpr std::uint32_t kFingerprintMask = 0x5354554E;
constexpr std::uint16_t kOptional = 0x8000;  ///< from here on attributes need not be understood
/// Below it are those of RFC 3489 and RFC 8489, which have nothing to say here.
constexpr std::uint16_t kUnknown = 0x0020;

std::uint8_t byteAt(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::uint16_t u16(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint16_t>(byteAt(bytes, at) << 8U | byteAt(bytes, at + 1));
}

std::uint32_t u32(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint32_t>(u16(bytes, at)) << 16U | u16(bytes, at + 2);
}

void put16(std::string& out, std::uint16_t value) {
    out += static_cast<char>(value >> 8U);
    out += static_cast<char>(value & 0xFFU);
}

/// ISO/IEC 13239, as in zip files.
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        crc ^= byteAt(bytes, i);
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320 : 0);
        }
    }
    return ~crc;
}

struct Mapped {
    std::string ip;
    std::uint16_t port = 0;
};

/// §14.1 and §14.2; what it is combined with is the header from the cookie on.
std::optional<Mapped> mapped(std::string_view value, std::string_view header, bool isXored) {
    const std::size_t size = value.size() >= 4 && byteAt(value, 1) == 1   ? 4
                             : value.size() >= 4 && byteAt(value, 1) == 2 ? 16
                                                                          : 0;
    if (size == 0 || value.size() != 4 + size) {
        return std::nullopt;
    }
    std::string bytes(value.substr(2));  // port and address
    if (isXored) {
        const auto key = header.substr(4);
        bytes[0] = static_cast<char>(byteAt(bytes, 0) ^ byteAt(key, 0));
        bytes[1] = static_cast<char>(byteAt(bytes, 1) ^ byteAt(key, 1));
        for (std::size_t i = 0; i < size; ++i) {
            bytes[2 + i] = static_cast<char>(byteAt(bytes, 2 + i) ^ byteAt(key, i));
        }
    }
    char text[INET6_ADDRSTRLEN];
    if (::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes.data() + 2, text, sizeof text) == nullptr) {
        return std::nullopt;
    }
    return Mapped{text, u16(bytes, 0)};
}

}  // namespace

TransactionId randomId() {
    TransactionId id;
    std::size_t filled = 0;
    while (filled < id.size()) {
        const auto got = ::getrandom(id.data() + filled, id.size() - filled, 0);
        if (got < 0 && errno != EINTR) {
            // No such call: what the library has is as good.
            std::random_device device;
            std::ranges::generate(id, [&device] { return static_cast<std::uint8_t>(device()); });
            return id;
        }
        filled += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return id;
}

std::string bindingRequest(const TransactionId& id) {
    std::string out;
    put16(out, kRequest);
    put16(out, 0);
    put16(out, kCookie >> 16U);
    put16(out, kCookie & 0xFFFFU);
    out.append(id.begin(), id.end());
    return out;
}

std::optional<Answer> readAnswer(std::string_view datagram, const TransactionId& id) {
    const bool isOurs = datagram.size() >= kHeader && u16(datagram, 2) == datagram.size() - kHeader &&
                        datagram.size() % 4 == 0 && u32(datagram, 4) == kCookie &&
                        std::ranges::equal(datagram.substr(8, id.size()), id, {},
                                           [](char c) { return static_cast<std::uint8_t>(c); });
    const auto type = isOurs ? u16(datagram, 0) : std::uint16_t{0};
    if (type != kSuccess && type != kError) {
        return std::nullopt;
    }
    Answer answer;
    int rank = 0;  // of the address so far
    const auto take = [&](std::string_view value, bool isXored, int itsRank) {
        auto found = mapped(value, datagram.substr(0, kHeader), isXored);
        if (found && itsRank > rank) {
            answer.ip = std::move(found->ip);
            answer.port = found->port;
            rank = itsRank;
        }
        return found.has_value();
    };
    for (std::size_t at = kHeader; at < datagram.size();) {
        const std::size_t length = datagram.size() - at >= 4 ? u16(datagram, at + 2) : SIZE_MAX;
        if (length > datagram.size() - at - 4) {
            return std::nullopt;
        }
        const auto attribute = u16(datagram, at);
        const auto value = datagram.substr(at + 4, length);
        bool isSound = true;
        switch (attribute) {
            case kXorMapped: isSound = take(value, true, 3); break;
            case kOldXorMapped: take(value, true, 2); break;
            case kMapped: isSound = take(value, false, 1); break;
            case kErrorCode:
                isSound = value.size() >= 4;
                answer.error = isSound ? (byteAt(value, 2) & 7) * 100 + byteAt(value, 3) : 0;
                break;
            case kFingerprint:
                // It is the last one, and the length of the header ends with it.
                isSound = value.size() == 4 && at + 8 == datagram.size() &&
                          u32(value, 0) == (crc32(datagram.substr(0, at)) ^ kFingerprintMask);
                break;
            default:
                // In an error response what is unknown does not matter (§6.3.4).
                isSound = attribute < kUnknown || attribute >= kOptional || type == kError;
                break;
        }
        if (!isSound) {
            return std::nullopt;
        }
        at += 4 + (length + 3) / 4 * 4;
    }
    if (type == kError) {
        answer.ip.clear();
        answer.error = answer.error == 0 ? 500 : answer.error;
    } else {
        answer.error = 0;
    }
    return answer;
}

}  // namespace stun
