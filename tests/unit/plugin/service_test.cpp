// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/services.h"

#include "siproxd/plugin.hpp"
#include "unit/plugin/bench.h"
#include <stdexcept>

using namespace siproxd;
using namespace std::chrono_literals;

namespace {

/// Three registrations, whatever is asked for.
struct Directory final : plugin::Services {
    void bindings(plugin::BindingQuery which, std::string_view asked,
                  const std::function<bool(const plugin::BindingView&)>& each) override {
        query = which;
        text = asked;
        for (const char* user : {"a", "b", "c"}) {
            const std::string name(user);
            if (!each({.aor = "sip:" + name + "@example.net",
                       .contact = "sip:" + name + "@10.0.0.5",
                       .shown = name == "b" ? "" : "sip:" + name + "@203.0.113.1",
                       .source = name == "c" ? "" : "10.0.0.5:5060",
                       .expires = 1234})) {
                return;
            }
        }
    }
    std::uint64_t send(plugin::OwnRequest request) override {
        sent.push_back(std::move(request));
        return sent.size();
    }
    void forget(std::uint64_t request) override { forgotten.push_back(request); }
    void calls(const std::function<bool(const plugin::CallView&)>& each) override {
        for (std::uint64_t id = 1; id <= 3; ++id) {
            plugin::CallView view;
            view.id = id;
            view.callId = "c" + std::to_string(id);
            view.caller = id == 1 ? "sip:a@example.net" : "";
            view.streams.resize(id);
            view.streams.back().caller.codec = "PCMA";
            view.streams.back().callee.mos = 420;
            if (!each(view)) {
                return;
            }
        }
    }
    bool endCall(std::uint64_t call, int status, std::string_view reason) override {
        ended = std::to_string(call) + " " + std::to_string(status) + " " + std::string(reason);
        return call == 1;
    }

    plugin::BindingQuery query{};
    std::string text;
    std::vector<plugin::OwnRequest> sent;
    std::vector<std::uint64_t> forgotten;
    std::string ended;
};

struct Fixture {
    explicit Fixture(std::uint32_t stages = SIPROXD_STAGE_PRE_PROXY) {
        REQUIRE(probe.join(chain, "plugin_probe", stages));
    }

    test::FakeLoop loop;
    test::Probe probe;
    plugin::Chain chain{loop};
};

std::uint64_t start(Fixture& f, std::uint32_t delay, int& count) {
    return f.probe.host->timer_start(
        f.probe.self, delay, [](void* context) { ++*static_cast<int*>(context); }, &count);
}

}  // namespace

TEST_CASE("a plugin is shown registrations until it has seen enough", "[plugin]") {
    Fixture f;
    Directory directory;
    const auto stopAtSecond = [](void* context, const siproxd_binding* binding) {
        static_cast<std::vector<std::string>*>(context)->push_back(binding->aor);
        return std::string_view(binding->aor) == "sip:b@example.net" ? 0 : 1;
    };
    std::vector<std::string> seen;
    CHECK(f.probe.host->bindings(f.probe.self, SIPROXD_BINDINGS_ALL, nullptr, stopAtSecond, &seen) == 0);
    f.chain.setServices(&directory);
    CHECK(f.probe.host->bindings(f.probe.self, SIPROXD_BINDINGS_OF_AOR, "sip:x@y", stopAtSecond, &seen) ==
          2);
    CHECK(seen == std::vector<std::string>{"sip:a@example.net", "sip:b@example.net"});
    CHECK(directory.query == plugin::BindingQuery::OfAor);
    CHECK(directory.text == "sip:x@y");
    CHECK(f.probe.host->bindings(f.probe.self, 4, "", stopAtSecond, &seen) == 0);
    CHECK(f.probe.host->bindings(f.probe.self, 0, "", nullptr, nullptr) == 0);
    f.chain.setServices(nullptr);
    CHECK(f.probe.host->bindings(f.probe.self, 0, "", stopAtSecond, &seen) == 0);
}

TEST_CASE("a plugin in C++ gets registrations as values", "[plugin]") {
    Fixture f;
    Directory directory;
    f.chain.setServices(&directory);
    const api::Host host(f.probe.host, f.probe.self);
    const auto all = host.bindings(api::Bindings::OfContactHost, "10.0.0.5");
    REQUIRE(all.size() == 3);
    CHECK(directory.query == plugin::BindingQuery::OfContactHost);
    CHECK(all[0].shown == "sip:a@203.0.113.1");
    CHECK(all[1].shown.empty());
    CHECK(all[1].source == "10.0.0.5:5060");
    CHECK(all[2].source.empty());
    CHECK(all[2].expires == 1234);
}

TEST_CASE("a plugin's timer is due once", "[plugin]") {
    Fixture f;
    int count = 0;
    CHECK(start(f, 1000, count) != 0);
    f.loop.advance(999ms);
    CHECK(count == 0);
    f.loop.advance(1ms);
    CHECK(count == 1);
    f.loop.advance(1h);
    CHECK(count == 1);
    CHECK(f.loop.pendingTimers() == 0);
    CHECK(f.probe.host->timer_start(f.probe.self, 1, nullptr, nullptr) == 0);
}

TEST_CASE("a plugin's timers can be cancelled, and end with it", "[plugin]") {
    int count = 0;
    {
        Fixture f;
        const auto first = start(f, 1000, count);
        const auto second = start(f, 2000, count);
        CHECK(first != second);
        f.probe.host->timer_cancel(f.probe.self, first);
        f.probe.host->timer_cancel(f.probe.self, first);
        f.probe.host->timer_cancel(f.probe.self, 0);
        f.loop.advance(3s);
        CHECK(count == 1);
        f.probe.host->timer_cancel(f.probe.self, second);
        (void)start(f, 1000, count);
    }
    CHECK(count == 1);
}

TEST_CASE("what a timer of a plugin throws is caught and counted", "[plugin]") {
    Fixture f;
    const test::LogSpy spy;
    f.probe.host->timer_start(
        f.probe.self, 1, [](void*) { throw 1; }, nullptr);
    f.loop.advance(1s);
    CHECK(f.chain.status()[0].failures == 1);
    CHECK(spy.has("Plugin 'plugin_probe' threw at a timer"));
}

TEST_CASE("a timer in C++ can be started again by what it calls", "[plugin]") {
    Fixture f;
    int count = 0;
    {
        std::unique_ptr<api::Timer> timer;
        timer = std::make_unique<api::Timer>(api::Host(f.probe.host, f.probe.self), [&] {
            if (++count < 3) {
                timer->start(1000);
            }
        });
        CHECK_FALSE(timer->isRunning());
        timer->start(5000);
        timer->start(1000);
        CHECK(timer->isRunning());
        f.loop.advance(10s);
        CHECK(count == 3);
        CHECK_FALSE(timer->isRunning());
        timer->start(1000);
    }
    f.loop.advance(10s);
    CHECK(count == 3);
}

TEST_CASE("a timer in C++ keeps what it calls from throwing", "[plugin]") {
    Fixture f;
    const test::LogSpy spy;
    api::Timer timer(api::Host(f.probe.host, f.probe.self),
                     [] { throw std::runtime_error("no more paper"); });
    timer.start(1);
    f.loop.advance(1s);
    CHECK(spy.has("exception in a plugin: no more paper"));
}

TEST_CASE("a plugin is shown calls, and may end one", "[plugin]") {
    Fixture f;
    Directory directory;
    const api::Host host(f.probe.host, f.probe.self);
    std::vector<std::uint64_t> seen;
    const auto look = [&](const siproxd_call& call) {
        seen.push_back(call.id);
        CHECK(call.size == sizeof call);
        CHECK(call.stream_count == call.id);
        CHECK(call.stream_size == sizeof(siproxd_stream));
        const auto& last = call.streams[call.stream_count - 1];
        CHECK(test::str(last.caller.codec) == "PCMA");
        CHECK(last.callee.codec == nullptr);
        CHECK(last.callee.mos == 420);
        CHECK(test::str(call.caller) == (call.id == 1 ? "sip:a@example.net" : "(null)"));
        return call.id < 2;
    };
    host.calls(look);
    CHECK(seen.empty());
    CHECK_FALSE(host.endCall(1, 480, "over"));
    f.chain.setServices(&directory);
    host.calls(look);
    CHECK(seen == std::vector<std::uint64_t>{1, 2});
    CHECK(host.endCall(1, 480, "over"));
    CHECK(directory.ended == "1 480 over");
    CHECK_FALSE(host.endCall(2, 480, "over"));
    directory.ended.clear();
    CHECK_FALSE(host.endCall(1, 200, "over"));
    CHECK(directory.ended.empty());
}

TEST_CASE("plugins hear of calls until one objects", "[plugin]") {
    test::FakeLoop loop;
    test::Probe first;
    test::Probe second;
    plugin::Chain chain(loop);
    CHECK_FALSE(chain.hears(plugin::CallEvent::Started));
    std::vector<std::string> heard;
    int answer = 0;
    first.call = [&](int event, const siproxd_call& call) {
        heard.push_back("first " + std::to_string(event) + test::str(call.call_id));
        return answer;
    };
    second.call = [&](int event, const siproxd_call&) {
        heard.push_back("second " + std::to_string(event));
        return 7;
    };
    REQUIRE(first.join(chain, "plugin_first"));
    REQUIRE(second.join(chain, "plugin_second"));
    CHECK(chain.hears(plugin::CallEvent::Started));
    plugin::CallView view;
    view.callId = "x";
    CHECK(chain.tell(plugin::CallEvent::Started, view) == 7);
    CHECK(heard == std::vector<std::string>{"first 1x", "second 1"});
    heard.clear();
    answer = 486;
    CHECK(chain.tell(plugin::CallEvent::Trying, view) == 486);
    CHECK(heard.size() == 1);
    first.call = [](int, const siproxd_call&) -> int { throw 1; };
    CHECK(chain.tell(plugin::CallEvent::Ended, view) == 7);
    CHECK(chain.status()[0].failures == 1);
}

TEST_CASE("plugins hear of what they want to hear of", "[plugin]") {
    test::FakeLoop loop;
    test::Probe first;
    test::Probe second;
    plugin::Chain chain(loop);
    std::vector<std::string> heard;
    first.call = [&](int event, const siproxd_call&) {
        heard.push_back("first " + std::to_string(event));
        return 0;
    };
    second.call = [&](int event, const siproxd_call&) {
        heard.push_back("second " + std::to_string(event));
        return event == SIPROXD_CALL_TRYING ? 1 : 0;
    };
    first.create = [&] {
        first.host->hear_calls(first.self, 1U << SIPROXD_CALL_TRYING | 1U << SIPROXD_CALL_ENDED);
        return SIPROXD_CREATED;
    };
    second.create = [&] {
        second.host->hear_calls(second.self, 0);
        return SIPROXD_CREATED;
    };
    REQUIRE(first.join(chain, "plugin_first"));
    REQUIRE(second.join(chain, "plugin_second"));
    CHECK_FALSE(chain.hears(plugin::CallEvent::Started));
    CHECK(chain.hears(plugin::CallEvent::Trying));
    CHECK(chain.hears(plugin::CallEvent::Ended));
    const plugin::CallView view;
    CHECK(chain.tell(plugin::CallEvent::Started, view) == 0);
    CHECK(chain.tell(plugin::CallEvent::Ended, view) == 0);
    CHECK(heard == std::vector<std::string>{"first 5"});
    // It may change its mind, and who does not hear that a target is left is not told.
    heard.clear();
    second.host->hear_calls(second.self, 1U << SIPROXD_CALL_TRYING);
    CHECK(chain.tell(plugin::CallEvent::Trying, view) == 1);
    CHECK(heard == std::vector<std::string>{"first 2", "second 2"});
}

TEST_CASE("plugins see traffic as long as they want to", "[plugin]") {
    test::FakeLoop loop;
    test::Probe probe;
    plugin::Chain chain(loop);
    CHECK_FALSE(chain.seesTraffic());
    int seen = 0;
    probe.traffic = [&](const siproxd_packet&) { ++seen; };
    REQUIRE(probe.join(chain));
    CHECK(chain.seesTraffic());
    chain.showTraffic(false, base::Flow{}, "x");
    probe.host->see_traffic(probe.self, 0);
    CHECK_FALSE(chain.seesTraffic());
    chain.showTraffic(false, base::Flow{}, "x");
    probe.host->see_traffic(probe.self, 1);
    CHECK(chain.seesTraffic());
    CHECK(seen == 1);
}

TEST_CASE("a plugin in C++ sends requests, one at a time", "[plugin]") {
    Fixture f;
    Directory directory;
    std::vector<int> statuses;
    {
        api::Client client(api::Host(f.probe.host, f.probe.self),
                           [&](const api::Message& response) { statuses.push_back(response.status()); });
        const api::Request request{.method = "OPTIONS",
                                   .uri = "sip:gw.example",
                                   .from = "\"We\" <sip:acme@gw.example>",
                                   .contactUser = "",
                                   .headers = "X-One: a\r\n",
                                   .label = "gw",
                                   .user = "acme",
                                   .password = "secret"};
        CHECK_FALSE(client.send(request));
        f.chain.setServices(&directory);
        REQUIRE(client.send(request));
        CHECK(client.isWaiting());
        REQUIRE(directory.sent.size() == 1);
        auto& sent = directory.sent[0];
        CHECK(sent.message.header("X-One") == "a");
        CHECK(sent.message.from().display == "\"We\"");
        CHECK(sent.contactUser == "");
        CHECK(sent.identity->label == "gw");
        CHECK(sent.identity->password == "secret");
        auto response = sip::Message::response(sent.message, 200, "", "t");
        sent.done(response, {});
        CHECK(statuses == std::vector<int>{200});
        CHECK_FALSE(client.isWaiting());
        REQUIRE(client.send(request));
        REQUIRE(client.send(request));
        CHECK(directory.forgotten == std::vector<std::uint64_t>{2});
    }
    CHECK(directory.forgotten == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("an answer that comes when the plugin has gone calls nobody", "[plugin]") {
    Directory directory;
    int count = 0;
    {
        Fixture f;
        f.chain.setServices(&directory);
        siproxd_request request{};
        request.size = sizeof request;
        request.method = "OPTIONS";
        request.uri = request.from = "sip:acme@gw.example";
        request.label = "gw";
        CHECK(f.probe.host->request_send(
                  f.probe.self, &request,
                  [](void* context, siproxd_message*) { ++*static_cast<int*>(context); }, &count) == 1);
    }
    auto response = sip::Message::response(directory.sent[0].message, 200, "", "t");
    directory.sent[0].done(response, {});
    CHECK(count == 0);
}

TEST_CASE("plugins that want to hear what happens are told", "[plugin]") {
    test::FakeLoop loop;
    test::Probe deaf;
    test::Probe first;
    test::Probe second;
    plugin::Chain chain(loop);
    std::vector<int> heard;
    first.notice = [](int) { throw 1; };
    second.notice = [&](int what) { heard.push_back(what); };
    REQUIRE(deaf.join(chain, "plugin_deaf"));
    REQUIRE(first.join(chain, "plugin_first"));
    REQUIRE(second.join(chain, "plugin_second"));
    chain.notify(plugin::Notice::Addresses);
    chain.notify(plugin::Notice::Statistics);
    CHECK(heard == std::vector<int>{SIPROXD_NOTICE_ADDRESSES, SIPROXD_NOTICE_STATISTICS});
    CHECK(chain.status()[1].failures == 2);
}

TEST_CASE("plugins explain what becomes of a number until one decides", "[plugin]") {
    test::FakeLoop loop;
    test::Probe silent;
    test::Probe first;
    test::Probe second;
    test::Probe third;
    plugin::Chain chain(loop);
    first.route = [](const std::string&, const std::string&, const test::Probe::Print&) -> int { throw 1; };
    second.route = [](const std::string& number, const std::string& from, const test::Probe::Print& print) {
        print((number + " of " + from).c_str());
        print("goes away");
        return number == "12" ? 1 : 0;
    };
    third.route = [](const std::string&, const std::string&, const test::Probe::Print& print) {
        print("never mind");
        return 0;
    };
    REQUIRE(silent.join(chain, "plugin_silent"));
    REQUIRE(first.join(chain, "plugin_first"));
    REQUIRE(second.join(chain, "plugin_second"));
    REQUIRE(third.join(chain, "plugin_third"));
    std::vector<std::string> lines;
    const auto print = [&](std::string_view line) { lines.emplace_back(line); };
    CHECK(chain.explainRoute("12", "a@b", print));
    CHECK(lines == std::vector<std::string>{"plugin_second: 12 of a@b", "plugin_second: goes away"});
    lines.clear();
    CHECK_FALSE(chain.explainRoute("13", "a@b", print));
    CHECK(lines.back() == "plugin_third: never mind");
}
