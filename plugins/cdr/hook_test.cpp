// SPDX-License-Identifier: GPL-2.0-or-later
#include "hook.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace std::chrono_literals;
using siproxd::test::TemporaryDirectory;

namespace {

constexpr cdr::HookTimes kQuick{
    .firstPause = 10ms, .longestPause = 40ms, .healthy = 1min, .look = 5ms, .ending = 200ms};

bool soon(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

std::vector<std::string> shell(const std::string& script) {
    return {"/bin/sh", "-c", script};
}

/// Children that nobody has waited for, and such that still run.
bool hasChildren() {
    return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD;
}

}  // namespace

TEST_CASE("a hook reads the records", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("got");
    {
        cdr::Hook hook(shell("exec cat > " + path), "top\n", 100, kQuick);
        hook.put({0, "one\n"});
        hook.put({0, "two\n"});
        CHECK(soon([&] { return TemporaryDirectory::read(path) == "top\none\ntwo\n"; }));
        hook.put({0, "three\n"});
    }
    CHECK(TemporaryDirectory::read(path) == "top\none\ntwo\nthree\n");
    CHECK_FALSE(hasChildren());
}

TEST_CASE("a hook that dies is started again, and records wait for it", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("got");
    // Each one reads one line and dies. What is in the pipe of one that is about to die is lost: the next line waits
    // until it is known to be dead.
    cdr::Hook hook(shell("read line; echo $line >> " + path + "; exit 3"), "", 100, kQuick);
    for (const char* line : {"one\n", "two\n", "three\n"}) {
        const auto before = TemporaryDirectory::read(path);
        hook.put({0, line});
        REQUIRE(soon([&] { return TemporaryDirectory::read(path) == before + line; }));
        CHECK(soon([&] {
            return hook.takeNews().second == "hook /bin/sh ended with 3, next start in 1 s";
        }));
    }
    CHECK(hook.takeNews().first == 0);
    hook.end();
    CHECK_FALSE(hasChildren());
}

TEST_CASE("a hook that has been killed is told by its signal", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("pid");
    cdr::Hook hook(shell("echo $$ > " + path + "; exec sleep 1000"), "", 100, kQuick);
    REQUIRE(soon([&] { return TemporaryDirectory::read(path).ends_with('\n'); }));
    const auto first = TemporaryDirectory::read(path);
    ::kill(static_cast<pid_t>(std::stoi(first)), SIGKILL);
    CHECK(soon([&] { return hook.takeNews().second.starts_with("hook /bin/sh was ended by signal 9"); }));
    CHECK(soon([&] {
        const auto second = TemporaryDirectory::read(path);
        return second.ends_with('\n') && second != first;
    }));
    hook.end();
    CHECK_FALSE(hasChildren());
}

TEST_CASE("a hook that does not read keeps nobody waiting, and is ended", "[plugin_cdr]") {
    constexpr std::size_t kMost = 50;
    cdr::Hook hook(shell("trap '' TERM; while :; do sleep 1000; done"), "", kMost, kQuick);
    const std::string line(4000, 'x');
    std::size_t lost = 0;
    for (int i = 0; i < 200; ++i) {
        hook.put({0, line + "\n"});
    }
    // 64 kB are in the pipe, the rest waits or is lost.
    lost += hook.takeNews().first;
    CHECK(lost > 0);
    hook.end();
    lost += hook.takeNews().first;
    CHECK(lost >= 200 - 17);
    CHECK(lost <= 200 - 15);
    CHECK_FALSE(hasChildren());
}

TEST_CASE("a hook that closes its input is started again", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("starts");
    cdr::Hook hook(shell("exec 0<&-; echo x >> " + path + "; exec sleep 1000"), "", 100, kQuick);
    REQUIRE(soon([&] { return TemporaryDirectory::read(path) == "x\n"; }));
    hook.put({0, "one\n"});
    CHECK(soon([&] { return TemporaryDirectory::read(path).starts_with("x\nx\n"); }));
    hook.end();
    CHECK_FALSE(hasChildren());
}

TEST_CASE("a hook that is not there is told and tried again, less and less often", "[plugin_cdr]") {
    cdr::Hook hook({"/nowhere/hook"}, "", 2, kQuick);
    CHECK(soon([&] {
        return hook.takeNews().second ==
               "hook /nowhere/hook cannot be started: No such file or directory, next start in 1 s";
    }));
    for (int i = 0; i < 5; ++i) {
        hook.put({0, "x\n"});
    }
    CHECK(hook.takeNews().first == 3);
    hook.end();
    CHECK(hook.takeNews().first == 2);
}

TEST_CASE("a hook has no signals blocked and no files but three", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("state");
    const auto leak = directory.file("leak");
    std::FILE* open = std::fopen(leak.c_str(), "w");  // inherited by who does not close it
    REQUIRE(open != nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    {
        cdr::Hook hook(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status > " + path + "; ls -l /proc/$$/fd >> " + path +
                             "; echo end >> " + path + "; exec cat"),
                       "", 10, kQuick);
        CHECK(soon([&] { return TemporaryDirectory::read(path).ends_with("end\n"); }));
    }
    ::signal(SIGPIPE, SIG_DFL);
    std::fclose(open);
    const auto text = TemporaryDirectory::read(path);
    INFO(text);
    CHECK(text.starts_with("SigBlk:\t0000000000000000\nSigIgn:\t"));
    // The highest bits are signals that the C library keeps for itself.
    CHECK((std::stoull(text.substr(text.find("Ign:\t") + 5, 16), nullptr, 16) & 0x7FFFFFFF) == 0);
    CHECK(text.find("leak") == std::string::npos);
}
