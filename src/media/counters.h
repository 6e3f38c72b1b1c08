// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstring>

#include "media/statistics.h"

namespace siproxd::media {

/// Counts in one thread, is read in others. A machine word, for 64-bit atomics need a lock on small
/// routers.
class Counter {
public:
    void add(std::size_t n) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> value_{0};
};

/// An address that one thread writes and others read, without a lock (a sequence lock: the reader
/// tries again when it has met the writer).
class SharedAddress {
public:
    void store(const base::SocketAddress& address) {
        const auto version = version_.load(std::memory_order_relaxed);
        version_.store(version + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
        const auto words = pack(address);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words_[i].store(words[i], std::memory_order_relaxed);
        }
        version_.store(version + 2, std::memory_order_release);
    }

    [[nodiscard]] base::SocketAddress load() const {
        for (;;) {
            const auto before = version_.load(std::memory_order_acquire);
            Words words;
            for (std::size_t i = 0; i < words.size(); ++i) {
                words[i] = words_[i].load(std::memory_order_relaxed);
            }
            std::atomic_thread_fence(std::memory_order_acquire);
            if (version_.load(std::memory_order_relaxed) == before && before % 2 == 0) {
                return unpack(words);
            }
        }
    }

private:
    using Words = std::array<std::uint32_t, 5>;  // 16 bytes of address; family and port

    static Words pack(const base::SocketAddress& address) {
        Words words{};
        std::memcpy(words.data(), address.ip.bytes().data(), address.ip.bytes().size());
        words[4] = static_cast<std::uint32_t>(address.ip.family()) << 16U | address.port;
        return words;
    }

    static base::SocketAddress unpack(const Words& words) {
        const auto family = static_cast<base::Family>(words[4] >> 16U);
        base::SocketAddress address;
        if (family == base::Family::V4) {
            in_addr v4{};
            std::memcpy(&v4, words.data(), sizeof v4);
            address.ip = base::IpAddress(v4);
        } else if (family == base::Family::V6) {
            in6_addr v6{};
            std::memcpy(&v6, words.data(), sizeof v6);
            address.ip = base::IpAddress(v6);
        }
        address.port = static_cast<std::uint16_t>(words[4] & 0xffffU);
        return address;
    }

    std::atomic<std::uint32_t> version_{0};
    std::array<std::atomic<std::uint32_t>, 5> words_{};
};

/// What has come in on one leg. Written by the media thread.
struct LegCounters {
    Counter packets;
    Counter bytes;
    std::array<Counter, kDropReasons> dropped;
    SharedAddress peer;
    SharedAddress stranger;
};

}  // namespace siproxd::media
