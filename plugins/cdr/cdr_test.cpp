// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <thread>

#include "file.h"
#include "queue.h"
#include "support/temporary_directory.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using test::option;
using test::TemporaryDirectory;

extern "C" const siproxd_plugin plugin_cdr_LTX_siproxd_plugin;

namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kNoon = 1'795'521'600;  // 2026-11-24 12:00:00 UTC

struct Fixture {
    explicit Fixture(std::vector<config::PluginOption> lines)
        : loaded(chain.add(plugin_cdr_LTX_siproxd_plugin, std::move(lines))) {}

    void end(const std::string& callId, int status = 200) {
        plugin::CallView view;
        view.callId = callId;
        view.started = kNoon;
        view.answered = status == 200 ? kNoon : 0;
        view.ended = kNoon;
        view.status = status;
        view.endedBy = plugin::EndedBy::Callee;
        chain.tell(plugin::CallEvent::Started, view);
        chain.tell(plugin::CallEvent::Ended, view);
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
    bool loaded;
};

/// Whether it comes true within some seconds: files are written by another thread.
template <class Condition>
bool soon(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

std::size_t linesIn(const std::string& path) {
    const auto text = TemporaryDirectory::read(path);
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

cdr::PathPattern pattern(const std::string& path) {
    std::string why;
    return *cdr::PathPattern::parse(path, why);
}

}  // namespace

TEST_CASE("each call leaves a line when it is over", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("cdr.csv");
    Fixture f({option("plugin_cdr_file", path)});
    REQUIRE(f.loaded);
    f.end("one");
    f.end("two", 486);
    CHECK(soon([&] { return linesIn(path) == 3; }));
    const auto text = TemporaryDirectory::read(path);
    CHECK(text.starts_with("start,"));
    CHECK(text.find(",one\r\n") < text.find(",BUSY,486,"));
}

TEST_CASE("a call that nobody has answered has the gateway that was tried last", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("cdr.json");
    {
        Fixture f({option("plugin_cdr_file", path), option("plugin_cdr_format", "json")});
        const auto tryBy = [&f](std::uint64_t id, const char* label) {
            plugin::CallView view;
            view.id = id;
            view.label = label;
            f.chain.tell(plugin::CallEvent::Trying, view);
        };
        const auto end = [&f](std::uint64_t id, const char* label, std::int64_t answered) {
            plugin::CallView view;
            view.id = id;
            view.callId = "c" + std::to_string(id);
            view.label = label;
            view.answered = answered;
            f.chain.tell(plugin::CallEvent::Ended, view);
        };
        tryBy(1, "uk");
        tryBy(2, "uk");
        tryBy(2, "world");
        tryBy(3, "uk");
        tryBy(3, "world");
        end(1, "", 0);
        end(2, "uk", 0);
        end(3, "uk", kNoon);
        end(4, "us", 0);
        end(1, "", 0);  // another one
    }
    std::istringstream lines(TemporaryDirectory::read(path));
    std::vector<std::string> gateways;
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find("\"gateway\":") + 10;
        gateways.push_back(line.substr(at, line.find(',', at) - at));
    }
    CHECK(gateways == std::vector<std::string>{"\"uk\"", "\"world\"", "\"uk\"", "\"us\"", "null"});
}

TEST_CASE("what is waiting is written when siproxd ends", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("cdr.json");
    {
        Fixture f({option("plugin_cdr_file", path), option("plugin_cdr_format", "json")});
        for (int i = 0; i < 2000; ++i) {
            f.end("c" + std::to_string(i));
        }
    }
    CHECK(linesIn(path) == 2000);
}

TEST_CASE("a challenge is no call, unless it is asked for", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("cdr.json");
    const char* challenged = GENERATE("0", "1");
    {
        Fixture f({option("plugin_cdr_file", path), option("plugin_cdr_format", "json"),
                   option("plugin_cdr_challenged", challenged)});
        f.end("one", 401);
        f.end("two", 407);
        f.end("three");
    }
    CHECK(linesIn(path) == (std::string_view(challenged) == "1" ? 3 : 1));
}

TEST_CASE("each day has its file, and directories that its date names", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    cdr::RecordFile file(pattern(directory.file("yyyy/mm/dd.csv")), "top\n");
    CHECK(file.append(kNoon, "a\n").empty());
    CHECK(file.append(kNoon + kDay, "b\n").empty());
    CHECK(file.append(kNoon, "c\n").empty());
    CHECK(TemporaryDirectory::read(directory.file("2026/11/24.csv")) == "top\na\nc\n");
    CHECK(TemporaryDirectory::read(directory.file("2026/11/25.csv")) == "top\nb\n");
    cdr::RecordFile nowhere(pattern(directory.file("other/cdr-yyyy.csv")), "");
    CHECK(nowhere.append(kNoon, "a\n").find("other/cdr-2026.csv: No such file or directory") != std::string::npos);
}

TEST_CASE("a file that is moved away or cut off is begun anew", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("cdr.csv");
    const auto old = path + ".1";
    cdr::RecordFile file(pattern(path), "top\n");
    CHECK(file.append(kNoon, "a\n").empty());
    std::filesystem::rename(path, old);
    CHECK(file.append(kNoon, "b\n").empty());
    CHECK(TemporaryDirectory::read(old) == "top\na\n");
    CHECK(TemporaryDirectory::read(path) == "top\nb\n");
    std::filesystem::remove(old);
    std::filesystem::rename(path, old);
    TemporaryDirectory::write(path, "");  // logrotate's `create`
    CHECK(file.append(kNoon, "c\n").empty());
    CHECK(TemporaryDirectory::read(path) == "top\nc\n");
    std::filesystem::resize_file(path, 0);  // logrotate's `copytruncate`
    CHECK(file.append(kNoon, "d\n").empty());
    CHECK(TemporaryDirectory::read(path) == "top\nd\n");
}

TEST_CASE("a line begins where a line begins", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("cdr.csv");
    TemporaryDirectory::write(path, "top\nhalf a li");
    cdr::RecordFile file(pattern(path), "top\n");
    CHECK(file.append(kNoon, "b\n").empty());
    CHECK(TemporaryDirectory::read(path) == "top\nhalf a li\nb\n");
}

TEST_CASE("a line for which there is no room is not begun", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("cdr.csv");
    cdr::RecordFile file(pattern(path), "");
    CHECK(file.append(kNoon, "first\n").empty());
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit tight = before;
    tight.rlim_cur = 8;
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &tight);
    const auto problem = file.append(kNoon, "second\n");
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    CHECK(problem == path + ": no space left");
    CHECK(TemporaryDirectory::read(path) == "first\n");
    CHECK(file.append(kNoon, "second\n").empty());
    CHECK(TemporaryDirectory::read(path) == "first\nsecond\n");
}

TEST_CASE("what cannot be written waits until it can, and the log says so", "[plugin_cdr]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("later/cdr.json");
    Fixture f({option("plugin_cdr_file", path), option("plugin_cdr_format", "json")});
    const test::LogSpy spy;
    f.end("one");
    f.end("two");
    CHECK(soon([&] {
        f.chain.tick();
        return spy.has("plugin_cdr: cannot write " + path + ": No such file or directory");
    }));
    std::filesystem::create_directory(directory.file("later"));
    CHECK(soon([&] { return linesIn(path) == 2; }));
}

TEST_CASE("what does not fit into the queue is lost, and counted", "[plugin_cdr]") {
    const test::LogSpy spy;
    {
        Fixture f({option("plugin_cdr_file", "/nowhere/at/all"), option("plugin_cdr_queue", "3")});
        for (int i = 0; i < 5; ++i) {
            f.end("c" + std::to_string(i));
        }
        f.chain.tick();
        CHECK(spy.hasLine("plugin_cdr: 2 records are lost for the file"));
    }
    CHECK(spy.hasLine("plugin_cdr: 3 records are lost for the file"));
}

TEST_CASE("who rests goes on when the room gets scarce", "[plugin_cdr]") {
    cdr::Queue queue(4);
    std::atomic<bool> isOver = false;
    std::thread reader([&] {
        queue.rest(1h);
        isOver = true;
    });
    queue.put({kNoon, "one"});
    std::this_thread::sleep_for(20ms);  // it would be over by now, were it not resting
    CHECK_FALSE(isOver);
    queue.put({kNoon, "two"});
    CHECK(soon([&] { return isOver.load(); }));
    queue.close();
    reader.join();
}

TEST_CASE("what is wrong in the configuration is told with its place", "[plugin_cdr]") {
    const test::LogSpy spy;
    CHECK_FALSE(Fixture({option("plugin_cdr_file", "cdr.csv", 3)}).loaded);
    CHECK(spy.hasLine("siproxd.conf:3: plugin_cdr_file = cdr.csv: the path of a file is needed that begins with /"));
    CHECK_FALSE(Fixture({option("plugin_cdr_hook", "bill it", 4)}).loaded);
    CHECK(spy.hasLine("siproxd.conf:4: plugin_cdr_hook = bill it: the path of a program is needed that begins with /"));
    CHECK_FALSE(Fixture({option("plugin_cdr_file", "/cdr", 5), option("plugin_cdr_format", "xml", 6)}).loaded);
    CHECK(spy.hasLine("siproxd.conf:6: plugin_cdr_format = xml: csv or json is needed"));
    CHECK_FALSE(Fixture({}).loaded);
    CHECK(spy.hasLine("plugin_cdr: neither plugin_cdr_file nor plugin_cdr_hook says where records go"));
}
