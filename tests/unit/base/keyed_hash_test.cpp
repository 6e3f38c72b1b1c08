// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/keyed_hash.h"

#include <string>

#include "support/catch.h"

using namespace siproxd;

TEST_CASE("SipHash gives what its authors say", "[base]") {
    // Appendix A of the paper, and vectors of the reference implementation: key 00 01 .. 0f, text
    // 00 01 .. of that length.
    const std::array<std::uint64_t, 2> key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    std::string text;
    for (char c = 0; c < 15; ++c) {
        text += c;
    }
    CHECK(base::sipHash(key, text) == 0xa129ca6149be45e5ULL);
    CHECK(base::sipHash(key, "") == 0x726fdb47dd0e0e31ULL);
    CHECK(base::sipHash(key, std::string_view()) == 0x726fdb47dd0e0e31ULL);
    CHECK(base::sipHash(key, text.substr(0, 1)) == 0x74f839c593dc67fdULL);
    CHECK(base::sipHash(key, text.substr(0, 8)) == 0x93f5f5799a932462ULL);
}

TEST_CASE("The hash of the process stays the same and differs from text to text", "[base]") {
    CHECK(base::keyedHash("a") == base::keyedHash("a"));
    CHECK(base::keyedHash("a") != base::keyedHash("b"));
    CHECK(base::keyedHash("") != base::keyedHash(std::string_view("\0", 1)));
    CHECK(base::keyedHash("a") != base::sipHash({0, 0}, "a"));
}
