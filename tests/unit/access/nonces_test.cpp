// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/nonces.h"

#include "support/addresses.h"
#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace std::chrono_literals;
using access::Nonces;
using test::ip;

namespace {

struct Bench {
    test::FakeRandom random;
    test::FakeLoop loop;
    Nonces nonces{random, loop, 300s, 3};
    base::IpAddress phone = ip("10.0.0.5");
};

}  // namespace

TEST_CASE("A nonce is good for its source and its time", "[access]") {
    Bench bench;
    const auto nonce = bench.nonces.issue(bench.phone);
    CHECK(nonce.size() == 32);
    CHECK(nonce != bench.nonces.issue(bench.phone));
    CHECK(bench.nonces.isFresh(nonce, bench.phone));
    CHECK(bench.nonces.isFresh(nonce, ip("::ffff:10.0.0.5")));
    CHECK_FALSE(bench.nonces.isFresh(nonce, ip("10.0.0.6")));

    const auto six = bench.nonces.issue(ip("2001:db8::1"));
    CHECK(bench.nonces.isFresh(six, ip("2001:db8::2")));
    CHECK_FALSE(bench.nonces.isFresh(six, ip("2001:db8:0:1::1")));

    bench.loop.advance(300s);
    CHECK(bench.nonces.isFresh(nonce, bench.phone));
    bench.loop.advance(1s);
    CHECK_FALSE(bench.nonces.isFresh(nonce, bench.phone));
    CHECK(bench.nonces.remembered() == 0);
}

TEST_CASE("A nonce that is not ours is not fresh", "[access]") {
    Bench bench;
    const auto nonce = bench.nonces.issue(bench.phone);
    for (std::size_t i = 0; i < nonce.size(); ++i) {
        auto forged = nonce;
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        INFO(i);
        CHECK_FALSE(bench.nonces.isFresh(forged, bench.phone));
    }
    for (const std::string& forged : std::vector{std::string(), nonce + "A", nonce.substr(1),
                                     std::string(32, '='), std::string(32, ' ')}) {
        CHECK_FALSE(bench.nonces.isFresh(forged, bench.phone));
    }
    [[maybe_unused]] const auto skipped = bench.random.hex(1);
    Nonces other(bench.random, bench.loop);
    CHECK_FALSE(other.isFresh(nonce, bench.phone));
}

TEST_CASE("A count is good once, also when counts come out of order", "[access]") {
    Bench bench;
    const auto nonce = bench.nonces.issue(bench.phone);
    const auto use = [&](std::uint32_t count) {
        return bench.nonces.use(nonce, bench.phone, count);
    };
    CHECK(use(1));
    CHECK_FALSE(use(1));
    CHECK(use(3));
    CHECK(use(2));
    CHECK_FALSE(use(2));
    CHECK_FALSE(use(3));
    CHECK(use(100));
    CHECK_FALSE(use(36));
    CHECK(use(37));
    CHECK_FALSE(use(37));
    CHECK(use(UINT32_MAX));
    CHECK_FALSE(use(UINT32_MAX));
    CHECK_FALSE(use(0));
}

TEST_CASE("Without a count a nonce is good once", "[access]") {
    Bench bench;
    const auto nonce = bench.nonces.issue(bench.phone);
    CHECK(bench.nonces.use(nonce, bench.phone, 0));
    CHECK_FALSE(bench.nonces.use(nonce, bench.phone, 0));
    CHECK_FALSE(bench.nonces.use(nonce, bench.phone, 1));
}

TEST_CASE("Used nonces are forgotten when they expire", "[access]") {
    Bench bench;
    const auto first = bench.nonces.issue(bench.phone);
    CHECK(bench.nonces.use(first, bench.phone, 1));
    bench.loop.advance(301s);
    CHECK_FALSE(bench.nonces.use(first, bench.phone, 2));
    CHECK(bench.nonces.use(bench.nonces.issue(bench.phone), bench.phone, 1));
    CHECK(bench.nonces.remembered() == 1);
}

TEST_CASE("When there are too many used nonces the oldest is stale and cannot be replayed",
          "[access]") {
    Bench bench;
    const auto unused = bench.nonces.issue(bench.phone);
    bench.loop.advance(1s);
    std::vector<std::string> nonces;
    for (int i = 0; i < 4; ++i) {
        nonces.push_back(bench.nonces.issue(bench.phone));
        bench.loop.advance(1s);
        CHECK(bench.nonces.use(nonces.back(), bench.phone, 1));
    }
    CHECK(bench.nonces.remembered() == 3);
    CHECK_FALSE(bench.nonces.isFresh(nonces[0], bench.phone));
    CHECK_FALSE(bench.nonces.use(nonces[0], bench.phone, 1));
    CHECK_FALSE(bench.nonces.isFresh(unused, bench.phone));
    for (std::size_t i = 1; i < 4; ++i) {
        CHECK_FALSE(bench.nonces.use(nonces[i], bench.phone, 1));
        CHECK(bench.nonces.use(nonces[i], bench.phone, 2));
    }
    CHECK(bench.nonces.use(bench.nonces.issue(bench.phone), bench.phone, 1));
}
