// SPDX-License-Identifier: GPL-2.0-or-later
#include "siproxd/plugin.hpp"

#include <stdexcept>

#include "unit/plugin/bench.h"

using namespace siproxd;

namespace {

class Moody {
public:
    static constexpr const char* kDescription = "Does what the request's user says";
    static constexpr const char* kVersion = "1";
    static constexpr std::uint32_t kStages =
        api::stages(api::Stage::Timer, api::Stage::DetermineTarget);
    static constexpr api::Option kOptions[] = {
        api::integerOption("level", "How moody", "3", 0, 9),
        api::listOption("word", "Words"),
    };

    static std::unique_ptr<Moody> create(api::Host host) {
        if (host.integer("level") == 9) {
            throw std::runtime_error("far too moody");
        }
        return host.integer("level") == 0 ? nullptr : std::make_unique<Moody>(host);
    }

    explicit Moody(api::Host host) : host_(host) {}

    api::Verdict process(api::Stage, api::Message& message) {
        const std::string user(message.uri(api::At::RequestUri, api::Part::User).value_or(""));
        if (user == "throw") {
            throw std::runtime_error("moody");
        }
        if (user == "busy") {
            return message.reject(486);
        }
        if (user == "hello") {
            auto reply = message.reply(200);
            reply->setBody("text/plain", "hello");
            return api::Verdict::Answered;
        }
        auto uri = host_.uri("sip:" + user + "@192.0.2.1");
        uri->setParam("words", std::to_string(host_.list("word").size()));
        return message.redirect(uri->toString());
    }

    void tick() { throw 1; }

private:
    api::Host host_;
};

plugin::Outcome call(plugin::Chain& chain, const std::string& user) {
    test::Shown shown(test::request("INVITE", "sip:" + user + "@example.net"));
    return chain.run(plugin::Stage::DetermineTarget, shown.context);
}

}  // namespace

SIPROXD_PLUGIN(plugin_moody, Moody)

TEST_CASE("a class becomes a plugin by one line", "[plugin]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    REQUIRE(chain.add(plugin_moody_LTX_siproxd_plugin, {test::option("plugin_moody_word", "a"),
                                                        test::option("plugin_moody_word", "b")}));
    CHECK(call(chain, "busy").status == 486);
    CHECK(call(chain, "hello").reply->body() == "hello");
    const auto redirected = call(chain, "x");
    REQUIRE(redirected.contacts.size() == 1);
    CHECK(redirected.contacts[0].toString() == "<sip:x@192.0.2.1;words=2>");
}

TEST_CASE("the wrapper lets no exception out", "[plugin]") {
    CHECK(noexcept(api::Trampoline<Moody>::process(nullptr, 0, nullptr)));
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    REQUIRE(chain.add(plugin_moody_LTX_siproxd_plugin));
    const test::LogSpy spy;
    CHECK(call(chain, "throw").goesOn());
    CHECK(spy.hasLine("exception in a plugin: moody"));
    chain.tick();
    CHECK(chain.status()[0].failures == 1);
}

TEST_CASE("a plugin that cannot be made is left out", "[plugin]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(
        chain.add(plugin_moody_LTX_siproxd_plugin, {test::option("plugin_moody_level", "0")}));
    CHECK_FALSE(
        chain.add(plugin_moody_LTX_siproxd_plugin, {test::option("plugin_moody_level", "9")}));
    CHECK(spy.hasLine("exception in a plugin: far too moody"));
}

TEST_CASE("a plugin in C++ sees all its lines, and complains of one", "[plugin]") {
    test::FakeLoop loop;
    test::Probe probe;
    probe.options = {api::listOption("name", ""), api::listOption("word", "")};
    plugin::Chain chain(loop);
    REQUIRE(probe.join(chain, "plugin_probe", SIPROXD_STAGE_PRE_PROXY,
                       {test::option("plugin_probe_name", "n", 1),
                        test::option("plugin_probe_word", "a", 2),
                        test::option("plugin_probe_word", "b", 3)}));
    const api::Host host(probe.host, probe.self);
    const auto lines = host.lines();
    REQUIRE(lines.size() == 3);
    CHECK(lines[2].name == "word");
    CHECK(lines[2].value == "b");
    const test::LogSpy spy;
    host.optionError(lines[2], "no word");
    CHECK(spy.hasLine("siproxd.conf:3: plugin_probe_word = b: no word"));
    CHECK(probe.host->option_line(probe.self, 3, nullptr, nullptr) == nullptr);
    CHECK(test::str(probe.host->option_line(probe.self, 0, nullptr, nullptr)) == "name");
}
