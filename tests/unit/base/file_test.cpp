// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/file.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/unique_fd.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using base::FileIdentity;
using base::FileKind;
using base::readWholeFile;
using test::TemporaryDirectory;
using Step = base::ReadFailure::Step;

namespace {

constexpr FileKind kKinds[] = {FileKind::Regular, FileKind::Any};

}  // namespace

TEST_CASE("a file is read whole or not at all", "[base]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("file");
    for (const auto kind : kKinds) {
        for (const std::size_t size : {0U, 1U, 100U, 200'000U}) {
            CAPTURE(size);
            directory.write(path, std::string(size, 'x'));
            CHECK(readWholeFile(path, size, kind) == std::string(size, 'x'));
            CHECK(readWholeFile(path, size + 1, kind) == std::string(size, 'x'));
            if (size > 0) {
                const auto large = readWholeFile(path, size - 1, kind);
                REQUIRE_FALSE(large);
                CHECK(large.error().step == Step::Size);
                CHECK(large.error().message == "too large");
            }
        }
    }
}

TEST_CASE("why a file is not read is told in the system's words", "[base]") {
    const TemporaryDirectory directory;
    for (const auto kind : kKinds) {
        const auto missing = readWholeFile(directory.file("none"), 100, kind);
        REQUIRE_FALSE(missing);
        CHECK(missing.error().step == Step::Open);
        CHECK(missing.error().error == ENOENT);
        CHECK(missing.error().message == "No such file or directory");
    }
    const auto folder = readWholeFile(directory.path(), 100, FileKind::Any);
    REQUIRE_FALSE(folder);
    CHECK(folder.error().step == Step::Read);
    CHECK(folder.error().error == EISDIR);
    CHECK(folder.error().message == "Is a directory");
}

TEST_CASE("what is not a regular file is refused where one is wanted", "[base]") {
    const TemporaryDirectory directory;
    const auto fifo = directory.file("fifo");
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    for (const auto& path : {directory.path(), fifo, std::string("/dev/zero")}) {
        INFO(path);
        const auto read = readWholeFile(path, 100);
        REQUIRE_FALSE(read);
        CHECK(read.error().step == Step::Kind);
        CHECK(read.error().message == "not a regular file");
    }
    const auto file = directory.file("file");
    directory.write(file, "content");
    std::filesystem::create_symlink(file, directory.file("link"));
    CHECK(readWholeFile(directory.file("link"), 100) == "content");
}

TEST_CASE("devices are read where any file will do, but not without end", "[base]") {
    CHECK(readWholeFile("/dev/null", 100, FileKind::Any) == "");
    const auto endless = readWholeFile("/dev/zero", 100, FileKind::Any);
    REQUIRE_FALSE(endless);
    CHECK(endless.error().step == Step::Size);
}

TEST_CASE("a pipe is waited for as long as it has a writer", "[base]") {
    const TemporaryDirectory directory;
    const auto fifo = directory.file("fifo");
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(readWholeFile(fifo, 100, FileKind::Any) == "");
    // Opened for both, which waits for nobody.
    base::UniqueFd writer(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(writer);
    REQUIRE(::write(writer.get(), "one ", 4) == 4);
    bool written = false;
    std::thread late([&] {
        const auto giveUp = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        int unread = 4;
        while (::ioctl(writer.get(), FIONREAD, &unread) == 0 && unread > 0 &&
               std::chrono::steady_clock::now() < giveUp) {
            std::this_thread::yield();
        }
        written = ::write(writer.get(), "two", 3) == 3;
        writer.reset();
    });
    const auto read = readWholeFile(fifo, 100, FileKind::Any);
    late.join();
    CHECK(written);
    CHECK(read == "one two");
}

TEST_CASE("a file's identity changes when it is written or replaced", "[base]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("file");
    CHECK(FileIdentity::of(path) == FileIdentity{});
    directory.write(path, "one");
    const auto first = FileIdentity::of(path);
    CHECK(first != FileIdentity{});
    CHECK(FileIdentity::of(path) == first);
    directory.write(path, "longer");
    const auto written = FileIdentity::of(path);
    CHECK(written != first);
    directory.write(directory.file("other"), "LONGER");
    std::filesystem::rename(directory.file("other"), path);
    CHECK(FileIdentity::of(path) != written);
}

TEST_CASE("a watch tells each new version once, and not that the file has gone", "[base]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("file");
    base::FileWatch watch(path);
    CHECK_FALSE(watch.changed());
    directory.write(path, "one");
    CHECK(watch.changed());
    CHECK_FALSE(watch.changed());
    directory.write(path, "longer");
    CHECK(watch.changed());
    base::FileWatch informed(path, FileIdentity::of(path));
    CHECK_FALSE(informed.changed());
    const auto aside = directory.file("aside");
    std::filesystem::rename(path, aside);
    CHECK_FALSE(watch.changed());
    std::filesystem::rename(aside, path);
    CHECK_FALSE(watch.changed());
}
