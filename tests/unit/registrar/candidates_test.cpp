// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

using namespace siproxd;
using namespace siproxd::test;
using registrar::Match;

namespace {

struct TwoProviders : Locations {
    std::string one = enrol("sip:100@one.example", "sip:100@192.168.1.10", "203.0.113.50");
    std::string two = enrol("sip:100@two.example", "sip:100@192.168.1.11", "203.0.113.51");

    std::pair<std::string, Match> best(std::string_view requestUri, std::string_view to,
                                       const base::SocketAddress& source) {
        const auto found = table.candidates(uri(requestUri), uri(to), source);
        REQUIRE_FALSE(found.empty());
        return {found.front().binding->token, found.front().match};
    }
};

const auto kStranger = at("192.0.2.99");

}  // namespace

TEST_CASE("The token tells two accounts of one name apart, whatever else is said", "[registrar]") {
    TwoProviders here;
    const auto target = here.table.find(here.one)->masqueraded.toString();
    const auto found =
        here.table.candidates(uri(target), uri("sip:100@two.example"), at("203.0.113.51"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].binding->token == here.one);
    CHECK(found[0].match == Match::Token);
}

TEST_CASE("Without the token To decides, then the provider, then the domain", "[registrar]") {
    TwoProviders here;
    using Answer = std::pair<std::string, Match>;
    const auto bare = "sip:100@203.0.113.1";
    const auto stale = "sip:100@203.0.113.1;siproxd=0000000000000000";
    CHECK(here.best(bare, "sip:100@one.example", at("203.0.113.51")) ==
          Answer(here.one, Match::UserAndAor));
    CHECK(here.best(stale, "sip:100@two.example", kStranger) ==
          Answer(here.two, Match::UserAndAor));
    CHECK(here.best(bare, "sip:0049100@203.0.113.1", at("203.0.113.50")) ==
          Answer(here.one, Match::UserAndProvider));
    CHECK(here.best(bare, "sip:0049100@203.0.113.1", at("203.0.113.51")) ==
          Answer(here.two, Match::UserAndProvider));
    CHECK(here.best(bare, "sip:0049100@203.0.113.1", at("203.0.113.51", 5080)) ==
          Answer(here.two, Match::UserAndDomain));
    CHECK(here.best(bare, "sip:0049100@one.example", kStranger) ==
          Answer(here.one, Match::UserAndDomain));
    CHECK(here.best("sip:100@ONE.example", "sip:0049100@x.example", kStranger) ==
          Answer(here.one, Match::UserAndDomain));
    CHECK(here.best(bare, "sip:0049100@x.example", kStranger) == Answer(here.two, Match::User));
}

TEST_CASE("Less sure candidates follow, the last confirmed first", "[registrar]") {
    TwoProviders here;
    const auto found =
        here.table.candidates(uri("sip:100@203.0.113.1"), uri("sip:100@one.example"), kStranger);
    REQUIRE(found.size() == 2);
    CHECK(found[0].binding->token == here.one);
    CHECK(found[1].binding->token == here.two);
    CHECK(found[1].match == Match::User);
}

TEST_CASE("A call forwarded to one phone does not ring the one in To", "[registrar]") {
    TwoProviders here;
    const auto bob = here.enrol("sip:bob@one.example", "sip:bob@192.168.1.12");
    const auto found = here.table.candidates(uri("sip:100@203.0.113.1"), uri("sip:bob@one.example"),
                                             at("203.0.113.50"));
    REQUIRE(found.size() == 3);
    CHECK(found[0].binding->token == here.one);
    CHECK(found[1].binding->token == bob);
    CHECK(found[1].match == Match::Aor);
}

TEST_CASE("A request URI with a direct number is told by To", "[registrar]") {
    TwoProviders here;
    const auto aor = here.table.candidates(uri("sip:004912345@203.0.113.1"),
                                           uri("sip:100@one.example"), kStranger);
    REQUIRE(aor.size() == 2);
    CHECK(aor[0].binding->token == here.one);
    CHECK(aor[0].match == Match::Aor);
    CHECK(aor[1].match == Match::ToUser);
    CHECK(here.table
              .candidates(uri("sip:004912345@203.0.113.1"), uri("sip:004912345@one.example"),
                          at("203.0.113.50"))
              .empty());
}

TEST_CASE("All phones of one account are candidates", "[registrar]") {
    TwoProviders here;
    const auto second = here.enrol("sip:100@one.example", "sip:100@192.168.1.20");
    const auto found = here.table.candidates(uri("sip:100@203.0.113.1"), uri("sip:100@one.example"),
                                             at("203.0.113.50"));
    REQUIRE(found.size() == 3);
    CHECK(found[0].binding->token == second);
    CHECK(found[1].binding->token == here.one);
    CHECK(found[1].match == Match::UserAndAor);
}
