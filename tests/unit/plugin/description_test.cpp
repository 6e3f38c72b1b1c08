// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/description.h"
#include "support/catch.h"

using namespace siproxd::plugin;

namespace {

int create(const siproxd_host*, siproxd_self*, void**) {
    return SIPROXD_CREATED;
}

int process(void*, std::uint32_t, siproxd_message*) {
    return SIPROXD_CONTINUE;
}

void tick(void*) {}

siproxd_plugin good() {
    return {SIPROXD_PLUGIN_HEADER,
            SIPROXD_STAGE_PRE_PROXY,
            "plugin_x",
            "X",
            "1",
            nullptr,
            0,
            0,
            create,
            nullptr,
            process,
            tick,
            nullptr,
            nullptr,
            nullptr,
            nullptr};
}

}  // namespace

TEST_CASE("a well-formed description is read", "[plugin]") {
    auto plugin = good();
    const siproxd_option options[] = {{"a", SIPROXD_OPTION_STRING, 0, nullptr, 0, 0, "help"},
                                      {"b", SIPROXD_OPTION_INTEGER, 0, "1", 0, 9, nullptr}};
    plugin.options = options;
    plugin.option_count = 2;
    plugin.option_size = sizeof(siproxd_option);
    const auto read = readDescription(&plugin);
    REQUIRE(read);
    CHECK(read->plugin.process == process);
    REQUIRE(read->options.size() == 2);
    CHECK(read->options[1].maximum == 9);
}

TEST_CASE("options of a later interface are read as far as they are known", "[plugin]") {
    struct Later {
        siproxd_option known;
        void* more;
    };
    const Later options[] = {{{"a", SIPROXD_OPTION_STRING, 0, nullptr, 0, 0, ""}, nullptr},
                             {{"b", SIPROXD_OPTION_LIST, 0, nullptr, 0, 0, ""}, nullptr}};
    auto plugin = good();
    plugin.options = &options[0].known;
    plugin.option_count = 2;
    plugin.option_size = sizeof(Later);
    const auto read = readDescription(&plugin);
    REQUIRE(read);
    REQUIRE(read->options.size() == 2);
    CHECK(std::string(read->options[1].name) == "b");
}

TEST_CASE("what is no plugin is refused, with a reason", "[plugin]") {
    auto plugin = good();
    const siproxd_option nameless[] = {{nullptr, SIPROXD_OPTION_STRING, 0, nullptr, 0, 0, ""}};
    std::string why;
    SECTION("wrong magic") {
        plugin.magic = 1;
        why = "its description begins with 0x00000001 instead of 0x53505850";
    }
    SECTION("too small") {
        plugin.size = 40;
        why = "its description has 40 bytes";
    }
    SECTION("larger than its version can be") {
        plugin.size += 8;
        why = "its description has";
    }
    SECTION("no name") {
        plugin.name = nullptr;
        why = "it has no name, description or version";
    }
    SECTION("no create") {
        plugin.create = nullptr;
        why = "it has no create()";
    }
    SECTION("no process") {
        plugin.process = nullptr;
        why = "it asks for stages of messages and has no process()";
    }
    SECTION("no tick") {
        plugin.stages |= SIPROXD_STAGE_TIMER;
        plugin.tick = nullptr;
        why = "it asks for the TIMER stage and has no tick()";
    }
    SECTION("unknown stages") {
        plugin.stages |= 0x2000;
        why = "it asks for unknown stages (0x2040)";
    }
    SECTION("options of a wrong size") {
        plugin.options = nameless;
        plugin.option_count = 1;
        plugin.option_size = 4;
        why = "its list of options has a wrong size";
    }
    SECTION("options without a name") {
        plugin.options = nameless;
        plugin.option_count = 1;
        plugin.option_size = sizeof(siproxd_option);
        why = "its option number 1 is not well-formed";
    }
    const auto read = readDescription(&plugin);
    REQUIRE_FALSE(read);
    CHECK_FALSE(read.error().wrongVersion);
    CHECK(read.error().why.starts_with(why));
}

TEST_CASE("another version of the interface is told from garbage", "[plugin]") {
    auto plugin = good();
    SECTION("other major") {
        plugin.abi_major = SIPROXD_ABI_MAJOR + 1;
    }
    SECTION("later minor") {
        plugin.abi_minor = SIPROXD_ABI_MINOR + 1;
    }
    const auto read = readDescription(&plugin);
    REQUIRE_FALSE(read);
    CHECK(read.error().wrongVersion);
}

TEST_CASE("an earlier minor version of the interface is good", "[plugin]") {
    auto plugin = good();
    plugin.abi_minor = 0;
    CHECK(readDescription(&plugin));
}

TEST_CASE("nothing exported is refused", "[plugin]") {
    CHECK(readDescription(nullptr).error().why == "it does not export a description");
}
