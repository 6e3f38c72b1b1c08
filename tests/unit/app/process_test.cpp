// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/process.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "in_child.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

bool isRoot() {
    return ::geteuid() == 0;
}

}  // namespace

TEST_CASE("a PID file has our number and goes with us", "[app]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("siproxd.pid");
    {
        const app::PidFile file(path, std::nullopt);
        CHECK(TemporaryDirectory::read(path) == std::to_string(::getpid()) + "\n");
        struct stat info{};
        REQUIRE(::stat(path.c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0644);
    }
    CHECK(!std::filesystem::exists(path));
}

TEST_CASE("a PID file replaces the one of a daemon that was killed", "[app]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("siproxd.pid");
    std::ofstream(path) << "123456789\n";
    const app::PidFile file(path, std::nullopt);
    CHECK(TemporaryDirectory::read(path) == std::to_string(::getpid()) + "\n");
}

TEST_CASE("a PID file does not follow a link", "[app]") {
    const TemporaryDirectory directory;
    const auto victim = directory.file("victim");
    std::ofstream(victim) << "precious";
    std::filesystem::create_symlink(victim, directory.file("siproxd.pid"));
    { const app::PidFile file(directory.file("siproxd.pid"), std::nullopt); }
    CHECK(TemporaryDirectory::read(victim) == "precious");
}

TEST_CASE("without a name, or where none can be written, there is no PID file", "[app]") {
    const app::PidFile none("", std::nullopt);
    const app::PidFile nowhere("/nonexistent/directory/siproxd.pid", std::nullopt);
    CHECK(!std::filesystem::exists("/nonexistent"));
}

TEST_CASE("a user is found by name or number", "[app]") {
    const auto root = app::lookUpIdentity("root");
    REQUIRE(root);
    CHECK(root->uid == 0);
    const auto zero = app::lookUpIdentity("0");
    REQUIRE(zero);
    CHECK(zero->name == "root");
    const auto nobody = app::lookUpIdentity("no-such-user-here");
    REQUIRE(!nobody);
    CHECK(nobody.error().message.find("no-such-user-here") != std::string::npos);
}

TEST_CASE("privileges are gone for good: real, effective, saved, groups", "[app]") {
    if (!isRoot()) {
        WARN("needs root");
        return;
    }
    const auto nobody = app::lookUpIdentity("65534");
    if (!nobody) {
        WARN("there is no user 65534");
        return;
    }
    CHECK(inChild([&] {
        const gid_t extra[] = {0, 1, 2};
        if (::setgroups(3, extra) != 0 || !app::becomeUser(*nobody, app::Keeps::Nothing)) {
            return false;
        }
        uid_t uid[3];
        gid_t gid[3];
        if (::getresuid(&uid[0], &uid[1], &uid[2]) != 0 ||
            ::getresgid(&gid[0], &gid[1], &gid[2]) != 0) {
            return false;
        }
        for (int i = 0; i < 3; ++i) {
            if (uid[i] != nobody->uid || gid[i] != nobody->gid) {
                return false;
            }
        }
        std::vector<gid_t> groups(64);
        const int count = ::getgroups(64, groups.data());
        for (int i = 0; i < count; ++i) {
            if (groups[static_cast<std::size_t>(i)] == 0) {
                return false;
            }
        }
        return ::setuid(0) != 0 && ::seteuid(0) != 0;
    }));
}

TEST_CASE("who is not root cannot become somebody else, and is told so", "[app]") {
    const auto root = app::lookUpIdentity("root");
    REQUIRE(root);
    CHECK(inChild([&] {
        if (isRoot() && ::setuid(65534) != 0) {
            return false;
        }
        const auto became = app::becomeUser(*root, app::Keeps::Nothing);
        return !became && became.error().message.find("root") != std::string::npos;
    }));
}

TEST_CASE("a jail that is none is an error", "[app]") {
    CHECK(inChild([] {
        const auto entered = app::enterJail("/nonexistent/jail");
        return !entered && entered.error().message.find("/nonexistent/jail") != std::string::npos;
    }));
}

TEST_CASE("in the jail there is nothing but the jail", "[app]") {
    if (!isRoot()) {
        WARN("needs root");
        return;
    }
    const TemporaryDirectory directory;
    std::ofstream(directory.file("inside")) << "x";
    CHECK(inChild([&] {
        return app::enterJail(directory.path()) && ::access("/inside", F_OK) == 0 &&
               ::access("inside", F_OK) == 0 && ::access(directory.path().c_str(), F_OK) != 0;
    }));
}

TEST_CASE("a state file is made for the user who will write it", "[app]") {
    if (!isRoot()) {
        WARN("needs root");
        return;
    }
    const TemporaryDirectory directory;
    const auto path = directory.file("registrations");
    app::Identity nobody;
    nobody.name = "nobody";
    nobody.uid = 65534;
    nobody.gid = 65534;
    app::prepareStateFile(path, nobody);
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
    CHECK((info.st_mode & 0777) == 0640);
    std::ofstream(path) << "kept";
    app::prepareStateFile(path, nobody);
    CHECK(TemporaryDirectory::read(path) == "kept");
}
