// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/digest.h"

#include "access/challenge.h"
#include "access/credentials.h"
#include "support/catch.h"

using namespace siproxd;
using access::Algorithm;
using access::AuthProblem;
using access::Challenge;
using access::Credentials;
using Kind = access::AuthProblem::Kind;

namespace {

/// What every field of this kind needs.
const std::string kSome = "Digest username=\"bob\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", ";
const std::string kResponse = "response=\"00112233445566778899aabbccddeeff\"";

Credentials credentials(const std::string& field) {
    auto parsed = Credentials::parse(field);
    INFO(field);
    REQUIRE(parsed);
    return *std::move(parsed);
}

std::optional<Kind> problem(const std::string& field) {
    const auto parsed = Credentials::parse(field);
    return parsed ? std::nullopt : std::optional(parsed.error().kind);
}

}  // namespace

TEST_CASE("The digests of RFC 7616 and RFC 2617 come out", "[access]") {
    struct Row {
        Algorithm algorithm;
        const char* realm;
        const char* password;
        const char* nonce;
        const char* cnonce;
        const char* response;
    };
    const char* const nonce7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const char* const cnonce7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const Row rows[] = {
        {Algorithm::Md5, "http-auth@example.org", "Circle of Life", nonce7616, cnonce7616,
         "8ca523f5e9506fed4657c9700eebdbec"},
        {Algorithm::Sha256, "http-auth@example.org", "Circle of Life", nonce7616, cnonce7616,
         "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
        {Algorithm::Md5, "testrealm@host.com", "Circle Of Life",
         "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "6629fae49393a05397450978507c4ef1"},
    };
    for (const auto& row : rows) {
        INFO(row.response);
        const auto ha1 = access::ha1Of(row.algorithm, "Mufasa", row.realm, row.password);
        CHECK(ha1.size() == access::digestLength(row.algorithm));
        CHECK(access::responseOf(
                  {row.algorithm, row.nonce, "00000001", row.cnonce, "GET", "/dir/index.html"},
                  ha1) == row.response);
    }
}

TEST_CASE("Secrets are compared whole", "[access]") {
    CHECK(access::sameSecret("abc", "abc"));
    CHECK_FALSE(access::sameSecret("abc", "abd"));
    CHECK_FALSE(access::sameSecret("abc", "abcd"));
    CHECK(access::sameSecret("", ""));
}

TEST_CASE("Credentials are read as a phone writes them", "[access]") {
    const auto read = credentials(
        "Digest username=\"al\\\"ice\",realm=\"a, b\", nonce = \"n1\",\tURI=\"sip:r;x=y\", "
        "response=\"00112233445566778899AABBCCDDEEFF\", algorithm=md5, cnonce=\"c\", "
        "opaque=\"\", qop=auth, nc=0000000A, auth-param=whatever");
    CHECK(read.username == "al\"ice");
    CHECK(read.realm == "a, b");
    CHECK(read.nonce == "n1");
    CHECK(read.uri == "sip:r;x=y");
    CHECK(read.response == "00112233445566778899aabbccddeeff");
    CHECK(read.algorithm == Algorithm::Md5);
    CHECK(read.nonceCount == "0000000A");
    CHECK(read.count() == 10);
    CHECK(credentials(read.toString()) == read);

    CHECK(credentials(kSome + kResponse).count() == 0);
    CHECK(credentials("dIGEST " + kSome.substr(7) + kResponse +
                      ", qop=\"auth\", nc=00000001, "
                      "cnonce=c")
              .nonceCount == "00000001");
    CHECK(credentials(kSome + "userhash=false, " + kResponse).username == "bob");
}

TEST_CASE("Credentials with a mistake are refused", "[access]") {
    const std::string full = kSome + kResponse;
    const std::string sha = "response=\"" + std::string(64, '0') + "\"";
    struct Row {
        std::string field;
        Kind kind;
    };
    const Row rows[] = {
        {"", Kind::OtherScheme},
        {"Basic YWxpY2U6c2VjcmV0", Kind::OtherScheme},
        {"Digestusername=\"bob\"", Kind::OtherScheme},
        {"Digest", Kind::Malformed},
        {"Digest ", Kind::Malformed},
        {kSome, Kind::Malformed},
        {full + ",", Kind::Malformed},
        {full + ", ,x=y", Kind::Malformed},
        {full + " x=y", Kind::Malformed},
        {full + ", x", Kind::Malformed},
        {full + ", x=", Kind::Malformed},
        {full + ", x=\"", Kind::Malformed},
        {full + ", x=\"\\", Kind::Malformed},
        {full + ", x=\"\\\"", Kind::Malformed},
        {full + ", x=\"a\rb\"", Kind::Malformed},
        {full + ", x=\"a\\\nb\"", Kind::Malformed},
        {full + std::string(", x=\"a\0b\"", 10), Kind::Malformed},
        {full + ", =y", Kind::Malformed},
        {full + ", a b=y", Kind::Malformed},
        {full + ", username=\"eve\"", Kind::Malformed},
        {full + ", USERNAME=\"bob\"", Kind::Malformed},
        {full + ", x=1, X=1", Kind::Malformed},
        {kSome + "response=\"0011\"", Kind::Malformed},
        {kSome + "response=\"g0112233445566778899aabbccddeeff\"", Kind::Malformed},
        {kSome + sha, Kind::Malformed},
        {full + ", algorithm=SHA-256", Kind::Malformed},
        {full + ", qop=auth", Kind::Malformed},
        {full + ", qop=auth, nc=1, cnonce=\"c\"", Kind::Malformed},
        {full + ", qop=auth, nc=0x000001, cnonce=\"c\"", Kind::Malformed},
        {full + ", qop=auth, nc=00000001", Kind::Malformed},
        {full + ", qop=auth, nc=00000001, cnonce=\"\"", Kind::Malformed},
        {"Digest realm=\"r\", nonce=\"n\", uri=\"sip:r\", " + kResponse, Kind::Malformed},
        {"Digest username=\"\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", " + kResponse,
         Kind::Malformed},
        {full + ", opaque=\"" + std::string(300, 'x') + "\"", Kind::Malformed},
        {full + ", x=\"" + std::string(4096, 'x') + "\"", Kind::Malformed},
        {full + ", qop=auth-int, nc=00000001, cnonce=\"c\"", Kind::Unsupported},
        {full + ", algorithm=MD5-sess", Kind::Unsupported},
        {full + ", algorithm=SHA-512-256", Kind::Unsupported},
        {full + ", userhash=true", Kind::Unsupported},
        {full + ", username*=UTF-8''bob", Kind::Unsupported},
    };
    for (const auto& row : rows) {
        INFO(row.field);
        CHECK(problem(row.field) == row.kind);
    }
    std::string many = full;
    for (int i = 0; i < 40; ++i) {
        many += ", p" + std::to_string(i) + "=1";
    }
    CHECK(problem(many) == Kind::Malformed);
    CHECK(Credentials::parse(full + ", qop=auth-int").error().realm == "r");
}

TEST_CASE("The digest's URI must mean the request's", "[access]") {
    Credentials mine;
    mine.uri = "sip:bob@example.test";
    for (const char* same : {"sip:bob@example.test", "sip:bob@EXAMPLE.test:5060",
                             "sip:bob@example.test;transport=tcp"}) {
        INFO(same);
        CHECK(mine.isFor(same));
    }
    for (const char* other : {"sip:eve@example.test", "sip:bob@example.org", "sip:example.test",
                              "sip:bob@example.test:5062", "tel:+4930", ""}) {
        INFO(other);
        CHECK_FALSE(mine.isFor(other));
    }
    mine.uri = "tel:+4930";
    CHECK(mine.isFor("tel:+4930"));
    CHECK_FALSE(mine.isFor("tel:+4940"));
}

TEST_CASE("What the client's side answers the server's side accepts", "[access]") {
    for (const auto algorithm : {Algorithm::Md5, Algorithm::Sha256}) {
        for (const bool qop : {true, false}) {
            INFO(access::algorithmName(algorithm) << " qop " << qop);
            const Challenge challenge{.realm = "the \"realm\"",
                                      .nonce = "abc",
                                      .opaque = "o",
                                      .stale = true,
                                      .algorithm = algorithm,
                                      .qop = qop};
            const auto read = Challenge::parse(challenge.toString());
            REQUIRE(read);
            CHECK(*read == challenge);

            const auto answered = credentials(access::answer(*read, {.user = "alice",
                                                                     .password = "secret",
                                                                     .method = "INVITE",
                                                                     .uri = "sip:bob@b.test",
                                                                     .nonceCount = 7,
                                                                     .cnonce = "xyz"})
                                                  .toString());
            CHECK(answered.count() == (qop ? 7 : 0));
            CHECK(answered.opaque == "o");
            const auto ha1 = access::ha1Of(algorithm, "alice", challenge.realm, "secret");
            CHECK(answered.proves("INVITE", ha1));
            CHECK_FALSE(answered.proves("REGISTER", ha1));
            CHECK_FALSE(answered.proves(
                "INVITE", access::ha1Of(algorithm, "alice", challenge.realm, "Secret")));
            CHECK_FALSE(answered.proves("INVITE", ""));
        }
    }
}

TEST_CASE("Of several challenges the first that can be answered is taken", "[access]") {
    const std::string fields[] = {
        "Digest realm=\"a\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"",
        "Digest realm=\"a\", nonce=\"2\", algorithm=SHA-256, qop=\"auth-int\"",
        "Digest realm=\"b\", nonce=\"3\", algorithm=SHA-256, qop=\"auth-int, AUTH\"",
        "Digest realm=\"a\", nonce=\"4\"",
    };
    CHECK(access::firstSupported(fields)->nonce == "3");
    CHECK(access::firstSupported(fields, "a")->nonce == "4");
    CHECK_FALSE(access::firstSupported(fields, "a")->qop);
    CHECK_FALSE(access::firstSupported(fields, "c"));
    CHECK_FALSE(Challenge::parse("Digest realm=\"a\""));
    CHECK_FALSE(Challenge::parse("Digest nonce=\"a\""));
}
