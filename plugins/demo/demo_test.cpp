// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;

extern "C" const siproxd_plugin plugin_demo_LTX_siproxd_plugin;

TEST_CASE("demo says at which stage it is", "[plugin_demo]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    REQUIRE(chain.add(plugin_demo_LTX_siproxd_plugin,
                      {test::option("plugin_demo_string", "This_is_a_string")}));
    CHECK(spy.hasLine("plugin_demo: the string is [This_is_a_string]"));
    test::Shown shown(test::request());
    CHECK(chain.run(plugin::Stage::DetermineTarget, shown.context).goesOn());
    CHECK(spy.last() == "plugin_demo: processing - stage 32");
    CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
    CHECK(spy.last() == "plugin_demo: processing - stage 64");
}

TEST_CASE("demo needs no string", "[plugin_demo]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    CHECK(chain.add(plugin_demo_LTX_siproxd_plugin));
}
