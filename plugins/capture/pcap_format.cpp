// SPDX-License-Identifier: GPL-2.0-or-later
// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html and draft-ietf-opsawg-pcapng-02, in the byte order of
// this machine.
#include "pcap_format.h"

#include <cstring>

namespace capture {

namespace {

constexpr std::uint32_t kLinkRaw = 101;
constexpr std::uint32_t kSnap = 262'144;
constexpr std::size_t kPacketFrame = 64;  // bytes around a packet and its comment, at most

template <class Number>
void put(std::string& out, Number value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
}

void pad(std::string& out) {
    out.append((4 - out.size() % 4) % 4, '\0');
}

/// Type and body with the length before and behind.
std::string block(std::uint32_t type, const std::string& body) {
    std::string out;
    const auto length = static_cast<std::uint32_t>(body.size() + 12);
    put(out, type);
    put(out, length);
    out += body;
    put(out, length);
    return out;
}

void putOption(std::string& out, std::uint16_t code, std::string_view value) {
    put(out, code);
    put(out, static_cast<std::uint16_t>(value.size()));
    out += value;
    pad(out);
}

void endOptions(std::string& out) {
    put(out, std::uint32_t{0});
}

}  // namespace

std::string fileHeader(Format format) {
    std::string out;
    if (format == Format::Pcap) {
        put(out, std::uint32_t{0xA1B2C3D4});
        put(out, std::uint16_t{2});
        put(out, std::uint16_t{4});
        put(out, std::uint32_t{0});
        put(out, std::uint32_t{0});
        put(out, kSnap);
        put(out, kLinkRaw);
        return out;
    }
    put(out, std::uint32_t{0x1A2B3C4D});
    put(out, std::uint16_t{1});
    put(out, std::uint16_t{0});
    put(out, std::int64_t{-1});  // the length of the section is not known
    putOption(out, 4, "siproxd");  // shb_userappl
    endOptions(out);
    auto file = block(0x0A0D0D0A, out);
    out.clear();
    put(out, static_cast<std::uint16_t>(kLinkRaw));
    put(out, std::uint16_t{0});
    put(out, kSnap);
    putOption(out, 2, "siproxd");  // if_name; times are microseconds
    endOptions(out);
    return file + block(1, out);
}

std::string packetRecord(Format format, std::int64_t time, std::string_view packet, std::string_view comment) {
    packet = packet.substr(0, kSnap);
    const auto size = static_cast<std::uint32_t>(packet.size());
    std::string out;
    out.reserve(kPacketFrame + packet.size() + comment.size());
    if (format == Format::Pcap) {
        put(out, static_cast<std::uint32_t>(time / 1'000'000));
        put(out, static_cast<std::uint32_t>(time % 1'000'000));
        put(out, size);
        put(out, size);
        return out.append(packet);
    }
    const auto stamp = static_cast<std::uint64_t>(time);
    put(out, std::uint32_t{6});  // an enhanced packet block
    put(out, std::uint32_t{0});  // its length, when that is known
    put(out, std::uint32_t{0});  // interface
    put(out, static_cast<std::uint32_t>(stamp >> 32U));
    put(out, static_cast<std::uint32_t>(stamp));
    put(out, size);
    put(out, size);
    out.append(packet);
    pad(out);
    if (!comment.empty()) {
        putOption(out, 1, comment.substr(0, 1000));
        endOptions(out);
    }
    const auto length = static_cast<std::uint32_t>(out.size() + sizeof(std::uint32_t));
    put(out, length);
    std::memcpy(out.data() + sizeof length, &length, sizeof length);
    return out;
}

}  // namespace capture
