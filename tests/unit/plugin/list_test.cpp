// SPDX-License-Identifier: GPL-2.0-or-later
// Address lists of plugins.
#include <array>

#include "siproxd/plugin.hpp"
#include "support/temporary_directory.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using test::option;
using test::Probe;
using test::str;

namespace {

/// A plugin whose create() runs `body`.
struct Lists {
    explicit Lists(std::function<void(const siproxd_host&, siproxd_self*)> body) {
        probe.create = [this, body = std::move(body)] {
            body(*probe.host, probe.self);
            return SIPROXD_CREATED;
        };
        REQUIRE(probe.join(chain));
    }

    test::FakeLoop loop;
    Probe probe;
    plugin::Chain chain{loop};
};

/// A plugin with a list and a choice.
class Listed {
public:
    static constexpr const char* kDescription = "Has a list";
    static constexpr const char* kVersion = "1";
    static constexpr std::uint32_t kStages = api::stages(api::Stage::PreProxy);
    static constexpr api::Option kOptions[] = {api::stringOption("networks", "List"),
                                               api::stringOption("mode", "Choice", "one")};

    static std::unique_ptr<Listed> create(api::Host host) {
        auto list = host.addresses("networks");
        const auto mode = host.choice("mode", {"one", "two"});
        if (!list || !mode) {
            return nullptr;
        }
        host.info("mode " + std::to_string(*mode) + (list->empty() ? ", empty" : ""));
        return std::make_unique<Listed>(std::move(*list));
    }

    explicit Listed(api::AddressList list) : list_(std::move(list)) {}

    api::Verdict process(api::Stage, api::Message& message) {
        return list_.contains(message.sourceIp()) ? message.reject(403) : api::Verdict::Continue;
    }

private:
    api::AddressList list_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_listed, Listed)

TEST_CASE("a plugin has address lists in the syntax of the configuration", "[plugin]") {
    Lists lists([](const siproxd_host& host, siproxd_self* self) {
        siproxd_list* list = host.list_parse(
            self, "10.0.0.0/8, !10.1.0.0/16, 192.168.1.5-192.168.1.9, 2001:db8::/32", nullptr);
        REQUIRE(list != nullptr);
        for (const char* in :
             {"10.0.0.1", "192.168.1.9", "2001:db8::1", "[2001:db8::1]", "::ffff:10.2.0.1"}) {
            INFO(in);
            CHECK(host.list_contains(list, in) == 1);
        }
        for (const char* out :
             {"10.1.0.1", "192.168.1.10", "2001:db9::1", "", "pbx", "10.0.0.1:5060"}) {
            INFO(out);
            CHECK(host.list_contains(list, out) == 0);
        }
        CHECK(host.list_contains(list, nullptr) == 0);
        host.list_free(list);
        host.list_free(nullptr);
    });
    CHECK(lists.chain.lists().empty());
}

TEST_CASE("an empty address list has nobody in it", "[plugin]") {
    Lists lists([](const siproxd_host& host, siproxd_self* self) {
        siproxd_list* list = host.list_parse(self, "", nullptr);
        REQUIRE(list != nullptr);
        CHECK(host.list_contains(list, "10.0.0.1") == 0);
    });
    CHECK(lists.chain.lists().size() == 1);
}

TEST_CASE("text that is no address list is refused with the reason", "[plugin]") {
    Lists lists([](const siproxd_host& host, siproxd_self* self) {
        const char* why = nullptr;
        CHECK(host.list_parse(self, "10.0.0.0/8,10.0.0.1", &why) == nullptr);
        CHECK(str(why).find("[10.0.0.1]- no mask separator found") != std::string::npos);
        CHECK(host.list_parse(self, "file:/nowhere/at/all", &why) == nullptr);
        CHECK(str(why).find("cannot read /nowhere/at/all") != std::string::npos);
        CHECK(host.list_parse(self, "!10.0.0.0/33", nullptr) == nullptr);
    });
    CHECK(lists.chain.lists().empty());
}

TEST_CASE("a plugin's address list may stand in a file", "[plugin]") {
    const test::TemporaryDirectory directory;
    test::TemporaryDirectory::write(directory.file("list"), "10.0.0.7 ; one\n");
    Lists lists([&](const siproxd_host& host, siproxd_self* self) {
        siproxd_list* list =
            host.list_parse(self, ("file:" + directory.file("list")).c_str(), nullptr);
        REQUIRE(list != nullptr);
        CHECK(host.list_contains(list, "10.0.0.7") == 1);
    });
}

TEST_CASE("names in a plugin's address list are resolved by who runs the chain", "[plugin]") {
    siproxd_list* list = nullptr;
    Lists lists([&](const siproxd_host& host, siproxd_self* self) {
        list = host.list_parse(self, "pbx.example.org/32", nullptr);
        REQUIRE(list != nullptr);
    });
    const auto& host = *lists.probe.host;
    CHECK(host.list_contains(list, "192.0.2.7") == 0);
    const auto all = lists.chain.lists();
    REQUIRE(all.size() == 1);
    CHECK(all[0]->names() == std::vector<std::string>{"pbx.example.org"});
    all[0]->resolve("pbx.example.org", std::array{*base::IpAddress::parse("192.0.2.7")});
    CHECK(host.list_contains(list, "192.0.2.7") == 1);

    // Nobody would ask for those of later lists.
    const char* why = nullptr;
    CHECK(host.list_parse(lists.probe.self, "late.example.org/32", &why) == nullptr);
    CHECK(str(why) == "host names are resolved in lists that a plugin has from its start");
    CHECK(host.list_parse(lists.probe.self, "192.0.2.0/24", &why) != nullptr);
}

TEST_CASE("the wrapper reads lists and choices and names what is wrong", "[plugin]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    SECTION("good ones") {
        REQUIRE(chain.add(plugin_listed_LTX_siproxd_plugin,
                          {option("plugin_listed_networks", "broken", 1),
                           option("plugin_listed_networks", "192.168.1.0/24", 2),
                           option("plugin_listed_mode", "TWO", 3)}));
        CHECK(spy.hasLine("mode 1"));
        test::Shown shown(test::request());
        CHECK(chain.run(plugin::Stage::PreProxy, shown.context).status == 403);
        shown.context.flow.remote = test::address("192.168.2.10", 5060);
        CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
    }
    SECTION("none") {
        REQUIRE(chain.add(plugin_listed_LTX_siproxd_plugin));
        CHECK(spy.hasLine("mode 0, empty"));
        test::Shown shown(test::request());
        CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
    }
    SECTION("bad ones") {
        CHECK_FALSE(chain.add(plugin_listed_LTX_siproxd_plugin,
                              {option("plugin_listed_networks", "10.0.0.0/8", 1),
                               option("plugin_listed_networks", "10.0.0.1", 2),
                               option("plugin_listed_mode", "three", 3)}));
        CHECK(spy.has("siproxd.conf:2: plugin_listed_networks = 10.0.0.1: CONFIG: accesslist "
                      "[10.0.0.1]- no mask separator found"));
        CHECK(spy.hasLine("siproxd.conf:3: plugin_listed_mode = three: one or two is needed"));
    }
}
