// SPDX-License-Identifier: GPL-2.0-or-later
// Plugins that are written for the API of the user guide (plugins.h).
#include "plugin/check.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace siproxd::plugin;
using test::option;
using test::Shown;

namespace {

const std::string kGuide = GUIDE_PLUGINS;

config::PluginSettings settings(const std::string& name,
                                std::vector<config::PluginOption> options = {}) {
    config::PluginSettings out;
    out.plugindir = kGuide;
    out.loadPlugin.push_back({name, {"siproxd.conf", 1}});
    out.options = std::move(options);
    return out;
}

/// The plugin that shows its tickets.
struct Ticket {
    explicit Ticket(std::vector<config::PluginOption> options = {}) {
        REQUIRE(chain.load(settings("plugin_ticket.la", std::move(options))) == 1);
    }

    Outcome run(Stage stage, std::string_view method,
                Direction direction = Direction::RequestOutgoing) {
        shown.emplace(test::request(method), direction);
        return chain.run(stage, shown->context);
    }
    /// What becomes of bytes; "(dropped)" when nothing does.
    std::string raw(std::string bytes) {
        Context context;
        context.raw = &bytes;
        context.flow.remote = test::address("192.168.1.10", 5062);
        return chain.run(Stage::Raw, context).goesOn() ? bytes : "(dropped)";
    }

    test::LogSpy spy;
    test::FakeLoop loop;
    std::optional<Shown> shown;
    Chain chain{loop};
};

}  // namespace

TEST_CASE("the guide's plugin is loaded and called as the guide says", "[plugin]") {
    const test::LogSpy spy;
    {
        test::FakeLoop loop;
        Chain chain(loop);
        REQUIRE(chain.load(settings("plugin_myplugin.la")) == 1);
        CHECK(spy.hasLine("Plugin 'plugin_demo' [This is just a demo plugin without any purpose] "
                          "loaded with success, exemask=0x60"));
        CHECK_FALSE(chain.wants(Stage::Raw));
        Shown shown(test::request());
        CHECK(chain.run(Stage::DetermineTarget, shown.context).goesOn());
        CHECK(chain.run(Stage::PreProxy, shown.context).goesOn());
        CHECK(spy.hasLine("guide: stage 32, INVITE"));
        CHECK(spy.hasLine("guide: stage 64, INVITE"));
    }
    // Ended and unloaded, it can be loaded again.
    test::FakeLoop loop;
    Chain chain(loop);
    CHECK(chain.load(settings("plugin_myplugin.so")) == 1);
}

TEST_CASE("--check-plugin knows plugins of the guide", "[plugin]") {
    const auto text = checkPlugin(kGuide + "/plugin_myplugin.la");
    REQUIRE(text);
    CHECK(text->starts_with("plugin_myplugin 1: written for the API of the user guide\n"));
    CHECK(text->find("exemask=0x1F9") != std::string::npos);
}

TEST_CASE("a plugin of the guide is called at the stages of its mask", "[plugin]") {
    Ticket f;
    CHECK(f.spy.hasLine("Plugin 'plugin_ticket' [Shows its tickets] loaded with success, "
                        "exemask=0x79"));
    f.chain.tick();
    CHECK(f.spy.hasLine("ticket: timer"));
    CHECK_FALSE(f.chain.wants(Stage::PostProxy));
    CHECK_FALSE(f.chain.wants(Stage::ProxyUnknown));
    const auto stage = GENERATE(Stage::Validate, Stage::DetermineTarget, Stage::PreProxy);
    CHECK(f.run(stage, "INVITE").goesOn());
    CHECK(f.spy.has(", INVITE, 192.168.1.10:5062, protocol 1, direction 2"));
    SECTION("directions and protocols") {
        f.run(stage, "BYE", Direction::RequestIncoming);
        CHECK(f.spy.has(", BYE, 192.168.1.10:5062, protocol 1, direction 1"));
        f.shown.emplace(test::response(), Direction::ResponseIncoming);
        f.shown->context.flow.protocol = base::Protocol::Tls;
        f.shown->context.flow.remote = test::address("2001:db8::1", 5061);
        CHECK(f.chain.run(stage, f.shown->context).goesOn());
        CHECK(f.spy.has(", INVITE, 0.0.0.0:0, protocol 2, direction 3"));
    }
}

TEST_CASE("a plugin of the guide that fails drops messages at two stages", "[plugin]") {
    Ticket f;
    CHECK(f.run(Stage::Validate, "OPTIONS").verdict == Verdict::Drop);
    CHECK(f.chain.status()[0].failures == 0);
    CHECK(f.run(Stage::PreProxy, "OPTIONS").goesOn());
    CHECK(f.chain.status()[0].failures == 1);
}

TEST_CASE("a plugin of the guide answers by sip_gen_response()", "[plugin]") {
    Ticket f;
    const auto outcome = f.run(Stage::DetermineTarget, "SUBSCRIBE");
    CHECK(outcome.verdict == Verdict::Answered);
    REQUIRE(outcome.reply);
    CHECK(outcome.reply->status() == 489);
    CHECK(outcome.reply->callId() == "c1@192.168.1.10");
    CHECK_FALSE(outcome.reply->toTag().empty());
}

TEST_CASE("a plugin of the guide says where a message goes", "[plugin]") {
    Ticket f;
    CHECK(f.run(Stage::PreProxy, "MESSAGE").goesOn());
    REQUIRE(f.shown->context.nextHop);
    CHECK(f.shown->context.nextHop->toString() == "sip:192.0.2.77:5070");
    CHECK(f.run(Stage::PreProxy, "INVITE").goesOn());
    CHECK_FALSE(f.shown->context.nextHop);
}

TEST_CASE("a plugin of the guide changes and drops bytes", "[plugin]") {
    Ticket f;
    CHECK(f.raw("INVITE sip:a@b") == "INVITE sip:a@b");
    CHECK(f.raw("invite sip:a@b") == "INVITE sip:a@bmore");
    CHECK(f.raw("cut this short") == "cut");
    CHECK(f.raw("DROP it") == "(dropped)");
    CHECK(f.raw("sent it") == "(dropped)");
    CHECK(f.raw("") == "");
    CHECK(f.chain.status()[0].failures == 0);
}

TEST_CASE("what a plugin of the guide cannot have done to the bytes does not count", "[plugin]") {
    Ticket f;
    CHECK(f.raw("long") == "long");
    CHECK(f.raw("move") == "move");
    CHECK(f.spy.count("plugin_ticket has changed the raw buffer to what it cannot be") == 2);
}

TEST_CASE("read_config() gives options of all types", "[plugin]") {
    SECTION("with their defaults") {
        Ticket f;
        CHECK(f.spy.hasLine("ticket: nothing, bye, 7, 2.0, 0 words"));
    }
    SECTION("as they are configured") {
        Ticket f({option("plugin_ticket_greeting", "first"),
                  option("plugin_ticket_greeting", "good day"),
                  option("plugin_ticket_farewell", "so long"),
                  option("plugin_ticket_number", "0x10"), option("plugin_ticket_share", "0.5"),
                  option("plugin_ticket_word", "a"), option("plugin_ticket_word", "b"),
                  option("plugin_ticket_wrod", "c", 9)});
        CHECK(f.spy.hasLine("ticket: good day, so long, 16, 0.5, 2 words, last b"));
        CHECK(f.spy.hasLine("siproxd.conf:9: plugin_ticket_wrod is no option of plugin_ticket, "
                            "line ignored"));
        CHECK_FALSE(f.spy.has("plugin_ticket_word is no option"));
    }
    SECTION("but not more than there is room for") {
        std::vector<config::PluginOption> words;
        for (unsigned i = 1; i <= 130; ++i) {
            words.push_back(option("plugin_ticket_word", "w" + std::to_string(i), i));
        }
        Ticket f(std::move(words));
        CHECK(f.spy.has("128 words, last w128"));
        CHECK(f.spy.hasLine("siproxd.conf:129: plugin_ticket_word = w129: "
                            "there are too many of them, it is left out"));
    }
}

TEST_CASE("values that read_config() cannot read are named and keep the plugin out", "[plugin]") {
    const test::LogSpy spy;
    test::FakeLoop loop;
    Chain chain(loop);
    CHECK(chain.load(settings("plugin_ticket", {option("plugin_ticket_number", "1", 2),
                                                option("plugin_ticket_number", "many", 3),
                                                option("plugin_ticket_share", "half", 4)})) == 0);
    CHECK(spy.hasLine("siproxd.conf:3: plugin_ticket_number = many: an integer is needed"));
    CHECK(spy.hasLine("siproxd.conf:4: plugin_ticket_share = half: a number is needed"));
    CHECK(spy.has("Plugin 'plugin_ticket' [written for the API of the user guide] "
                  "loaded with failure"));
    // What has not begun does not end.
    CHECK_FALSE(spy.has("ticket: the end"));
}

TEST_CASE("a keyword of another plugin is the mistake of its author", "[plugin]") {
    const test::LogSpy spy;
    test::FakeLoop loop;
    Chain chain(loop);
    CHECK(chain.load(settings("plugin_ticket", {option("plugin_ticket_number", "14")})) == 0);
    CHECK(spy.hasLine("plugin_other_word does not begin with plugin_ticket_"));
}

TEST_CASE("a plugin for another version of the guide's API stays out", "[plugin]") {
    const test::LogSpy spy;
    test::FakeLoop loop;
    Chain chain(loop);
    CHECK(chain.load(settings("plugin_ticket", {option("plugin_ticket_number", "13")})) == 0);
    CHECK(spy.hasLine("Plugin 'plugin_ticket' does not support correct API version. "
                      "Please compile plugin with correct siproxd version."));
    CHECK(spy.has("ticket: the end"));
}

TEST_CASE("a plugin of the guide is ended", "[plugin]") {
    std::optional<Ticket> f(std::in_place);
    const test::LogSpy spy;
    f.reset();
    CHECK(spy.hasLine("ticket: the end"));
}
