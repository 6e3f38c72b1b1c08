// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/users.h"

#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using access::Algorithm;
using access::Users;

namespace {

Users users(std::string_view text) {
    auto read = Users::parse(text, "pw", "r");
    INFO(text);
    REQUIRE(read);
    return *std::move(read);
}

}  // namespace

TEST_CASE("A password file gives digests for its users", "[access]") {
    const auto read = users("# comment\n\nalice secret\r\n  bob\t a b#c \n#eve x\n");
    CHECK(read.size() == 2);
    for (const auto algorithm : {Algorithm::Md5, Algorithm::Sha256}) {
        CHECK(read.ha1("alice", algorithm) == access::ha1Of(algorithm, "alice", "r", "secret"));
        CHECK(read.ha1("bob", algorithm) == access::ha1Of(algorithm, "bob", "r", "a b#c"));
        CHECK_FALSE(read.ha1("eve", algorithm));
        CHECK_FALSE(read.ha1("Alice", algorithm));
        CHECK(read.canUse(algorithm));
    }
}

TEST_CASE("A password file may hold digests instead of passwords", "[access]") {
    const std::string md5(32, 'A');
    const std::string sha(64, 'b');
    const auto read = users("alice:r:" + md5 + "\nalice:r:" + sha + "\nbob:r:" + md5 +
                            "\ncarol:other realm:" + md5 + "\n");
    CHECK(read.size() == 2);
    CHECK(read.ha1("alice", Algorithm::Md5) == std::string(32, 'a'));
    CHECK(read.ha1("alice", Algorithm::Sha256) == sha);
    CHECK_FALSE(read.ha1("bob", Algorithm::Sha256));
    CHECK_FALSE(read.ha1("carol", Algorithm::Md5));
    CHECK(read.canUse(Algorithm::Md5));
    CHECK_FALSE(read.canUse(Algorithm::Sha256));
}

TEST_CASE("One password can be for all users", "[access]") {
    const auto all = Users::withOnePassword("r", "secret");
    CHECK(all.ha1("anybody", Algorithm::Md5) ==
          access::ha1Of(Algorithm::Md5, "anybody", "r", "secret"));
    CHECK(all.canUse(Algorithm::Sha256));
    CHECK_FALSE(Users().ha1("anybody", Algorithm::Md5));
}

TEST_CASE("Mistakes in a password file are told all at once, without passwords", "[access]") {
    const auto read = Users::parse("alice secret\nhunter2\nbob x\nalice other\n", "/etc/pw", "r");
    REQUIRE_FALSE(read);
    CHECK(read.error().message == "/etc/pw:2: neither `user password` nor `user:realm:HA1`\n"
                                  "/etc/pw:4: user alice twice");
}

TEST_CASE("A password file is read", "[access]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.file("passwords");
    directory.write(file, "alice secret\n");
    CHECK(Users::readFile(file, "r")->size() == 1);
    directory.write(file, "alice secret\nbob longer\n");
    CHECK(Users::readFile(file, "r")->size() == 2);

    const auto missing = Users::readFile("/nonexistent/pw", "r");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message == "cannot read /nonexistent/pw: No such file or directory");
    CHECK_FALSE(Users::readFile("/tmp", "r"));
}
