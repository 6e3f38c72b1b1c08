// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Stage;
using test::option;

extern "C" const siproxd_plugin plugin_stripheader_LTX_siproxd_plugin;

namespace {

using Values = std::vector<std::string>;

struct Fixture {
    explicit Fixture(const Values& rules) {
        std::vector<config::PluginOption> lines;
        for (const auto& rule : rules) {
            lines.push_back(option("plugin_stripheader_remove", rule));
        }
        REQUIRE(chain.add(plugin_stripheader_LTX_siproxd_plugin, std::move(lines)));
    }

    void run(sip::Message& message, Direction direction, Stage stage = Stage::PreProxy) {
        plugin::Context context;
        context.message = &message;
        context.flow.remote = test::address("203.0.113.50", 5060);
        context.direction = direction;
        CHECK(chain.run(stage, context).goesOn());
    }

    /// What is left of these header fields.
    Values left(std::string_view name, const Values& fields,
                Direction direction = Direction::RequestOutgoing) {
        auto message = test::request();
        for (const auto& field : fields) {
            message.addHeader(name, field);
        }
        run(message, direction);
        CHECK(message.headers("X-One") == Values{"a", "b"});
        return message.headers(name);
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

constexpr const char* kOurs = "<sip:siproxd@10.0.0.1:5060;lr>";

sip::Message withRecordRoutes(sip::Message message, const Values& routes) {
    for (const auto& route : routes) {
        message.addHeader("Record-Route", route);
    }
    return message;
}

sip::Message withRoute(sip::Message message, const std::string& route) {
    message.addHeader("Route", route);
    return message;
}

}  // namespace

TEST_CASE("a header is removed as a whole", "[plugin_stripheader]") {
    Fixture f({"Allow", "x-gone", "Supported", "r"});
    const auto direction = GENERATE(Direction::RequestOutgoing, Direction::RequestIncoming,
                                    Direction::ResponseIncoming, Direction::Unknown);
    CHECK(f.left("Allow", {"INVITE, ACK", "BYE"}, direction).empty());
    CHECK(f.left("X-Gone", {"1"}, direction).empty());
    CHECK(f.left("k", {"100rel"}, direction).empty());
    CHECK(f.left("Refer-To", {"<sip:a@b>"}, direction).empty());
    CHECK(f.left("Allow-Events", {"talk"}, direction) == Values{"talk"});
}

TEST_CASE("a value is removed from a header", "[plugin_stripheader]") {
    Fixture f({"Allow: update", "Supported:100rel", "Warning:a \"b, c\"", "Accept:x;q=1"});
    CHECK(f.left("Allow", {"INVITE, UPDATE,ACK", "UPDATE", "BYE"}) == Values{"INVITE, ACK", "BYE"});
    CHECK(f.left("k", {"100REL , timer"}) == Values{"timer"});
    CHECK(f.left("Supported", {"timer,  100rel2"}) == Values{"timer,  100rel2"});
    CHECK(f.left("Warning", {"a \"b, c\", d"}) == Values{"d"});
    CHECK(f.left("Accept", {"x, x;q=1"}) == Values{"x"});
    CHECK(f.left("Allow", {"UPDATE"}).empty());
}

TEST_CASE("the comma of a text does not separate values", "[plugin_stripheader]") {
    Fixture f({"User-Agent:Phone, the good one", "Subject:Hello", "Server:x"});
    CHECK(f.left("User-Agent", {"Phone, the good one"}).empty());
    CHECK(f.left("User-Agent", {"phone"}) == Values{"phone"});
    CHECK(f.left("Subject", {"Hello, Bob"}) == Values{"Hello, Bob"});
}

TEST_CASE("headers that messages need are refused, with their line", "[plugin_stripheader]") {
    const std::string name =
        GENERATE("Via", "v", "FROM", "t", "Call-ID", "CSeq", "Contact", "m:<sip:a@b>", "Route",
                 "Path", "Max-Forwards", "l", "Content-Type", "e");
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_stripheader_LTX_siproxd_plugin,
                          {option("plugin_stripheader_remove", "Allow", 3),
                           option("plugin_stripheader_remove", name, 4)}));
    CHECK(spy.hasLine("siproxd.conf:4: plugin_stripheader_remove = " + name +
                      ": no message can do without this header"));
}

TEST_CASE("what is no header is refused", "[plugin_stripheader]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_stripheader_LTX_siproxd_plugin,
                          {option("plugin_stripheader_remove", "Allow Events", 3),
                           option("plugin_stripheader_remove", ":x", 4),
                           option("plugin_stripheader_remove", "Record-Route:<sip:a>", 5)}));
    CHECK(spy.has("siproxd.conf:3: plugin_stripheader_remove = Allow Events: not the name of a "));
    CHECK(spy.has("siproxd.conf:4: plugin_stripheader_remove = :x: not the name of a header"));
    CHECK(spy.has("siproxd.conf:5: plugin_stripheader_remove = Record-Route:<sip:a>: "
                  "Record-Route can only be removed as a whole"));
}

TEST_CASE("stripheader without a header says so", "[plugin_stripheader]") {
    const test::LogSpy spy;
    Fixture f({});
    CHECK(spy.has("plugin_stripheader has nothing to do"));
    CHECK(spy.has("loaded with success, exemask=0x0"));
}

TEST_CASE("the phone sees no Record-Route but ours", "[plugin_stripheader]") {
    Fixture f({"record-route"});
    auto request = withRecordRoutes(test::request(), {kOurs, "<sip:p2;lr>", "<sip:p1;lr>"});
    SECTION("in a request") {
        f.run(request, Direction::RequestIncoming, Stage::PostProxy);
        CHECK(request.headers("Record-Route") == Values{kOurs});
    }
    SECTION("in a response") {
        auto response = withRecordRoutes(
            test::response(), {"<sip:p2;lr>", "<sip:p1;lr>", kOurs, "<sip:inside@10.0.0.9;lr>"});
        f.run(response, Direction::ResponseIncoming, Stage::PostProxy);
        CHECK(response.headers("Record-Route") == Values{kOurs, "<sip:inside@10.0.0.9;lr>"});
    }
    SECTION("in a response that we are not in") {
        auto response = withRecordRoutes(test::response(), {"<sip:p2;lr>", "<sip:p1;lr>"});
        f.run(response, Direction::ResponseIncoming, Stage::PostProxy);
        CHECK(response.headers("Record-Route").empty());
    }
    SECTION("what phones say of the inside is left alone") {
        const auto direction = GENERATE(Direction::RequestOutgoing, Direction::ResponseOutgoing);
        f.run(request, direction, Stage::PostProxy);
        CHECK(request.recordRoutes().size() == 3);
    }
}

TEST_CASE("requests to somebody outside go by the proxies that the phone was not told of",
          "[plugin_stripheader]") {
    Fixture f({"Record-Route"});
    SECTION("who was called") {
        auto ringing = withRecordRoutes(test::response(), {"<sip:p2;lr>", "<sip:p1;lr>"});
        f.run(ringing, Direction::ResponseIncoming);
        auto bye = test::request("BYE", "sip:bob@203.0.113.50", "<sip:bob@example.net>;tag=t1");
        f.run(bye, Direction::RequestOutgoing);
        CHECK(bye.headers("Route") == Values{"<sip:p1;lr>", "<sip:p2;lr>"});
    }
    SECTION("who calls, whatever later messages say") {
        auto invite = withRecordRoutes(test::request(), {"<sip:p2;lr>", "<sip:p1;lr>"});
        f.run(invite, Direction::RequestIncoming);
        auto later = test::parsed("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKb\r\n"
                                  "From: <sip:bob@example.net>;tag=t1\r\n"
                                  "To: <sip:alice@example.org>;tag=f1\r\n"
                                  "Call-ID: c1@192.168.1.10\r\nCSeq: 9 INVITE\r\n"
                                  "Record-Route: <sip:other;lr>\r\n\r\n");
        f.run(later, Direction::ResponseIncoming);
        auto bye = test::request("BYE", "sip:alice@203.0.113.50", "<sip:alice@example.org>;tag=f1");
        f.run(bye, Direction::RequestOutgoing);
        CHECK(bye.headers("Route") == Values{"<sip:p2;lr>", "<sip:p1;lr>"});
    }
    SECTION("but a Route that is there counts, and others are not told") {
        auto ringing = withRecordRoutes(test::response(), {"<sip:p2;lr>"});
        f.run(ringing, Direction::ResponseIncoming);
        auto routed =
            withRoute(test::request("BYE", "sip:bob@203.0.113.50", "<sip:bob@example.net>;tag=t1"),
                      "<sip:x;lr>");
        f.run(routed, Direction::RequestOutgoing);
        CHECK(routed.headers("Route") == Values{"<sip:x;lr>"});
        auto other = test::request("BYE", "sip:bob@203.0.113.50", "<sip:bob@example.net>;tag=t2");
        f.run(other, Direction::RequestOutgoing);
        CHECK(other.headers("Route").empty());
        auto first = test::request();
        f.run(first, Direction::RequestOutgoing);
        CHECK(first.headers("Route").empty());
    }
}
