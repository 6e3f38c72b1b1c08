// SPDX-License-Identifier: GPL-2.0-or-later
#include <utility>
#include <vector>

#include "support/log_spy.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using test::option;

extern "C" const siproxd_plugin plugin_stun_LTX_siproxd_plugin;

namespace {

/// The network as the test has it.
struct Net final : plugin::Services {
    void bindings(plugin::BindingQuery, std::string_view,
                  const std::function<bool(const plugin::BindingView&)>&) override {}
    std::uint64_t send(plugin::OwnRequest) override { return 0; }
    void forget(std::uint64_t) override {}
    void calls(const std::function<bool(const plugin::CallView&)>&) override {}
    bool endCall(std::uint64_t, int, std::string_view) override { return false; }

    std::uint64_t askAddresses(std::string_view name, dns::Resolver::Callback done) override {
        asked.emplace_back(name);
        lookup = std::move(done);
        return asked.size();
    }
    void forgetQuestion(std::uint64_t) override { lookup = nullptr; }
    std::uint64_t sendDatagram(const base::SocketAddress& to, std::string_view bytes, base::Duration patience,
                               plugin::DatagramCallback done) override {
        sent.emplace_back(to.toString(), bytes);
        if (done) {
            waiting = std::move(done);
            deadline = patience;
        }
        return isCut ? 0 : sent.size();
    }
    void forgetDatagram(std::uint64_t) override { waiting = nullptr; }
    bool announce(std::optional<base::IpAddress> ip) override {
        announced.push_back(ip ? ip->toString() : "-");
        return true;
    }

    void resolve(std::vector<const char*> texts) {
        const auto done = std::exchange(lookup, nullptr);
        REQUIRE(done);
        dns::Addresses ips;
        for (const char* text : texts) {
            ips.push_back(*base::IpAddress::parse(text));
        }
        done(ips.empty() ? dns::Answer(base::fail("no such host")) : dns::Answer(std::move(ips)));
    }
    /// The server sees that address; whether the plugin took it.
    bool answer(const std::array<unsigned, 4>& ip, std::size_t question) {
        const auto& request = sent.at(question).second;
        std::string out("\x01\x01\x00\x0c", 4);
        out += request.substr(4);
        out += std::string("\x00\x20\x00\x08\x00\x01", 6);
        out += request.substr(4, 2);
        for (std::size_t i = 0; i < 4; ++i) {
            out += static_cast<char>(ip[i] ^ static_cast<unsigned char>(request[4 + i]));
        }
        const auto done = std::exchange(waiting, nullptr);
        REQUIRE(done);
        const bool isIt = done(out);
        if (!isIt && !waiting) {
            waiting = done;
        }
        return isIt;
    }
    void fallSilent() {
        const auto done = std::exchange(waiting, nullptr);
        REQUIRE(done);
        done(std::nullopt);
    }

    bool isCut = false;
    std::vector<std::string> asked;
    std::vector<std::pair<std::string, std::string>> sent;
    std::vector<std::string> announced;
    dns::Resolver::Callback lookup;
    plugin::DatagramCallback waiting;
    base::Duration deadline{};
};

struct Fixture {
    explicit Fixture(const char* server = "stun.example.test") {
        std::vector<config::PluginOption> lines;
        if (server != nullptr) {
            lines.push_back(option("plugin_stun_server", server, 1));
            lines.push_back(option("plugin_stun_period", "60", 2));
        }
        loaded = chain.add(plugin_stun_LTX_siproxd_plugin, std::move(lines));
        chain.setServices(&net);
        loop.advance(1ms);
    }
    ~Fixture() { chain.setServices(nullptr); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    test::FakeLoop loop;
    Net net;
    plugin::Chain chain{loop};
    bool loaded = false;
};

}  // namespace

TEST_CASE("the address is found out and announced", "[plugin_stun]") {
    test::LogSpy log;
    Fixture f;
    REQUIRE(f.loaded);
    CHECK(f.net.asked == std::vector<std::string>{"stun.example.test"});
    f.net.resolve({"2001:db8::9", "192.0.2.9"});
    REQUIRE(f.net.sent.size() == 1);
    CHECK(f.net.sent[0].first == "192.0.2.9:3478");
    CHECK(f.net.answer({198, 51, 100, 7}, 0));
    CHECK(f.net.announced == std::vector<std::string>{"198.51.100.7"});
    CHECK(log.has("STUN: public IP has changed (none) -> 198.51.100.7"));
    SECTION("and again after a while, which is news only when it is another one") {
        f.loop.advance(60s);
        f.net.resolve({"192.0.2.9"});
        CHECK(f.net.sent.back().second != f.net.sent.front().second);
        CHECK(f.net.answer({198, 51, 100, 7}, f.net.sent.size() - 1));
        CHECK(f.net.announced.size() == 1);
        f.loop.advance(60s);
        f.net.resolve({"192.0.2.9"});
        CHECK(f.net.answer({198, 51, 100, 8}, f.net.sent.size() - 1));
        CHECK(log.has("STUN: public IP has changed 198.51.100.7 -> 198.51.100.8"));
    }
    SECTION("and at once when an interface changes, but not by the announcement") {
        f.chain.notify(plugin::Notice::Addresses);
        f.loop.advance(1ms);
        CHECK(f.net.asked.size() == 1);
        f.loop.advance(5s);
        f.chain.notify(plugin::Notice::Addresses);
        f.loop.advance(1ms);
        CHECK(f.net.asked.size() == 2);
    }
}

TEST_CASE("answers to other questions are none", "[plugin_stun]") {
    Fixture f;
    f.net.resolve({"192.0.2.9"});
    f.net.sent.emplace_back("", f.net.sent[0].second);
    f.net.sent.back().second[10] ^= 1;
    CHECK_FALSE(f.net.answer({198, 51, 100, 7}, 1));
    CHECK(f.net.announced.empty());
    CHECK(f.net.answer({198, 51, 100, 7}, 0));
    CHECK(f.net.announced.size() == 1);
}

TEST_CASE("a question is repeated, more and more slowly", "[plugin_stun]") {
    Fixture f;
    f.net.resolve({"192.0.2.9", "192.0.2.10"});
    const std::vector<std::pair<base::Duration, std::size_t>> steps = {
        {499ms, 1}, {1ms, 2}, {999ms, 2}, {1ms, 3}, {2s, 4}, {4s, 5}, {7s, 5}};
    for (const auto& [pause, count] : steps) {
        f.loop.advance(pause);
        CHECK(f.net.sent.size() == count);
    }
    CHECK(f.net.deadline == 15500ms);
    SECTION("then the next address is asked") {
        f.net.fallSilent();
        CHECK(f.net.sent.back().first == "192.0.2.10:3478");
        CHECK(f.net.answer({198, 51, 100, 7}, f.net.sent.size() - 1));
    }
    SECTION("and in the end it is all tried again, which is said once") {
        test::LogSpy log;
        f.net.fallSilent();
        f.net.fallSilent();
        CHECK(log.count("stun.example.test does not answer") == 1);
        f.loop.advance(10s);
        CHECK(f.net.asked.size() == 2);
        f.net.resolve({});
        f.loop.advance(19s);
        CHECK(f.net.asked.size() == 2);
        f.loop.advance(1s);
        CHECK(f.net.asked.size() == 3);
        CHECK(log.count("again and again") == 1);
    }
}

TEST_CASE("an IPv6 address does not take the place of an IPv4 one", "[plugin_stun]") {
    test::LogSpy log;
    Fixture f;
    f.net.resolve({"2001:db8::9", "192.0.2.9"});
    f.net.fallSilent();
    CHECK(f.net.sent.size() == 1);
    CHECK(log.has("stun.example.test does not answer"));
    SECTION("but it is asked for where there is no other") {
        f.loop.advance(10s);
        f.net.resolve({"2001:db8::9"});
        CHECK(f.net.sent.back().first == "[2001:db8::9]:3478");
    }
}

TEST_CASE("what cannot be sent or says nothing", "[plugin_stun]") {
    test::LogSpy log;
    Fixture f;
    SECTION("nobody can be sent anything") {
        f.net.isCut = true;
        f.net.resolve({"192.0.2.9"});
        CHECK(log.has("does not answer"));
    }
    SECTION("an answer without an address") {
        f.net.resolve({"192.0.2.9"});
        auto reply = f.net.sent[0].second;
        reply[0] = 1;
        reply[1] = 1;
        const auto done = f.net.waiting;
        CHECK(done(reply));
        CHECK(log.has("192.0.2.9:3478 answers without an address"));
    }
    CHECK(f.net.announced.empty());
}

TEST_CASE("a server is needed", "[plugin_stun]") {
    test::LogSpy log;
    CHECK_FALSE(Fixture(nullptr).loaded);
    CHECK(log.has("plugin_stun needs plugin_stun_server"));
}
