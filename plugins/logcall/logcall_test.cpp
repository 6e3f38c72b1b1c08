// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;

extern "C" const siproxd_plugin plugin_logcall_LTX_siproxd_plugin;

namespace {

/// What the plugin logs about the message; empty: nothing.
std::string logged(sip::Message message, Direction direction = Direction::RequestOutgoing,
                   std::string_view from = "192.168.1.10") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    REQUIRE(chain.add(plugin_logcall_LTX_siproxd_plugin));
    test::Shown shown(std::move(message), direction);
    shown.context.flow.remote = test::address(from, 5062);
    const test::LogSpy spy;
    CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
    return spy.last();
}

sip::Message invite(std::string_view line, std::string_view from, std::string_view to,
                    std::string_view callId) {
    return test::parsed(
        "INVITE " + std::string(line) +
        " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: " + std::string(from) +
        "\r\nTo: " + std::string(to) + "\r\nCall-ID: " + std::string(callId) +
        "\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
}

}  // namespace

TEST_CASE("logcall's line is the one that log watchers know", "[plugin_logcall]") {
    auto message = invite("sip:alice@203.0.113.1", "<sip:bob@203.0.113.50>;tag=x",
                          "<sip:alice@sip.example.test>", "in1@203.0.113.50");
    CHECK(logged(std::move(message), Direction::RequestIncoming) ==
          "Incoming (INVITE) Call: bob@203.0.113.50 -> alice@sip.example.test "
          "[Req: alice@203.0.113.1] [IP: 192.168.1.10:5062] [CID: in1@203.0.113.50]");
}

TEST_CASE("logcall knows the requests of a call", "[plugin_logcall]") {
    const std::string rest = " Call: alice@example.org -> bob@example.net [Req: bob@example.net] "
                             "[IP: 192.168.1.10:5062] [CID: c1@192.168.1.10]";
    CHECK(logged(test::request("INVITE")) == "Outgoing (INVITE)" + rest);
    CHECK(logged(test::request("INVITE"), Direction::Unknown) == "Outgoing (INVITE)" + rest);
    CHECK(logged(test::request("ACK")) == "Acknowledging (ACK)" + rest);
    CHECK(logged(test::request("BYE")) == "Ending (BYE)" + rest);
    CHECK(logged(test::request("CANCEL")) == "Ending (CANCEL)" + rest);
}

TEST_CASE("logcall is silent about everything else", "[plugin_logcall]") {
    CHECK(logged(test::request("REGISTER")).empty());
    CHECK(logged(test::request("OPTIONS")).empty());
    CHECK(logged(test::response(), Direction::ResponseIncoming).empty());
}

TEST_CASE("logcall names what is missing", "[plugin_logcall]") {
    CHECK(logged(invite("sip:192.0.2.1", "<sip:example.org>;tag=x", "<tel:+49123>", "in1")) ==
          "Outgoing (INVITE) Call: *NULL*@example.org -> *NULL*@*NULL* [Req: *NULL*@192.0.2.1] "
          "[IP: 192.168.1.10:5062] [CID: in1@*NULL*]");
}

TEST_CASE("logcall writes IPv6 in brackets", "[plugin_logcall]") {
    CHECK(logged(invite("sip:a@[2001:db8::1]:5070", "<sip:b@[2001:db8::2]>;tag=x",
                        "<sip:a@example.org>", "x@y@z"),
                 Direction::RequestIncoming, "2001:db8::2") ==
          "Incoming (INVITE) Call: b@[2001:db8::2] -> a@example.org [Req: a@[2001:db8::1]] "
          "[IP: [2001:db8::2]:5062] [CID: x@y@z]");
}
