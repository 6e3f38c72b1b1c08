// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/plugin_services.h"

#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

struct Fixture {
    std::vector<plugin::BindingView> show(plugin::BindingQuery query, std::string_view text = "") {
        std::vector<plugin::BindingView> seen;
        services.bindings(query, text, [&](const plugin::BindingView& binding) {
            seen.push_back(binding);
            return seen.size() < most;
        });
        return seen;
    }

    House house;
    proxy::PluginServices services{house.chain, house.locations, *house.proxy};
    std::size_t most = 10;
};

}  // namespace

TEST_CASE("plugins see a registration at a provider as both sides know it", "[proxy]") {
    Fixture f;
    const auto shown = f.house.enrol();
    const auto all = f.show(plugin::BindingQuery::All);
    REQUIRE(all.size() == 1);
    CHECK(all[0].aor == "sip:alice@example.org");
    CHECK(all[0].contact.starts_with("sip:alice@10.0.0.10"));
    CHECK(all[0].shown == shown.toString());
    CHECK(all[0].source == kPhone.toString());
    CHECK(all[0].expires > f.house.loop.wallNow());
}

TEST_CASE("plugins find registrations by what they know of them", "[proxy]") {
    Fixture f;
    f.house.enrol();
    CHECK(f.show(plugin::BindingQuery::OfAor, "sip:alice@example.org").size() == 1);
    CHECK(f.show(plugin::BindingQuery::OfAor, "sip:bob@example.org").empty());
    CHECK(f.show(plugin::BindingQuery::OfAor, "not a URI").empty());
    CHECK(f.show(plugin::BindingQuery::OfContactHost, "10.0.0.10").size() == 1);
    CHECK(f.show(plugin::BindingQuery::OfContactHost, "10.0.0.11").empty());
    f.most = 0;
    CHECK(f.show(plugin::BindingQuery::All).size() == 1);
    f.house.loop.advance(24h);
    f.house.locations.expire();
    CHECK(f.show(plugin::BindingQuery::All).empty());
    CHECK(f.show(plugin::BindingQuery::OfContactHost, "10.0.0.10").empty());
}
