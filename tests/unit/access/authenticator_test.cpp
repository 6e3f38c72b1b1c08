// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/authenticator.h"

#include "access/challenge.h"
#include "support/addresses.h"
#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace std::chrono_literals;
using access::Algorithm;
using access::Authenticator;
using access::Challenge;
using access::Users;
using Outcome = access::Authenticator::Outcome;
using test::ip;

namespace {

struct Bench {
    test::FakeRandom random;
    test::FakeLoop loop;
    Authenticator authenticator{{.realm = "home", .mostTries = 3},
                                Users::parse("alice secret\nbob geheim\n", "pw", "home").value(),
                                random,
                                loop};
    base::IpAddress phone = ip("10.0.0.5");
    std::string uri = "sip:home.test";

    Challenge challenge(bool stale = false) {
        return access::firstSupported(authenticator.challenges(phone, stale)).value();
    }

    [[nodiscard]] std::string answer(const Challenge& to, const char* user, const char* password,
                                     std::uint32_t count = 1) const {
        return access::answer(to, {.user = user,
                                   .password = password,
                                   .method = "REGISTER",
                                   .uri = uri,
                                   .nonceCount = count,
                                   .cnonce = "c"})
            .toString();
    }

    Authenticator::Verdict check(const std::vector<std::string>& fields) {
        return authenticator.check(
            {.method = "REGISTER", .uri = uri, .source = phone, .credentials = fields});
    }

    Outcome tryPassword(const char* user, const char* password) {
        return check({answer(challenge(), user, password)}).outcome;
    }
};

}  // namespace

TEST_CASE("A challenge offers SHA-256 and MD5 with one nonce", "[access]") {
    Bench bench;
    const auto values = bench.authenticator.challenges(bench.phone, true);
    REQUIRE(values.size() == 2);
    const auto first = Challenge::parse(values[0]).value();
    const auto second = Challenge::parse(values[1]).value();
    CHECK(first.algorithm == Algorithm::Sha256);
    CHECK(second.algorithm == Algorithm::Md5);
    for (const auto& each : {first, second}) {
        CHECK(each.realm == "home");
        CHECK(each.nonce == first.nonce);
        CHECK_FALSE(each.opaque.empty());
        CHECK(each.stale);
        CHECK(each.qop);
    }
}

TEST_CASE("Only what all users have a digest for is offered", "[access]") {
    Bench bench;
    const std::string md5(32, 'a');
    bench.authenticator.setUsers(Users::parse("alice:home:" + md5, "pw", "home").value());
    const auto values = bench.authenticator.challenges(bench.phone, false);
    REQUIRE(values.size() == 1);
    CHECK(Challenge::parse(values[0])->algorithm == Algorithm::Md5);

    bench.authenticator.setUsers(
        Users::parse("alice:home:" + md5 + "\nbob:home:" + md5 + md5, "pw", "home").value());
    CHECK(bench.authenticator.challenges(bench.phone, false).size() == 2);
}

TEST_CASE("A right password is accepted, with either algorithm", "[access]") {
    Bench bench;
    for (const auto& value : bench.authenticator.challenges(bench.phone, false)) {
        const auto verdict =
            bench.check({bench.answer(Challenge::parse(value).value(), "alice", "secret",
                                      value.find("MD5") != std::string::npos ? 2 : 1)});
        INFO(value);
        CHECK(verdict.outcome == Outcome::Accept);
        CHECK(verdict.user == "alice");
        CHECK(verdict.proven);
        CHECK(verdict.ours == std::vector<std::size_t>{0});
    }
}

TEST_CASE("A request without credentials is challenged", "[access]") {
    Bench bench;
    const auto verdict = bench.check({});
    CHECK(verdict.outcome == Outcome::Challenge);
    CHECK_FALSE(verdict.stale);
    CHECK_FALSE(verdict.failed);
    CHECK_FALSE(verdict.proven);
}

TEST_CASE("Credentials for another realm are left to whom they are for", "[access]") {
    Bench bench;
    auto elsewhere = bench.challenge();
    elsewhere.realm = "provider";
    const auto ours = bench.answer(bench.challenge(), "alice", "secret");
    const auto theirs = bench.answer(elsewhere, "alice", "other");
    const auto verdict = bench.check({theirs, "Basic realm=\"home\"", ours, "Digest junk"});
    CHECK(verdict.outcome == Outcome::Accept);
    CHECK(verdict.ours == std::vector<std::size_t>{2});
    CHECK(bench.check({theirs}).outcome == Outcome::Challenge);
}

TEST_CASE("Credentials of ours that cannot be used are ours all the same", "[access]") {
    Bench bench;
    const auto right = bench.answer(bench.challenge(), "alice", "secret");
    for (const auto& broken : {right + ", qop=auth", right + ", userhash=true", right + ",\"",
                               std::string("Digest realm=\"home\" x")}) {
        INFO(broken);
        const auto verdict = bench.check({broken});
        CHECK(verdict.outcome == Outcome::Challenge);
        CHECK(verdict.ours == std::vector<std::size_t>{0});
        CHECK_FALSE(verdict.failed);
    }
}

TEST_CASE("Wrong password, user, method or URI is challenged again and counted", "[access]") {
    for (const int what : {0, 1, 2, 3}) {
        Bench bench;
        auto field = bench.answer(bench.challenge(), what == 1 ? "carol" : "alice",
                                  what == 0 ? "Secret" : "secret");
        if (what == 3) {
            bench.uri = "sip:elsewhere.test";
        }
        const std::vector<std::string> fields{field};
        const auto verdict = bench.authenticator.check({.method = what == 2 ? "INVITE" : "REGISTER",
                                                        .uri = bench.uri,
                                                        .source = bench.phone,
                                                        .credentials = fields});
        INFO(what);
        CHECK(verdict.outcome == Outcome::Challenge);
        CHECK(verdict.failed);
        CHECK_FALSE(verdict.stale);
        CHECK(verdict.user.empty());
    }
}

TEST_CASE("An old, foreign or forged nonce is stale, whatever the password", "[access]") {
    Bench bench;
    const auto old = bench.challenge();
    bench.loop.advance(301s);
    auto made = bench.challenge();
    made.nonce = "i-made-it-myself";
    for (const auto& challenge : {old, made}) {
        for (const char* password : {"secret", "wrong"}) {
            const auto verdict = bench.check({bench.answer(challenge, "alice", password)});
            CHECK(verdict.outcome == Outcome::Challenge);
            CHECK(verdict.stale);
            CHECK_FALSE(verdict.failed);
            CHECK_FALSE(verdict.proven);
        }
    }
}

TEST_CASE("Credentials cannot be replayed", "[access]") {
    Bench bench;
    const auto challenge = bench.challenge();
    const auto field = bench.answer(challenge, "alice", "secret");
    CHECK(bench.check({field}).outcome == Outcome::Accept);
    const auto again = bench.check({field});
    CHECK(again.outcome == Outcome::Challenge);
    CHECK(again.stale);
    CHECK(bench.check({bench.answer(challenge, "alice", "secret", 2)}).outcome == Outcome::Accept);

    const auto fresh = bench.answer(bench.challenge(), "alice", "secret");
    bench.phone = ip("10.0.0.66");
    CHECK(bench.check({fresh}).stale);
}

TEST_CASE("After some wrong passwords a user is refused from there for a while", "[access]") {
    Bench bench;
    for (int i = 0; i < 3; ++i) {
        CHECK(bench.tryPassword("alice", "wrong") == Outcome::Challenge);
    }
    CHECK(bench.tryPassword("alice", "wrong") == Outcome::Refuse);
    CHECK(bench.tryPassword("alice", "secret") == Outcome::Refuse);
    CHECK(bench.tryPassword("bob", "geheim") == Outcome::Accept);

    bench.phone = ip("10.0.0.6");
    CHECK(bench.tryPassword("alice", "secret") == Outcome::Accept);

    bench.phone = ip("10.0.0.5");
    bench.loop.advance(5min);
    CHECK(bench.tryPassword("alice", "wrong") == Outcome::Challenge);
    CHECK(bench.tryPassword("alice", "secret") == Outcome::Accept);
}

TEST_CASE("A right password makes the wrong ones forgotten", "[access]") {
    Bench bench;
    for (int round = 0; round < 5; ++round) {
        CHECK(bench.tryPassword("alice", "wrong") == Outcome::Challenge);
        CHECK(bench.tryPassword("alice", "wrong") == Outcome::Challenge);
        CHECK(bench.tryPassword("alice", "secret") == Outcome::Accept);
    }
}

TEST_CASE("One request is one try", "[access]") {
    Bench bench;
    const auto challenge = bench.challenge();
    const auto verdict = bench.check(
        {bench.answer(challenge, "alice", "wrong"), bench.answer(challenge, "alice", "secret", 2)});
    CHECK(verdict.outcome == Outcome::Challenge);
    CHECK(verdict.ours == std::vector<std::size_t>{0, 1});
}

TEST_CASE("One password for all takes any user name", "[access]") {
    Bench bench;
    bench.authenticator.setUsers(Users::withOnePassword("home", "secret"));
    CHECK(bench.tryPassword("whoever", "secret") == Outcome::Accept);
    CHECK(bench.tryPassword("whoever", "wrong") == Outcome::Challenge);
}
