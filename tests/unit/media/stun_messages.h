// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::test {

using Octets = std::vector<std::uint8_t>;

inline Octets octets(std::string_view text) {
    return {text.begin(), text.end()};
}

inline std::string text(std::span<const std::uint8_t> bytes) {
    return {bytes.begin(), bytes.end()};
}

/// "01 02" and so on.
inline Octets fromHex(std::string_view hex) {
    Octets out;
    std::string digits;
    for (const char c : hex) {
        if (c != ' ' && c != '\n') {
            digits += c;
        }
        if (digits.size() == 2) {
            out.push_back(static_cast<std::uint8_t>(std::stoi(digits, nullptr, 16)));
            digits.clear();
        }
    }
    return out;
}

/// The request of RFC 5769 §2.1: user evtj:h6vY, password VOkJxbRl1RmTxUk/WvJxBt. Its sender is the
/// controlled one.
inline Octets sampleRequest() {
    return fromHex(
        "00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
        "80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74"
        "00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36"
        "00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20"
        "00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2"
        "80 28 00 04 e5 7a 3b cf");
}
inline constexpr std::string_view kSamplePassword = "VOkJxbRl1RmTxUk/WvJxBt";

inline std::uint32_t stunCrc(std::span<const std::uint8_t> bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const auto byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1U) != 0 ? (crc >> 1U) ^ 0xedb88320 : crc >> 1U;
        }
    }
    return crc ^ 0xffffffff ^ 0x5354554e;
}

/// Puts a STUN message together, attribute by attribute.
class StunDraft {
public:
    explicit StunDraft(std::uint16_t type = 0x0001) {
        put16(type);
        put16(0);
        for (const auto byte : fromHex("21 12 a4 42 01 02 03 04 05 06 07 08 09 0a 0b 0c")) {
            bytes_.push_back(byte);
        }
    }
    StunDraft& add(std::uint16_t type, const Octets& value) {
        put16(type);
        put16(static_cast<std::uint16_t>(value.size()));
        bytes_.insert(bytes_.end(), value.begin(), value.end());
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
        setLength(bytes_.size() - 20);
        return *this;
    }
    StunDraft& sign(std::string_view password) {
        setLength(bytes_.size() - 20 + 24);
        Octets digest(20);
        unsigned size = 0;
        ::HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()), bytes_.data(),
               bytes_.size(), digest.data(), &size);
        return add(0x0008, digest);
    }
    StunDraft& seal() {
        setLength(bytes_.size() - 20 + 8);
        const auto sum = stunCrc(bytes_);
        return add(0x8028, {static_cast<std::uint8_t>(sum >> 24U), static_cast<std::uint8_t>(sum >> 16U),
                            static_cast<std::uint8_t>(sum >> 8U), static_cast<std::uint8_t>(sum)});
    }
    [[nodiscard]] const Octets& bytes() const { return bytes_; }

private:
    void put16(std::size_t value) {
        bytes_.push_back(static_cast<std::uint8_t>(value >> 8U));
        bytes_.push_back(static_cast<std::uint8_t>(value));
    }
    void setLength(std::size_t length) {
        bytes_[2] = static_cast<std::uint8_t>(length >> 8U);
        bytes_[3] = static_cast<std::uint8_t>(length);
    }

    Octets bytes_;
};

struct CheckDraft {
    std::string fragment;
    std::string password;
    bool nominates = true;
    std::uint32_t priority = 1000;
};

/// A check as a full agent makes it.
inline Octets checkOf(const CheckDraft& check) {
    StunDraft draft;
    draft.add(0x0006, octets(check.fragment + ":far"));
    draft.add(0x0024, {static_cast<std::uint8_t>(check.priority >> 24U),
                       static_cast<std::uint8_t>(check.priority >> 16U),
                       static_cast<std::uint8_t>(check.priority >> 8U),
                       static_cast<std::uint8_t>(check.priority)});
    draft.add(0x802a, Octets(8, 7));
    if (check.nominates) {
        draft.add(0x0025, {});
    }
    return draft.sign(check.password).seal().bytes();
}

/// Whether an answer to a StunDraft is one that its sender believes.
inline bool isAnswer(std::span<const std::uint8_t> bytes, std::uint16_t type,
                     std::string_view password) {
    if (bytes.size() < 52 || (bytes[0] << 8 | bytes[1]) != type) {
        return false;
    }
    StunDraft again(type);
    for (std::size_t at = 20; at < bytes.size() - 32;) {
        const auto size = static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
        const auto value = bytes.subspan(at + 4, size);
        again.add(static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]), {value.begin(), value.end()});
        at += 4 + (size + 3) / 4 * 4;
    }
    again.sign(password).seal();
    return text(again.bytes()) == text(bytes);
}

}  // namespace siproxd::test
