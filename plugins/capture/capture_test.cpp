// SPDX-License-Identifier: GPL-2.0-or-later
// The plugin in a chain.
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "support/log_spy.h"
#include "support/temporary_directory.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using test::option;
using test::TemporaryDirectory;

extern "C" const siproxd_plugin plugin_capture_LTX_siproxd_plugin;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Fixture {
    explicit Fixture(Pairs pairs, bool hasFile = true) {
        if (hasFile) {
            pairs.emplace_back("file", path());
            pairs.emplace_back("files", "1");
            pairs.emplace_back("format", "pcap");
        }
        std::vector<config::PluginOption> lines;
        for (const auto& [name, value] : pairs) {
            lines.push_back(option("plugin_capture_" + name, value, static_cast<unsigned>(lines.size() + 1)));
        }
        chain = std::make_unique<plugin::Chain>(loop);
        loaded = chain->add(plugin_capture_LTX_siproxd_plugin, std::move(lines));
        loop.advance(1ms);
    }

    [[nodiscard]] std::string path() const { return directory.file("capture.pcap"); }
    void see(const std::string& remote, const std::string& callId, bool isSent = false,
             base::Protocol protocol = base::Protocol::Udp) {
        if (chain->seesTraffic()) {
            const base::Flow flow{protocol, test::address("192.0.2.1", 5060), test::address(remote.c_str(), 5060), 0};
            chain->showTraffic(isSent, flow,
                               "OPTIONS sip:x SIP/2.0\r\nCall-ID: " + callId + "\r\n\r\n");
        }
    }
    /// All that has been written, once it is over.
    std::string end() {
        chain.reset();
        return std::filesystem::exists(path()) ? TemporaryDirectory::read(path()) : "";
    }

    TemporaryDirectory directory;
    test::FakeLoop loop;
    std::unique_ptr<plugin::Chain> chain;
    bool loaded = false;
};

bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("all SIP is captured", "[plugin_capture]") {
    Fixture f(Pairs{});
    REQUIRE(f.loaded);
    f.see("198.51.100.1", "first");
    f.see("198.51.100.2", "second", true, base::Protocol::Tls);
    const auto all = f.end();
    CHECK(has(all, "Call-ID: first"));
    CHECK(has(all, "Call-ID: second"));
}

TEST_CASE("or what a filter lets through", "[plugin_capture]") {
    Fixture f(Pairs{std::pair<std::string, std::string>("filter", "udp and host 198.51.100.1")});
    f.see("198.51.100.1", "first");
    f.see("198.51.100.2", "second");
    f.see("198.51.100.1", "third", false, base::Protocol::Tcp);
    const auto all = f.end();
    CHECK(has(all, "first"));
    CHECK_FALSE(has(all, "second"));
    CHECK_FALSE(has(all, "third"));
}

TEST_CASE("or some Call-IDs", "[plugin_capture]") {
    Fixture f({{"call_id", "second"}, {"call_id", "third"}});
    f.see("198.51.100.1", "first");
    f.see("198.51.100.2", "second");
    const auto all = f.end();
    CHECK_FALSE(has(all, "first"));
    CHECK(has(all, "second"));
}

TEST_CASE("or the calls of some addresses, with what others say in them", "[plugin_capture]") {
    Fixture f(Pairs{std::pair<std::string, std::string>("addresses", "10.0.0.0/24")});
    f.see("198.51.100.1", "before");
    f.see("10.0.0.7", "call");
    f.see("198.51.100.1", "call", true);
    f.see("198.51.100.1", "other");
    const auto all = f.end();
    CHECK_FALSE(has(all, "before"));
    CHECK_FALSE(has(all, "other"));
    const auto first = all.find("Call-ID: call");
    REQUIRE(first != std::string::npos);
    CHECK(all.find("Call-ID: call", first + 1) != std::string::npos);
}

TEST_CASE("it is switched on and off by a file", "[plugin_capture]") {
    TemporaryDirectory directory;
    const auto on = directory.file("on");
    const test::LogSpy log;
    Fixture f(Pairs{std::pair<std::string, std::string>("switch", on)});
    const auto say = [&](const std::string& text) {
        TemporaryDirectory::write(on + ".new", text);
        std::filesystem::rename(on + ".new", on);
    };
    // A thread reads it.
    const auto until = [&](const char* text, int count) {
        for (int i = 0; i < 5000 && log.count(text) < count; ++i) {
            f.loop.advance(500ms);
            std::this_thread::sleep_for(1ms);
        }
        CHECK(log.count(text) == count);
    };
    f.see("10.0.0.7", "before");
    say("");
    until("is captured to", 1);
    f.see("10.0.0.7", "during");
    say("address 10.0.0.8\ncall-id narrow\n");
    until("is captured to", 2);
    f.see("10.0.0.7", "narrow");
    f.see("10.0.0.8", "wide");
    f.see("10.0.0.8", "narrow");
    std::filesystem::remove(on);
    until("have been captured", 2);
    f.see("10.0.0.8", "narrow-after");
    SECTION("and that is all") {
        const auto all = f.end();
        CHECK_FALSE(has(all, "before"));
        CHECK(has(all, "during"));
        CHECK_FALSE(has(all, "wide"));
        CHECK_FALSE(has(all, "after"));
        const auto first = all.find("Call-ID: narrow");
        REQUIRE(first != std::string::npos);
        CHECK(all.find("Call-ID: narrow", first + 1) == std::string::npos);
    }
    SECTION("when the file says nonsense nothing is captured, and not everything") {
        say("filter udp prt 1\n");
        until("nothing is captured", 1);
        f.see("10.0.0.8", "nonsense");
        CHECK(log.has("nothing is captured"));
        say("adress 10.0.0.1\n");
        until("nothing is captured", 2);
        f.see("10.0.0.8", "nonsense");
        CHECK(log.has("adress 10.0.0.1: call-id, address or filter is needed"));
        CHECK_FALSE(has(f.end(), "nonsense"));
    }
}

TEST_CASE("what cannot be captured is told", "[plugin_capture]") {
    test::LogSpy log;
    CHECK_FALSE(Fixture(Pairs{}, false).loaded);
    CHECK(log.has("plugin_capture needs plugin_capture_file"));
    CHECK_FALSE(Fixture(Pairs{std::pair<std::string, std::string>("filter", "udp prt")}).loaded);
    CHECK(log.has("plugin_capture_filter = udp prt"));
    CHECK_FALSE(Fixture(Pairs{std::pair<std::string, std::string>("media", "nosuchdevice0")}).loaded);
    CHECK(log.has("nosuchdevice0"));
    CHECK_FALSE(Fixture(Pairs{std::pair<std::string, std::string>("addresses", "nonsense//")}).loaded);
}

TEST_CASE("a disk that does not take it is told once", "[plugin_capture]") {
    test::LogSpy log;
    Fixture f(Pairs{std::pair<std::string, std::string>("file", "/nonexistent/directory/capture.pcap")}, false);
    REQUIRE(f.loaded);
    for (int i = 0; i < 3; ++i) {
        f.see("10.0.0.8", "x");
        // The disk is asked in another thread.
        const auto end = std::chrono::steady_clock::now() + 5s;
        while (!log.has("packets are lost") && std::chrono::steady_clock::now() < end) {
            f.loop.advance(1s);
        }
        CHECK(log.has("packets are lost, /nonexistent/directory/capture-1.pcap: No such file or directory"));
    }
}
