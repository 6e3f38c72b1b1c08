// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/relay_rules.h"

#include "support/catch.h"

using namespace siproxd;
using access::AddressList;
using access::RelayQuestion;
using access::RelayRules;
using access::Side;
using access::Target;
using Answer = access::RelayAnswer;
using Anonymous = access::RelayRules::Anonymous;

namespace {

constexpr const char* kPhone = "10.0.0.5";
constexpr const char* kStranger = "198.51.100.66";
constexpr const char* kTrunk = "203.0.113.50";

RelayQuestion ask(Side from, const char* source, Target target, const char* user = "",
                  bool isKnown = false) {
    return {.from = from,
            .source = base::IpAddress::parse(source).value(),
            .user = user,
            .target = target,
            .isKnown = isKnown};
}

}  // namespace

TEST_CASE("Who may call whom through us", "[access]") {
    RelayRules plain;
    RelayRules closed{.anonymous = Anonymous::Nothing};
    RelayRules trunks{.trunkNetworks = AddressList::parse("203.0.113.0/24").value(),
                      .anonymous = Anonymous::Nothing};
    RelayRules listed{.relayNetworks = AddressList::parse("10.0.0.0/29,203.0.113.0/24").value()};
    RelayRules credentials{.authenticateCalls = true};
    RelayRules roaming{.anonymous = Anonymous::Nothing, .usersOutside = true};

    using S = Side;
    using T = Target;
    constexpr auto A = Answer::Allow;
    constexpr auto C = Answer::Authenticate;
    constexpr auto R = Answer::Refuse;
    constexpr auto I = Answer::Ignore;
    struct Row {
        const char* what;
        RelayQuestion question;
        Answer plain, closed, trunks, listed, credentials, roaming;
    };
    // clang-format off
    const Row rows[] = {
        {"a phone calls out", ask(S::Inside, kPhone, T::Elsewhere), A, A, A, A, C, A},
        {"a phone with credentials calls out",
         ask(S::Inside, kPhone, T::Elsewhere, "alice"), A, A, A, A, A, A},
        {"a phone that is not listed calls out", ask(S::Inside, "10.0.0.9", T::Elsewhere), A,
         A, A, R, C, A},
        {"the same with credentials", ask(S::Inside, "10.0.0.9", T::Elsewhere, "alice"), A, A,
         A, A, A, A},
        {"a phone calls another", ask(S::Inside, "10.0.0.9", T::Registered), A, A, A, A, C, A},
        {"a stranger calls a phone", ask(S::Outside, kStranger, T::Registered), A, I, I, A, A,
         C},
        {"a provider calls a phone", ask(S::Outside, kTrunk, T::Registered, "", true), A, A,
         A, A, A, A},
        {"a trunk calls a phone", ask(S::Outside, kTrunk, T::Registered), A, I, A, A, A, C},
        {"a user outside calls a phone", ask(S::Outside, kStranger, T::Registered, "alice"),
         A, I, I, A, A, A},
        {"a stranger wants to be relayed", ask(S::Outside, kStranger, T::Elsewhere), I, I, I,
         I, I, C},
        {"a provider wants to be relayed", ask(S::Outside, kTrunk, T::Elsewhere, "", true), I,
         I, I, A, I, C},
        {"a user outside wants to be relayed",
         ask(S::Outside, kStranger, T::Elsewhere, "alice"), I, I, I, I, I, A},
        {"a stranger asks the proxy itself", ask(S::Outside, kStranger, T::Ourselves), I, I,
         I, I, I, C},
        {"a provider asks the proxy itself", ask(S::Outside, kTrunk, T::Ourselves, "", true),
         A, A, A, A, A, A},
        {"a phone asks the proxy itself", ask(S::Inside, kPhone, T::Ourselves), A, A, A, A, C,
         A},
    };
    // clang-format on
    for (const auto& row : rows) {
        INFO(row.what);
        CHECK(plain.decide(row.question) == row.plain);
        CHECK(closed.decide(row.question) == row.closed);
        CHECK(trunks.decide(row.question) == row.trunks);
        CHECK(listed.decide(row.question) == row.listed);
        CHECK(credentials.decide(row.question) == row.credentials);
        CHECK(roaming.decide(row.question) == row.roaming);
    }
}

TEST_CASE("Only calls from the inside need credentials", "[access]") {
    RelayRules rules{.authenticateCalls = true};
    auto asked = ask(Side::Inside, kPhone, Target::Elsewhere);
    CHECK(rules.decide(asked) == Answer::Authenticate);
    asked.isCall = false;
    CHECK(rules.decide(asked) == Answer::Allow);
}
