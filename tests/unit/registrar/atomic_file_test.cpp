// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/atomic_file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::registrar;
using test::TemporaryDirectory;

namespace {

mode_t modeOf(const std::string& path) {
    struct stat now {};
    REQUIRE(::stat(path.c_str(), &now) == 0);
    return now.st_mode & 07777;
}

}  // namespace

TEST_CASE("A new file is not for everybody's eyes, an old one keeps its mode", "[registrar]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("registrations");
    REQUIRE(replaceFile(path, "one") == Replaced::Atomically);
    CHECK(modeOf(path) == 0640);
    CHECK(directory.read(path) == "one");
    REQUIRE(::chmod(path.c_str(), 0604) == 0);
    const auto before = base::FileIdentity::of(path);
    REQUIRE(replaceFile(path, "two, which is longer") == Replaced::Atomically);
    CHECK(modeOf(path) == 0604);
    CHECK(directory.read(path) == "two, which is longer");
    CHECK(directory.files() == 1);
    CHECK(base::FileIdentity::of(path) != before);
}

TEST_CASE("What a crash has left behind does not disturb", "[registrar]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("registrations");
    const auto victim = directory.file("victim");
    directory.write(victim, "untouched");
    REQUIRE(::symlink(victim.c_str(), (path + ".new").c_str()) == 0);
    REQUIRE(replaceFile(path, "content"));
    CHECK(directory.read(path) == "content");
    CHECK(directory.read(victim) == "untouched");
    CHECK(directory.files() == 2);
}

TEST_CASE("A symbolic link stays one", "[registrar]") {
    const TemporaryDirectory directory;
    const auto target = directory.file("target");
    const auto link = directory.file("link");
    directory.write(target, "old");
    REQUIRE(::symlink("target", link.c_str()) == 0);
    REQUIRE(replaceFile(link, "new"));
    struct stat now {};
    REQUIRE(::lstat(link.c_str(), &now) == 0);
    CHECK(S_ISLNK(now.st_mode));
    CHECK(directory.read(target) == "new");
}

TEST_CASE("A device is written to, not replaced", "[registrar]") {
    CHECK(replaceFile("/dev/null", "content") == Replaced::InPlace);
    struct stat now {};
    REQUIRE(::stat("/dev/null", &now) == 0);
    CHECK(S_ISCHR(now.st_mode));
}

TEST_CASE("A file in a directory that is not ours is overwritten in place", "[registrar]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("registrations");
    directory.write(path, "something that is longer");
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    REQUIRE(::chmod(directory.path().c_str(), 0555) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // Root may write everywhere.
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) {
            ::_exit(3);
        }
        const auto written = replaceFile(path, "short");
        const auto created = replaceFile(path + "2", "new");
        ::_exit(written == Replaced::InPlace && !created ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
    CHECK(directory.read(path) == "short");
}

TEST_CASE("A failure names the path and the reason", "[registrar]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("no/such/directory");
    const auto result = replaceFile(path, "content");
    REQUIRE_FALSE(result);
    CHECK(result.error().message == "cannot create " + path + ".new: No such file or directory");
    const auto full = replaceFile("/dev/full", "content");
    REQUIRE_FALSE(full);
    CHECK(full.error().message == "cannot write /dev/full: No space left on device");
}
