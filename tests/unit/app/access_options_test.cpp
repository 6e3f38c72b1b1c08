// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/access_options.h"
#include "app/nft_runner.h"

#include <sys/stat.h>

#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::test;

TEST_CASE("access is closed to strangers by default", "[app]") {
    const auto gate = app::readGate({});
    REQUIRE(gate);
    CHECK(gate->rules.anonymous == access::RelayRules::Anonymous::Nothing);
    CHECK_FALSE(gate->rules.usersOutside);
    CHECK(gate->floodGuard);
    CHECK(gate->flood.banFor == std::chrono::hours(1));
    CHECK(gate->authentication.realm.empty());
    const auto nat = app::readNat({});
    REQUIRE(nat);
    for (const char* address : {"192.168.1.1", "10.1.2.3", "100.64.0.1", "fd00::1"}) {
        CHECK(nat->networks.contains(*base::IpAddress::parse(address)));
    }
    CHECK_FALSE(nat->networks.contains(*base::IpAddress::parse("203.0.113.1")));
}

TEST_CASE("all that is wrong with access is told at once, with its place", "[app]") {
    config::Settings settings;
    const auto at = [](unsigned line) { return config::Origin{"x.conf", line}; };
    settings.access.trunkNetworks = {"10.0.0.1", at(1)};
    settings.access.scannerSignature = {{"colour:red", at(2)}};
    settings.access.nftSet = {"one two", at(3)};
    settings.access.usersOutside = true;
    settings.origins["users_outside"] = at(4);
    const auto gate = app::readGate(settings);
    REQUIRE_FALSE(gate);
    for (const char* part : {"x.conf:1: trunk_networks", "x.conf:2: scanner_signature",
                             "x.conf:3: nft_set", "x.conf:4: users_outside needs proxy_auth_realm"}) {
        INFO(gate.error().message);
        CHECK(gate.error().message.find(part) != std::string::npos);
    }
}

TEST_CASE("users come from the file, else from the one password", "[app]") {
    TemporaryDirectory directory;
    config::Settings settings;
    settings.access.proxyAuthRealm = "home";
    settings.access.proxyAuthPasswd = "secret";
    CHECK(app::readUsers(settings)->ha1("anybody", access::Algorithm::Md5));
    settings.access.proxyAuthPwfile = directory.file("passwords");
    settings.origins["proxy_auth_pwfile"] = {"x.conf", 7};
    CHECK(app::readUsers(settings).error().message.find("x.conf:7: proxy_auth_pwfile") !=
          std::string::npos);
    TemporaryDirectory::write(settings.access.proxyAuthPwfile, "alice secret\n");
    CHECK(app::readUsers(settings)->knows("alice"));
    CHECK_FALSE(app::readUsers(settings)->knows("anybody"));
}

TEST_CASE("nft gets the commands, and what it says when it fails is told", "[app]") {
    TemporaryDirectory directory;
    const auto program = directory.file("nft");
    TemporaryDirectory::write(program, "#!/bin/sh\ncat > " + directory.file("got") + "\n[ ! -e " +
                                           directory.file("fail") +
                                           " ] || { echo no such table >&2; exit 1; }\n");
    ::chmod(program.c_str(), 0755);
    const std::string commands(100'000, '#');
    CHECK(app::runNft(commands, program));
    CHECK(TemporaryDirectory::read(directory.file("got")) == commands);
    TemporaryDirectory::write(directory.file("fail"), "");
    const auto failed = app::runNft("x", program);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message.find("no such table") != std::string::npos);
    CHECK_FALSE(app::runNft("x", directory.file("missing")));
}
