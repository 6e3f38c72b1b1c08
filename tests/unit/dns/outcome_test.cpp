// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/outcome.h"

#include <chrono>
#include <string>
#include <vector>

#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;

namespace {

std::vector<std::uint8_t> bytes(const std::string& text) {
    return {text.begin(), text.end()};
}

/// `a.test IN SRV`, and one answer for each time to live.
std::vector<std::uint8_t> message(const std::vector<std::uint32_t>& ttls) {
    std::string out("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\1a\4test\0\0\x21\0\1", 24);
    out[7] = static_cast<char>(ttls.size());
    for (const auto ttl : ttls) {
        out += std::string("\xc0\x0c\0\x21\0\1", 6);
        for (const unsigned shift : {24U, 16U, 8U, 0U}) {
            out += static_cast<char>(ttl >> shift);
        }
        out += std::string("\0\x0b\0\1\0\2\x13\xc4\1b\xc0\x0e\0", 13);
    }
    return bytes(out);
}

}  // namespace

TEST_CASE("The least time to live counts", "[dns]") {
    CHECK(leastTtl(message({300, 60, 3600})) == 60s);
    CHECK(leastTtl(message({300, 0x80000000U})) == 0s);
    CHECK(leastTtl(message({})) == 0s);
}

TEST_CASE("A message that is cut anywhere has no time to live and no records", "[dns]") {
    const auto whole = message({300, 60});
    CHECK(leastTtl(whole) == 60s);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::span part(whole.data(), size);
        CHECK(leastTtl(part) == 0s);
        CHECK(srvOutcome(0, part).kind != Outcome::Kind::Found);
        CHECK(naptrOutcome(0, part).kind != Outcome::Kind::Found);
    }
}

TEST_CASE("Every byte of a message may be any other", "[dns]") {
    auto broken = message({300, 60});
    for (auto& byte : broken) {
        const auto before = byte;
        for (int value = 0; value < 256; ++value) {
            byte = static_cast<std::uint8_t>(value);
            const auto outcome = srvOutcome(0, broken);
            CHECK(outcome.ttl >= 0s);
            static_cast<void>(naptrOutcome(0, broken));
        }
        byte = before;
    }
}
