// SPDX-License-Identifier: GPL-2.0-or-later
#include "number_rule.h"
#include "plan.h"
#include "routing_table.h"
#include "support/catch.h"

#include <map>

using namespace gateway;

namespace {

NumberRule rule(std::string_view prefixes, std::string_view replacement) {
    std::string why;
    auto made = NumberRule::parse(prefixes, replacement, why);
    INFO(why);
    REQUIRE(made);
    return std::move(*made);
}

std::string dialled(const NumberRule& rule, std::string_view number) {
    const auto prefix = rule.fit(number);
    return prefix ? rule.apply(number, *prefix) : "-";
}

Route route(std::string_view line) {
    std::string why;
    auto made = Route::parse(line, why);
    INFO(line << ": " << why);
    REQUIRE(made);
    return std::move(*made);
}

std::string become(std::string_view line, Address address) {
    const auto next = route(line).apply(address);
    return next ? next->toString() : "-";
}

Settings gatewayOf(const std::string& title, std::string_view prefixes, std::string_view replacement = "") {
    Settings settings;
    settings.title = title;
    settings.server = title + ".example";
    settings.rule = rule(prefixes, replacement);
    return settings;
}

/// Titles and numbers of the ways of a call of alice@example.org.
std::string ways(const Configuration& configuration, const Address& dialled,
                 const std::map<std::string, Load>& loads = {}) {
    const auto plan = planFor(configuration, dialled, {"alice", "example.org"}, [&](const Settings& settings) {
        const auto found = loads.find(settings.title);
        return found == loads.end() ? Load{} : found->second;
    });
    std::string out;
    for (const auto& way : plan.ways) {
        out += (out.empty() ? "" : " ") + way.gateway->title + ":" + way.number;
    }
    return out + (plan.isFull ? " full" : "") + (plan.isForbidden ? " forbidden" : "");
}

const Address kBritish{"+4479795551234", "example.org"};

}  // namespace

TEST_CASE("a number is dialled without its prefix and with another one", "[plugin_gateway]") {
    const auto uk = rule("0044;44;+44", "0%&");
    CHECK(dialled(uk, "+4479795551234") == "079795551234");
    CHECK(dialled(uk, "004479795551234") == "079795551234");
    CHECK(dialled(uk, "4479795551234") == "079795551234");
    CHECK(dialled(uk, "+4979795551234") == "-");
    CHECK(dialled(uk, "0") == "-");
    CHECK(dialled(rule("555", ""), "5551234") == "5551234");
    CHECK(dialled(rule("555", "%^-%&-%*-%%"), "5551234") == "555-1234-5551234-%");
    CHECK(dialled(rule(" 0 ; 00 ", "%&"), "0049") == "49");
    CHECK(dialled(rule("", "9%*"), "123") == "9123");
}

TEST_CASE("prefixes and replacements that are none are told", "[plugin_gateway]") {
    struct Row {
        const char* prefixes;
        const char* replacement;
        const char* why;
    };
    const auto row = GENERATE(Row{"00;", "", "an empty prefix among others would take all numbers"},
                              Row{"0 0", "", "\"0 0\" cannot be the beginning of a number"},
                              Row{"a@b", "", "\"a@b\" cannot be the beginning of a number"},
                              Row{"00", "0%", "behind % there must be &, ^, * or %"},
                              Row{"00", "%&%x", "behind % there must be &, ^, * or %"});
    std::string why;
    CHECK_FALSE(NumberRule::parse(row.prefixes, row.replacement, why));
    CHECK(why == row.why);
}

TEST_CASE("a line of the routing table changes the address that it is for", "[plugin_gateway]") {
    CHECK(become("<7(10d)@*> = +7*@gwru", {"74951234567", "x.example"}) == "+74951234567@gwru");
    CHECK(become("<7(10d)@*> = +7*@gwru", {"7495123456", "x.example"}) == "-");
    CHECK(become("<7(10d)@*> = +7*@gwru", {"749512345678", "x.example"}) == "-");
    CHECK(become("<7(10d)@*> = +7*@gwru", {"7495123456x", "x.example"}) == "-");
    CHECK(become("Signal:<1(10d)@*>=+1*@gwus", {"12345678901", "x.example"}) == "+12345678901@gwus");
    CHECK(become("NoRelay:Signal:<1*@example.com> = 1*@192.168.1.2", {"1", "Example.COM"}) == "1@192.168.1.2");
    CHECK(become("N:S:<(10+d)@example.com> = *@192.168.1.2", {"12345678901", "example.com"}) ==
          "12345678901@192.168.1.2");
    CHECK(become("N:S:<(10+d)@example.com> = *@192.168.1.2", {"123456789", "example.com"}) == "-");
    CHECK(become("N:S:<(10+d)@example.com> = *@192.168.1.2", {"1234567890", "example.org"}) == "-");
    CHECK(become("N:S:<9*@example.com> = *@192.168.1.2", {"9123", "example.com"}) == "123@192.168.1.2");
    CHECK(become("N:S:<+(10+d)@*> = +*@192.168.1.2", {"+12345678901", "any.example"}) ==
          "+12345678901@192.168.1.2");
    CHECK(become("<(3-5d)@*> = *@pbx", {"12", "a"}) == "-");
    CHECK(become("<(3-5d)@*> = *@pbx", {"12345", "a"}) == "12345@pbx");
    CHECK(become("<(3d)@gateway.company.dom> = *@in", {"123", "gateway.company.dom"}) == "123@in");
    CHECK(become("<secretary@*.company.dom> = pbx@*", {"secretary", "east.company.dom"}) == "pbx@east");
    CHECK(become("<secretary> = pbx@localhost", {"secretary", "any.example"}) == "pbx@localhost");
}

TEST_CASE("lines that are none are told", "[plugin_gateway]") {
    struct Row {
        const char* line;
        const char* why;
    };
    const auto row =
        GENERATE(Row{"<7@*> +7@gw", "there is no ="},
                 Row{"7@* = +7@gw", "on the left there must be an address in <>"},
                 Row{"Mail:<7@*> = +7@gw", "on the left there must be an address in <>"},
                 Row{"<7*8*@*> = +7@gw", "only one wildcard can stand on each side of the @"},
                 Row{"<7(d)@*> = +7@gw", "behind ( there must be a count of digits: (10d), (10+d) or (3-5d)"},
                 Row{"<7(5-3d)@*> = +7@gw", "behind ( there must be a count of digits: (10d), (10+d) or (3-5d)"},
                 Row{"<7(1000d)@*> = +7@gw", "behind ( there must be a count of digits: (10d), (10+d) or (3-5d)"},
                 Row{"<7(10d@*> = +7@gw", "behind ( there must be a count of digits: (10d), (10+d) or (3-5d)"},
                 Row{"<7@*> = gw", "on the right there must be number@gateway, or an address"},
                 Row{"<7@*> = @gw", "on the right there must be number@gateway, or an address"},
                 Row{"<7@*> = 7@g w", "on the right there must be number@gateway, or an address"});
    std::string why;
    CHECK_FALSE(Route::parse(row.line, why));
    CHECK(why == row.why);
}

TEST_CASE("the longest prefix wins, the others follow", "[plugin_gateway]") {
    Configuration configuration;
    configuration.gateways = {gatewayOf("world", "+;00", "%*"), gatewayOf("uk", "0044;44;+44", "0%&"),
                              gatewayOf("mobile", "+447", "07%&")};
    CHECK(ways(configuration, kBritish) == "mobile:079795551234 uk:079795551234 world:+4479795551234");
    CHECK(ways(configuration, {"+49891234", "example.org"}) == "world:+49891234");
    CHECK(ways(configuration, {"123", "example.org"}).empty());
}

TEST_CASE("of equal prefixes the first or the least loaded wins", "[plugin_gateway]") {
    Configuration configuration;
    configuration.gateways = {gatewayOf("one", "+"), gatewayOf("two", "+"), gatewayOf("three", "+")};
    const std::map<std::string, Load> loads = {{"one", {true, 3}}, {"two", {true, 1}}, {"three", {false, 0}}};
    CHECK(ways(configuration, {"+1", "x"}, loads) == "one:+1 two:+1 three:+1");
    configuration.leastLoaded = true;
    CHECK(ways(configuration, {"+1", "x"}, loads) == "two:+1 one:+1 three:+1");
}

TEST_CASE("gateways are skipped that are full, not active or not for the caller", "[plugin_gateway]") {
    Configuration configuration;
    configuration.gateways = {gatewayOf("one", "+"), gatewayOf("two", "+")};
    auto& one = configuration.gateways[0];
    one.maxCalls = 2;
    CHECK(ways(configuration, {"+1", "x"}, {{"one", {true, 1}}}) == "one:+1 two:+1");
    CHECK(ways(configuration, {"+1", "x"}, {{"one", {true, 2}}}) == "two:+1 full");
    one.maxCalls = 0;
    one.active = false;
    CHECK(ways(configuration, {"+1", "x"}) == "two:+1");
    one.active = true;
    for (const char* entry : {"bob", "alice@example.net", "@example.net"}) {
        one.allowed = {entry};
        CHECK(ways(configuration, {"+1", "x"}) == "two:+1 forbidden");
    }
    for (const char* entry : {"alice", "alice@Example.ORG", "@example.org"}) {
        one.allowed = {"bob", entry};
        CHECK(ways(configuration, {"+1", "x"}) == "one:+1 two:+1");
    }
}

TEST_CASE("without a prefix a gateway takes all numbers, and no names", "[plugin_gateway]") {
    Configuration configuration;
    configuration.gateways = {gatewayOf("all", "")};
    CHECK(ways(configuration, {"112", "x"}) == "all:112");
    CHECK(ways(configuration, {"+4989", "x"}) == "all:+4989");
    CHECK(ways(configuration, {"*21#", "x"}) == "all:*21#");
    CHECK(ways(configuration, {"bob", "x"}).empty());
    CHECK(ways(configuration, {"", "x"}).empty());
}

TEST_CASE("routes are applied from the top, again after each change", "[plugin_gateway]") {
    Configuration configuration;
    configuration.gateways = {gatewayOf("uk", "+44", "0%&")};
    auto direct = gatewayOf("direct", "x");
    direct.rule.reset();
    configuration.gateways.push_back(direct);
    configuration.routes = {route("<9*@*> = *@here"), route("<0(5+d)@here> = +44*@here"),
                            route("<1(3d)@*> = 1*@DIRECT")};
    CHECK(ways(configuration, {"90207123456", "x"}) == "uk:0207123456");
    CHECK(ways(configuration, {"1234", "x"}) == "direct:1234");
    CHECK(ways(configuration, {"91234", "x"}) == "direct:1234");
    CHECK(ways(configuration, {"5", "x"}).empty());
    configuration.routes = {route("<(2d)@*> = 1*@x"), route("<1(2d)@*> = *@x")};
    const auto plan = planFor(configuration, {"12", "x"}, {"a", "b"}, [](const Settings&) { return Load{}; });
    CHECK(plan.ways.empty());
    CHECK(plan.steps.size() == configuration.routeLimit + 1);
    CHECK(plan.steps.back().ends_with("the routes go round"));
}
