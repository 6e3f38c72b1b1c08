// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/flood_guard.h"

#include <tuple>

#include "support/addresses.h"
#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace std::chrono_literals;
using access::AddressList;
using access::Conduct;
using access::FloodGuard;
using access::Proof;
using Verdict = access::FloodGuard::Verdict;
using test::ip;

namespace {

base::IpAddress numbered(std::uint32_t number) {
    in_addr raw{};
    raw.s_addr = htonl(0x0a000000U + number);
    return base::IpAddress(raw);
}

struct Bench {
    test::FakeRandom random;
    test::FakeLoop loop;
    FloodGuard guard;
    base::IpAddress peer = ip("203.0.113.9");

    explicit Bench(std::size_t mostSources = 100) : guard(options(mostSources), random, loop) {}

    static FloodGuard::Options options(std::size_t mostSources) {
        FloodGuard::Options options;
        options.mostSources = mostSources;
        options.mostBans = 50;
        return options;
    }

    /// How often it may do so before it is banned; up to 10,000.
    int untilBan(Conduct conduct, Proof proof) {
        for (int i = 0; i < 10'000; ++i) {
            if (guard.report(conduct, peer, proof) == Verdict::Ban) {
                return i;
            }
        }
        return 10'000;
    }
};

}  // namespace

TEST_CASE("Requests are limited for each source", "[access]") {
    Bench bench;
    int passed = 0;
    for (int i = 0; i < 300; ++i) {
        passed += bench.guard.admit(bench.peer, Proof::None) == Verdict::Pass ? 1 : 0;
    }
    CHECK(passed == 200);
    CHECK(bench.guard.admit(ip("203.0.113.10"), Proof::None) == Verdict::Pass);

    bench.loop.advance(1s);
    passed = 0;
    for (int i = 0; i < 300; ++i) {
        passed += bench.guard.admit(bench.peer, Proof::None) == Verdict::Pass ? 1 : 0;
    }
    CHECK(passed == 50);
}

TEST_CASE("Registrations have a limit of their own, which drops", "[access]") {
    Bench bench;
    for (int i = 0; i < 50; ++i) {
        CHECK(bench.guard.report(Conduct::Register, bench.peer, Proof::None) == Verdict::Pass);
    }
    CHECK(bench.guard.report(Conduct::Register, bench.peer, Proof::Shown) == Verdict::Drop);
    CHECK(bench.guard.bans().empty());
}

TEST_CASE("Who goes on when dropped is banned, and the ban ends", "[access]") {
    for (const auto& [proof, most, length] :
         {std::tuple{Proof::Shown, 701, base::Duration(1h)},
          std::tuple{Proof::None, 2201, base::Duration(5min)}}) {
        Bench bench;
        int sent = 1;
        while (bench.guard.admit(bench.peer, proof) != Verdict::Ban && sent < 10'000) {
            ++sent;
        }
        CHECK(sent == most);
        CHECK(bench.guard.admit(bench.peer, proof) == Verdict::Drop);
        REQUIRE(bench.guard.bans().size() == 1);
        CHECK(bench.guard.bans()[0].source == bench.peer);
        CHECK(bench.guard.bans()[0].reason == "flood");
        bench.loop.advance(length - 1s);
        CHECK(bench.guard.admit(bench.peer, proof) == Verdict::Drop);
        bench.loop.advance(1s);
        CHECK(bench.guard.admit(bench.peer, proof) == Verdict::Pass);
        bench.guard.tick();
        CHECK(bench.guard.bans().empty());
    }
}

TEST_CASE("Offences weigh less when the sender may be forged", "[access]") {
    struct Row {
        Conduct conduct;
        int shown;
        int none;
    };
    for (const auto& row : {Row{Conduct::FailedAuth, 10, 40}, Row{Conduct::Malformed, 20, 80},
                            Row{Conduct::UnknownCallee, 10, 40}, Row{Conduct::Scanner, 0, 3}}) {
        INFO(access::conductName(row.conduct));
        CHECK(Bench().untilBan(row.conduct, Proof::Shown) == row.shown);
        CHECK(Bench().untilBan(row.conduct, Proof::None) == row.none);
    }
}

TEST_CASE("A scanner is never answered", "[access]") {
    Bench bench;
    CHECK(bench.guard.report(Conduct::Scanner, bench.peer, Proof::None) == Verdict::Drop);
    CHECK(bench.guard.report(Conduct::Malformed, bench.peer, Proof::None) == Verdict::Pass);
}

TEST_CASE("Slow offenders are forgiven, also when they keep sending otherwise", "[access]") {
    Bench bench;
    for (int i = 0; i < 200; ++i) {
        CHECK(bench.guard.report(Conduct::FailedAuth, bench.peer, Proof::Shown) == Verdict::Pass);
        for (int ms = 0; ms < 31'000; ms += 50) {
            bench.loop.advance(50ms);
            (void)bench.guard.admit(bench.peer, Proof::Shown);
        }
    }
    CHECK(bench.guard.bans().empty());
}

TEST_CASE("A proven source cannot be shut out by who forges its address", "[access]") {
    Bench bench;
    bench.guard.prove(bench.peer);
    CHECK(bench.untilBan(Conduct::Scanner, Proof::None) == 10'000);
    CHECK(bench.untilBan(Conduct::FailedAuth, Proof::None) == 10'000);
    int dropped = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto verdict = bench.guard.admit(bench.peer, Proof::None);
        CHECK(verdict != Verdict::Ban);
        dropped += verdict == Verdict::Drop ? 1 : 0;
    }
    CHECK(dropped == 18'000);
    CHECK(bench.guard.bans().empty());
    // Its own doing counts in full.
    CHECK(bench.untilBan(Conduct::FailedAuth, Proof::Shown) == 10);
}

TEST_CASE("Being proven does not wash off offences", "[access]") {
    Bench bench;
    for (int i = 0; i < 8; ++i) {
        (void)bench.guard.report(Conduct::FailedAuth, bench.peer, Proof::Shown);
    }
    bench.guard.prove(bench.peer);
    CHECK(bench.untilBan(Conduct::FailedAuth, Proof::Shown) == 2);
}

TEST_CASE("The trusted are never limited nor banned", "[access]") {
    Bench bench;
    CHECK(bench.guard.ban(bench.peer, 1h));
    CHECK(bench.guard.admit(bench.peer, Proof::Shown) == Verdict::Drop);
    bench.guard.setTrusted(AddressList::parse("203.0.113.0/24").value());
    CHECK(bench.guard.bans().empty());
    CHECK(bench.untilBan(Conduct::Scanner, Proof::Shown) == 10'000);
    for (int i = 0; i < 10'000; ++i) {
        CHECK(bench.guard.admit(bench.peer, Proof::None) == Verdict::Pass);
    }
    CHECK_FALSE(bench.guard.ban(bench.peer, 1h));
    CHECK(bench.guard.sources() == 0);
}

TEST_CASE("An IPv6 customer is one source whatever address is used", "[access]") {
    Bench bench;
    CHECK(bench.guard.ban(ip("2001:db8::1"), 1h));
    CHECK(bench.guard.admit(ip("2001:db8::ffff:1"), Proof::None) == Verdict::Drop);
    CHECK(bench.guard.admit(ip("2001:db8:0:1::1"), Proof::None) == Verdict::Pass);
    CHECK(bench.guard.ban(ip("::ffff:192.0.2.1"), 1h));
    CHECK(bench.guard.admit(ip("192.0.2.1"), Proof::None) == Verdict::Drop);
    CHECK(bench.guard.unban(ip("192.0.2.1")));
    CHECK(bench.guard.admit(ip("192.0.2.1"), Proof::None) == Verdict::Pass);
}

TEST_CASE("A flood from random sources takes bounded memory and no proven source's place",
          "[access]") {
    Bench bench(1000);
    bench.guard.prove(bench.peer);
    CHECK(bench.guard.ban(ip("198.51.100.66"), 1h));
    for (std::uint32_t i = 0; i < 50'000; ++i) {
        CHECK(bench.guard.admit(numbered(i), Proof::None) == Verdict::Pass);
        for (int j = 0; j < 4; ++j) {
            (void)bench.guard.report(Conduct::Scanner, numbered(i), Proof::None);
        }
    }
    CHECK(bench.guard.sources() <= 1001);
    CHECK(bench.guard.bans().size() == 51);
    CHECK(bench.guard.admit(ip("198.51.100.66"), Proof::None) == Verdict::Drop);
    CHECK(bench.untilBan(Conduct::Scanner, Proof::None) == 10'000);
}
