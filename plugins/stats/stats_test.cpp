// SPDX-License-Identifier: GPL-2.0-or-later
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "report.h"
#include "support/temporary_directory.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using test::option;

extern "C" const siproxd_plugin plugin_stats_LTX_siproxd_plugin;

namespace {

/// Two registrations, and the calls that the test wants.
struct House final : plugin::Services {
    void bindings(plugin::BindingQuery, std::string_view,
                  const std::function<bool(const plugin::BindingView&)>& each) override {
        each({});
        each({});
    }
    std::uint64_t send(plugin::OwnRequest) override { return 0; }
    void forget(std::uint64_t) override {}
    void calls(const std::function<bool(const plugin::CallView&)>& each) override {
        for (const auto& call : all) {
            each(call);
        }
    }
    bool endCall(std::uint64_t, int, std::string_view) override { return false; }

    std::vector<plugin::CallView> all;
};

plugin::CallView call(int direction, const std::string& callId, std::size_t streams = 1) {
    plugin::CallView view;
    view.direction = direction;
    view.callId = callId;
    view.caller = direction == SIPROXD_REQUEST_INCOMING ? "sip:bob@example.net" : "sip:alice@sip.example.test";
    view.callee = direction == SIPROXD_REQUEST_INCOMING ? "sip:alice@sip.example.test" : "sip:bob@example.net";
    view.streams.resize(streams);
    for (auto& stream : view.streams) {
        auto& inside = direction == SIPROXD_REQUEST_INCOMING ? stream.callee : stream.caller;
        auto& outside = direction == SIPROXD_REQUEST_INCOMING ? stream.caller : stream.callee;
        inside.localIp = "192.168.1.1";
        inside.remote = "192.168.1.10:4000";
        outside.localIp = "203.0.113.1";
        outside.remote = "203.0.113.50:5000";
    }
    return view;
}

struct Fixture {
    explicit Fixture(std::vector<config::PluginOption> lines)
        : loaded(chain.add(plugin_stats_LTX_siproxd_plugin, std::move(lines))) {
        chain.setServices(&house);
    }
    ~Fixture() { chain.setServices(nullptr); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    test::FakeLoop loop;
    House house;
    plugin::Chain chain{loop};
    bool loaded;
};

std::string contentOf(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Whether it comes true within some seconds: files are written by another thread.
template <class Condition>
bool soon(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

constexpr const char* kIdle = "STATS: 0 active Streams, 0 active Calls, 0 active Clients, 2 registered Clients";

}  // namespace

TEST_CASE("the file has the form that scripts know", "[plugin_stats]") {
    Fixture f({});
    f.house.all = {call(SIPROXD_REQUEST_INCOMING, "in1")};
    test::Probe probe;
    REQUIRE(probe.join(f.chain));
    f.chain.setServices(&f.house);
    const auto report = stats::Report::of(api::Host(probe.host, probe.self));
    CHECK(report.text("Sun Nov 22 01:33:54 2026", 28470) ==
          "Date: Sun Nov 22 01:33:54 2026\n"
          "PID:  28470\n"
          "\n"
          "Summary\n"
          "-------\n"
          "registered Clients:      2\n"
          "active Clients:          1\n"
          "active Calls:            1\n"
          "active Streams:          2\n"
          "\n"
          "RTP-Details\n"
          "-----------\n"
          "Header; Client-Id; Call-Id; Call Direction; Stream Direction; local IP; remote IP\n"
          "Data;alice@sip.example.test;in1@;Incoming;Outgoing;192.168.1.1;203.0.113.50\n"
          "Data;alice@sip.example.test;in1@;Incoming;Incoming;203.0.113.1;192.168.1.10\n");
    f.house.all = {call(SIPROXD_REQUEST_OUTGOING, "out1@192.168.1.10", 2), call(SIPROXD_REQUEST_OUTGOING, "c", 0)};
    f.house.all[0].streams[1].direct = true;
    const auto outgoing = stats::Report::of(api::Host(probe.host, probe.self));
    CHECK(outgoing.line() == "STATS: 2 active Streams, 1 active Calls, 1 active Clients, 2 registered Clients");
    CHECK(outgoing.text("", 1).ends_with(
        "Data;alice@sip.example.test;out1@192.168.1.10;Outgoing;Outgoing;192.168.1.1;203.0.113.50\n"
        "Data;alice@sip.example.test;out1@192.168.1.10;Outgoing;Incoming;203.0.113.1;192.168.1.10\n"));
}

TEST_CASE("log lines come as often as configured", "[plugin_stats]") {
    Fixture f({option("plugin_stats_to_syslog", "60")});
    const test::LogSpy spy;
    f.loop.advance(59s);
    CHECK_FALSE(spy.has("STATS"));
    f.loop.advance(3s);
    CHECK(spy.hasLine(kIdle));
    f.house.all = {call(SIPROXD_REQUEST_INCOMING, "in1")};
    f.loop.advance(62s);
    CHECK(spy.hasLine("STATS: 2 active Streams, 1 active Calls, 1 active Clients, 2 registered Clients"));
}

TEST_CASE("SIGUSR1 asks for one more", "[plugin_stats]") {
    const char* period = GENERATE("-1", "3600", "0");
    Fixture f({option("plugin_stats_to_syslog", period)});
    const test::LogSpy spy;
    f.loop.advance(60s);
    f.chain.notify(plugin::Notice::Addresses);
    CHECK_FALSE(spy.has("STATS"));
    f.chain.notify(plugin::Notice::Statistics);
    CHECK(spy.hasLine(kIdle) == (std::string_view(period) != "0"));
}

TEST_CASE("the file is written as often as configured", "[plugin_stats]") {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("stats");
    Fixture f({option("plugin_stats_to_file", "60"), option("plugin_stats_filename", path)});
    f.loop.advance(62s);
    CHECK(soon([&] { return contentOf(path).starts_with("Date: "); }));
    CHECK(contentOf(path).find("registered Clients:      2\n") != std::string::npos);
}

TEST_CASE("a file that cannot be written is told", "[plugin_stats]") {
    Fixture f({option("plugin_stats_to_file", "-1"), option("plugin_stats_filename", "/nowhere/at/all")});
    const test::LogSpy spy;
    f.chain.notify(plugin::Notice::Statistics);
    CHECK(soon([&] {
        f.chain.tick();
        return spy.has("plugin_stats cannot write /nowhere/at/all.new: No such file or directory");
    }));
}

TEST_CASE("a file without a name is told", "[plugin_stats]") {
    const test::LogSpy spy;
    Fixture f({option("plugin_stats_to_file", "60")});
    CHECK_FALSE(f.loaded);
    CHECK(spy.hasLine("siproxd.conf:1: plugin_stats_to_file = 60: plugin_stats_filename has to say which file"));
}

TEST_CASE("there is no thread before there is something to write", "[plugin_stats]") {
    const auto threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                             std::filesystem::directory_iterator());
    };
    test::TemporaryDirectory directory;
    const auto before = threads();
    Fixture f({option("plugin_stats_to_file", "1"), option("plugin_stats_filename", directory.file("stats"))});
    REQUIRE(f.loaded);
    CHECK(threads() == before);
    f.loop.advance(1s);
    CHECK(threads() == before + 1);
}
