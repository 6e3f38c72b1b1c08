// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/ban_list.h"

#include <string>

#include "support/addresses.h"
#include "support/catch.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace std::chrono_literals;
using access::Ban;
using access::BanList;
using access::Proof;
using test::ip;

namespace {

base::TimePoint at(base::Duration since) {
    return base::TimePoint{} + since;
}

struct Bench final : BanList::Listener {
    test::FakeRandom random;
    BanList bans{2, random};
    std::string seen;
    Bench() { bans.addListener(*this); }
    void onBanned(const Ban& ban) override { seen += "+" + ban.source.toString() + " "; }
    void onUnbanned(const Ban& ban) override { seen += "-" + ban.source.toString() + " "; }
};

}  // namespace

TEST_CASE("A ban ends by itself", "[access]") {
    Bench bench;
    bench.bans.add({ip("192.0.2.1"), at(60s), "flood", true});
    CHECK(bench.bans.contains(ip("192.0.2.1"), at(59s), Proof::None));
    CHECK_FALSE(bench.bans.contains(ip("192.0.2.1"), at(60s), Proof::None));
    CHECK_FALSE(bench.bans.contains(ip("192.0.2.2"), at(0s), Proof::None));
    CHECK(bench.bans.until(ip("192.0.2.1"), at(0s)) == at(60s));
    CHECK(bench.bans.list(at(0s)).size() == 1);
    CHECK(bench.bans.list(at(60s)).empty());
    bench.bans.expire(at(59s));
    CHECK(bench.bans.size() == 1);
    bench.bans.expire(at(60s));
    CHECK(bench.bans.size() == 0);
    CHECK(bench.seen == "+192.0.2.1 -192.0.2.1 ");
}

TEST_CASE("A ban that may be due to forged packets holds for what may be forged", "[access]") {
    Bench bench;
    const auto peer = ip("192.0.2.1");
    bench.bans.add({peer, at(60s), "scanner", false});
    CHECK(bench.bans.contains(peer, at(0s), Proof::None));
    CHECK_FALSE(bench.bans.contains(peer, at(0s), Proof::Shown));
    bench.bans.add({peer, at(60s), "scanner", true});
    CHECK(bench.bans.contains(peer, at(0s), Proof::Shown));
}

TEST_CASE("A ban can be prolonged but not shortened, and lifted", "[access]") {
    Bench bench;
    bench.bans.add({ip("192.0.2.1"), at(60s), "scanner", false});
    bench.bans.add({ip("192.0.2.1"), at(90s), "flood", true});
    bench.bans.add({ip("192.0.2.1"), at(10s), "flood", false});
    CHECK(bench.bans.size() == 1);
    CHECK(bench.bans.until(ip("192.0.2.1"), at(0s)) == at(90s));
    CHECK(bench.bans.list(at(0s))[0].proven);
    CHECK(bench.bans.remove(ip("192.0.2.1")));
    CHECK_FALSE(bench.bans.remove(ip("192.0.2.1")));
}

TEST_CASE("Bans of the unproven do not push out those of the proven", "[access]") {
    Bench bench;
    bench.bans.add({ip("192.0.2.1"), at(60s), "flood", true});
    for (const char* forged : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
        bench.bans.add({ip(forged), at(60s), "flood", false});
    }
    CHECK(bench.bans.contains(ip("192.0.2.1"), at(0s), Proof::None));
    CHECK_FALSE(bench.bans.contains(ip("10.0.0.1"), at(0s), Proof::None));
    CHECK(bench.bans.contains(ip("10.0.0.3"), at(0s), Proof::None));
    CHECK(bench.seen == "+192.0.2.1 +10.0.0.1 +10.0.0.2 -10.0.0.1 +10.0.0.3 ");
}
