// SPDX-License-Identifier: GPL-2.0-or-later
#include <utility>
#include <vector>

#include "support/log_spy.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_siptrunk_LTX_siproxd_plugin;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Fixture {
    explicit Fixture(const Pairs& pairs) {
        std::vector<config::PluginOption> lines;
        for (const auto& [name, value] : pairs) {
            lines.push_back(option("plugin_siptrunk_" + name, value, static_cast<unsigned>(lines.size() + 1)));
        }
        loaded = chain.add(plugin_siptrunk_LTX_siproxd_plugin, std::move(lines));
    }

    plugin::Outcome comes(const std::string& uri, const std::string& to, Direction direction = Direction::Unknown,
                          const char* method = "INVITE") {
        test::Shown shown(test::request(method, uri, to), direction);
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
    bool loaded = false;
};

const Pairs kTwo = {{"name", "Trunk 1"},      {"account", "sip:pbx1@trunk.example"}, {"numbers_regex", "^555[0-9]{2}$"},
                    {"name", "Trunk 2"},      {"account", "sip:pbx2@trunk.example"}, {"numbers_regex", "^(666|55501)$"}};

std::string accountOf(const plugin::Outcome& outcome) {
    return outcome.verdict == Verdict::Retarget ? outcome.targets.at(0).aor->toString() : "";
}

}  // namespace

TEST_CASE("numbers of a trunk go to its account, as they were dialled", "[plugin_siptrunk]") {
    Fixture f(kTwo);
    REQUIRE(f.loaded);
    const auto outcome = f.comes("sip:55512@203.0.113.1:5060", "<sip:55512@trunk.example>");
    CHECK(accountOf(outcome) == "sip:pbx1@trunk.example");
    CHECK(outcome.targets[0].uri.toString() == "sip:55512@203.0.113.1:5060");
    CHECK_FALSE(outcome.targets[0].keepsContact);
    CHECK(accountOf(f.comes("sip:666@203.0.113.1", "<sip:666@x.example>")) == "sip:pbx2@trunk.example");
}

TEST_CASE("the number may be that of To, and the first trunk counts", "[plugin_siptrunk]") {
    Fixture f(kTwo);
    CHECK(accountOf(f.comes("sip:pbx1@203.0.113.1", "<sip:55512@trunk.example>")) == "sip:pbx1@trunk.example");
    CHECK(accountOf(f.comes("sip:55501@203.0.113.1", "<sip:55501@trunk.example>")) == "sip:pbx1@trunk.example");
    CHECK(accountOf(f.comes("sip:666@203.0.113.1", "<sip:55512@trunk.example>")) == "sip:pbx1@trunk.example");
}

TEST_CASE("what is no trunk's business goes on", "[plugin_siptrunk]") {
    Fixture f(kTwo);
    const std::string to = "<sip:55512@trunk.example>";
    CHECK(f.comes("sip:777@203.0.113.1", "<sip:777@x.example>").verdict == Verdict::Continue);
    CHECK(f.comes("sip:55512@203.0.113.1", to, Direction::RequestIncoming).verdict == Verdict::Continue);
    CHECK(f.comes("sip:55512@203.0.113.1", to, Direction::RequestOutgoing).verdict == Verdict::Continue);
    CHECK(f.comes("sip:55512@203.0.113.1", to + ";tag=1").verdict == Verdict::Continue);
    CHECK(f.comes("sip:55512@203.0.113.1", to, Direction::Unknown, "ACK").verdict == Verdict::Continue);
    CHECK(f.comes("sip:203.0.113.1", to, Direction::Unknown, "REGISTER").verdict == Verdict::Continue);
    CHECK(f.comes("sip:55512@203.0.113.1", to, Direction::Unknown, "OPTIONS").verdict == Verdict::Retarget);
}

TEST_CASE("incomplete and wrong trunks are refused with their place", "[plugin_siptrunk]") {
    struct Row {
        Pairs pairs;
        const char* complaint;
    };
    const Row rows[] = {
        {{{"name", "a"}, {"account", "sip:a@b"}}, "a line plugin_siptrunk_numbers_regex that belongs to it is missing"},
        {{{"numbers_regex", "1"}}, "a line plugin_siptrunk_account that belongs to it is missing"},
        {{{"name", "a"}, {"account", "b"}, {"numbers_regex", "1"}}, "sip:user@host is needed"},
        {{{"name", "a"}, {"account", "sip:b@c"}, {"numbers_regex", "("}}, "plugin_siptrunk_numbers_regex = ("}};
    for (const auto& row : rows) {
        test::LogSpy log;
        INFO(row.complaint);
        CHECK_FALSE(Fixture(row.pairs).loaded);
        CHECK(log.has(row.complaint));
    }
    test::LogSpy log;
    CHECK(Fixture(Pairs{}).loaded);
    CHECK(log.has("plugin_siptrunk has nothing to do"));
}

TEST_CASE("a pattern that costs too much matches nothing, which is said once", "[plugin_siptrunk]") {
    Fixture f({{"name", "a"}, {"account", "sip:b@c"}, {"numbers_regex", "^(([0-9]*)*)*x$"}});
    REQUIRE(f.loaded);
    test::LogSpy log;
    const std::string number(64, '5');
    for (int i = 0; i < 2; ++i) {
        CHECK(f.comes("sip:" + number + "@203.0.113.1", "<sip:1@x>").verdict == Verdict::Continue);
    }
    CHECK(log.count("costs too much") <= 1);
}
