// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins read and change of messages, through the table.
#include <cstddef>

#include "plugin/handles.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace siproxd::plugin;
using test::Probe;
using test::Shown;
using test::str;

namespace {

/// Runs `body` inside process() for the message.
void inside(Shown& shown,
            const std::function<void(const siproxd_host&, siproxd_self*, siproxd_message*)>& body) {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    bool called = false;
    probe.process = [&](auto, siproxd_message* message) {
        body(*probe.host, probe.self, message);
        called = true;
        return SIPROXD_CONTINUE;
    };
    REQUIRE(probe.join(chain));
    CHECK(chain.run(Stage::PreProxy, shown.context).goesOn());
    CHECK(called);
}

}  // namespace

TEST_CASE("no function of the table is missing", "[plugin]") {
    const siproxd_host& host = hostTable();
    CHECK(host.size == sizeof(siproxd_host));
    CHECK(host.abi_major == SIPROXD_ABI_MAJOR);
    CHECK(host.abi_minor == SIPROXD_ABI_MINOR);
    const auto* words = reinterpret_cast<void* const*>(&host);
    const std::size_t first = offsetof(siproxd_host, version) / sizeof(void*);
    for (std::size_t i = first; i < sizeof(siproxd_host) / sizeof(void*); ++i) {
        INFO("pointer number " << i);
        CHECK(words[i] != nullptr);
    }
}

TEST_CASE("the layout of version 1.0 stays as it is", "[plugin]") {
    // Plugins in the field rely on these places. New members go behind the last ones.
    const auto slot = [](std::size_t offset) {
        return (offset - offsetof(siproxd_host, version)) / sizeof(void*);
    };
    CHECK(slot(offsetof(siproxd_host, log)) == 1);
    CHECK(slot(offsetof(siproxd_host, option_count)) == 7);
    CHECK(slot(offsetof(siproxd_host, msg_source)) == 13);
    CHECK(slot(offsetof(siproxd_host, msg_method)) == 23);
    CHECK(slot(offsetof(siproxd_host, msg_via_count)) == 36);
    CHECK(slot(offsetof(siproxd_host, msg_header_count)) == 41);
    CHECK(slot(offsetof(siproxd_host, reject)) == 49);
    CHECK(slot(offsetof(siproxd_host, uri_remove_param)) == 63);
    // What came with 1.1.
    CHECK(slot(offsetof(siproxd_host, option_line)) == 64);
    CHECK(offsetof(siproxd_plugin, name) % sizeof(void*) == 0);
    CHECK((offsetof(siproxd_plugin, tick) - offsetof(siproxd_plugin, create)) / sizeof(void*) == 3);
}

TEST_CASE("a plugin reads a request", "[plugin]") {
    Shown shown(test::request());
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        CHECK(str(host.msg_method(message)) == "INVITE");
        CHECK(host.msg_status(message) == 0);
        CHECK(host.msg_reason(message) == nullptr);
        CHECK(str(host.msg_call_id(message)) == "c1@192.168.1.10");
        CHECK(host.msg_cseq(message) == 7);
        CHECK(str(host.msg_source(message)) == "192.168.1.10:5062");
        CHECK(str(host.msg_source_ip(message)) == "192.168.1.10");
        CHECK(host.msg_source_port(message) == 5062);
        CHECK(str(host.msg_local_ip(message)) == "192.168.1.1");
        CHECK(host.msg_local_port(message) == 5060);
        CHECK(host.msg_protocol(message) == SIPROXD_PROTOCOL_UDP);
        CHECK(host.msg_direction(message) == SIPROXD_REQUEST_OUTGOING);
        CHECK(host.msg_raw(message, nullptr) == nullptr);
        CHECK(host.msg_set_raw(message, "x", 1) != 0);
    });
}

TEST_CASE("a plugin reads a response", "[plugin]") {
    Shown shown(test::response(), Direction::ResponseIncoming);
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        CHECK(str(host.msg_method(message)) == "INVITE");
        CHECK(host.msg_status(message) == 200);
        CHECK(str(host.msg_reason(message)) == "Fine");
        CHECK(host.msg_address_count(message, SIPROXD_AT_REQUEST_URI) == 0);
        CHECK(host.msg_uri_part(message, SIPROXD_AT_REQUEST_URI, 0, SIPROXD_URI_TEXT) == nullptr);
        CHECK(str(host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag")) == "t1");
        CHECK(host.msg_body(message, nullptr) == nullptr);
        CHECK(host.msg_content_type(message) == nullptr);
    });
}

TEST_CASE("a plugin reads addresses and their parts", "[plugin]") {
    Shown shown(test::request("INVITE", "sip:%2301;x=1@[2001:db8::1]:5070;transport=udp"));
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        const auto part = [&](int at, int what) {
            return str(host.msg_uri_part(message, at, 0, what));
        };
        CHECK(part(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_SCHEME) == "sip");
        CHECK(part(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_USER) == "%2301;x=1");
        CHECK(part(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_USER_PLAIN) == "#01;x=1");
        CHECK(part(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_PASSWORD) == "(null)");
        CHECK(part(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_HOST) == "2001:db8::1");
        CHECK(part(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_PORT) == "5070");
        CHECK(part(SIPROXD_AT_REQUEST_URI, 99) == "(null)");
        CHECK(part(99, SIPROXD_URI_USER) == "(null)");
        CHECK(str(host.msg_uri_param(message, SIPROXD_AT_REQUEST_URI, 0, "transport")) == "udp");
        CHECK(part(SIPROXD_AT_FROM, SIPROXD_URI_USER) == "alice");
        CHECK(part(SIPROXD_AT_TO, SIPROXD_URI_PORT) == "(null)");
        CHECK(str(host.msg_address(message, SIPROXD_AT_FROM, 0)) ==
              "\"Alice\" <sip:alice@example.org>;tag=f1");
        CHECK(host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag") == nullptr);
        CHECK(host.msg_address_count(message, SIPROXD_AT_CONTACT) == 1);
        CHECK(str(host.msg_uri_param(message, SIPROXD_AT_CONTACT, 0, "line")) == "1");
        CHECK(str(host.msg_address_param(message, SIPROXD_AT_CONTACT, 0, "expires")) == "60");
        CHECK(host.msg_address(message, SIPROXD_AT_CONTACT, 1) == nullptr);
    });
}

TEST_CASE("a plugin changes addresses", "[plugin]") {
    Shown shown(test::request());
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        const auto set = [&](int at, int part, const char* value) {
            return host.msg_set_uri_part(message, at, 0, part, value);
        };
        CHECK(set(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_USER, "carol") == 0);
        CHECK(set(SIPROXD_AT_REQUEST_URI, SIPROXD_URI_PORT, "5090") == 0);
        CHECK(set(SIPROXD_AT_FROM, SIPROXD_URI_USER_PLAIN, "a#b c") == 0);
        CHECK(host.msg_set_uri(message, SIPROXD_AT_TO, 0, "sip:dave@example.com") == 0);
        CHECK(host.msg_set_address(message, SIPROXD_AT_CONTACT, 1, "<sip:new@192.0.2.1>") == 0);
        CHECK(host.msg_set_address(message, SIPROXD_AT_CONTACT, 0, nullptr) == 0);
        CHECK(host.msg_set_address(message, SIPROXD_AT_ROUTE, 0, "<sip:r@192.0.2.2;lr>") == 0);
    });
    CHECK(shown.message.requestUriText() == "sip:carol@example.net:5090");
    CHECK(shown.message.from().toString() == "\"Alice\" <sip:a%23b%20c@example.org>;tag=f1");
    CHECK(shown.message.to().uri.toString() == "sip:dave@example.com");
    REQUIRE(shown.message.contacts().size() == 1);
    CHECK(shown.message.contacts()[0].toString() == "<sip:new@192.0.2.1>");
    CHECK(shown.message.routes().size() == 1);
}

TEST_CASE("what would break a URI is refused", "[plugin]") {
    Shown shown(test::request());
    const std::string before = shown.message.serialize();
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        const auto set = [&](int part, const char* value) {
            return host.msg_set_uri_part(message, SIPROXD_AT_REQUEST_URI, 0, part, value);
        };
        CHECK(set(SIPROXD_URI_USER, "a b") != 0);
        CHECK(set(SIPROXD_URI_USER, "a\r\nEvil: yes") != 0);
        CHECK(set(SIPROXD_URI_HOST, "h;x=y") != 0);
        CHECK(set(SIPROXD_URI_HOST, nullptr) != 0);
        CHECK(set(SIPROXD_URI_PORT, "70000") != 0);
        CHECK(set(SIPROXD_URI_TEXT, "nonsense") != 0);
        CHECK(set(99, "x") != 0);
        CHECK(host.msg_set_address(message, SIPROXD_AT_FROM, 0, nullptr) != 0);
        CHECK(host.msg_set_address(message, SIPROXD_AT_FROM, 1, "<sip:a@b>") != 0);
        CHECK(host.msg_set_address(message, SIPROXD_AT_TO, 0, "<<>>") != 0);
        CHECK(host.msg_set_address(message, SIPROXD_AT_CONTACT, 1, nullptr) != 0);
    });
    CHECK(shown.message.serialize() == before);
}

TEST_CASE("a plugin reads and changes headers", "[plugin]") {
    Shown shown(test::request());
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        CHECK(host.msg_header_count(message, "X-ONE") == 2);
        CHECK(str(host.msg_header(message, "x-one", 1)) == "b");
        CHECK(str(host.msg_header(message, "i", 0)) == "c1@192.168.1.10");
        CHECK(host.msg_header(message, "X-Two", 0) == nullptr);
        // A borrowed string may be the new value.
        CHECK(host.msg_set_header(message, "X-Two", host.msg_header(message, "X-One", 0)) == 0);
        CHECK(host.msg_add_header(message, "X-Two", "c") == 0);
        CHECK(host.msg_remove_header(message, "X-One", "A") == 1);
        CHECK(host.msg_remove_header(message, "X-Three", nullptr) == 0);
        CHECK(host.msg_set_header(message, "Max-Forwards", "5") == 0);
    });
    CHECK(shown.message.headers("X-Two") == std::vector<std::string>{"a", "c"});
    CHECK(shown.message.headers("X-One") == std::vector<std::string>{"b"});
    CHECK(shown.message.maxForwards() == 5U);
}

TEST_CASE("what would break a message is refused", "[plugin]") {
    Shown shown(test::request());
    const std::string before = shown.message.serialize();
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        CHECK(host.msg_set_header(message, "X", "a\r\nEvil: yes") != 0);
        CHECK(host.msg_add_header(message, "X Y", "a") != 0);
        CHECK(host.msg_add_header(message, "", "a") != 0);
        CHECK(host.msg_set_header(message, "Content-Length", "0") != 0);
        CHECK(host.msg_set_header(message, "CSeq", "1 INVITE") != 0);
        CHECK(host.msg_set_header(message, "Call-ID", " ") != 0);
        CHECK(host.msg_set_header(message, "From", "???") != 0);
        CHECK(host.msg_set_header(message, "v", "SIP/3.0/UDP x") != 0);
        CHECK(host.msg_set_header(message, "Max-Forwards", "many") != 0);
        CHECK(host.msg_add_header(message, "To", "<sip:x@y>") != 0);
        for (const char* name : {"Via", "From", "To", "i", "CSeq"}) {
            CHECK(host.msg_remove_header(message, name, nullptr) == 0);
        }
        CHECK(host.msg_set_body(message, "text/plain\r\nEvil: yes", "x", 1) != 0);
        CHECK(host.msg_set_body(message, nullptr, nullptr, 1) != 0);
        CHECK(host.msg_pop_via(message) != 0);
    });
    CHECK(shown.message.serialize() == before);
}

TEST_CASE("a plugin reads and changes the body", "[plugin]") {
    Shown shown(test::request());
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        std::size_t size = 0;
        const char* body = host.msg_body(message, &size);
        CHECK(std::string(body, size) == "v=0\r\n");
        CHECK(str(host.msg_content_type(message)) == "application/sdp");
        CHECK(host.msg_set_body(message, nullptr, body + 2, size - 2) == 0);
        CHECK(str(host.msg_header(message, "Content-Length", 0)) == "3");
        CHECK(host.msg_set_body(message, "text/plain", "a\0b", 3) == 0);
    });
    CHECK(shown.message.body() == std::string_view("a\0b", 3));
    CHECK(shown.message.contentType() == "text/plain");
}

TEST_CASE("a plugin reads and changes Vias", "[plugin]") {
    Shown shown(test::response(), Direction::ResponseIncoming);
    inside(shown, [](const siproxd_host& host, siproxd_self*, siproxd_message* message) {
        CHECK(host.msg_via_count(message) == 2);
        CHECK(str(host.msg_via_part(message, 0, SIPROXD_VIA_HOST)) == "203.0.113.1");
        CHECK(str(host.msg_via_part(message, 1, SIPROXD_VIA_PORT)) == "5062");
        CHECK(str(host.msg_via_part(message, 1, SIPROXD_VIA_BRANCH)) == "z9hG4bKa");
        CHECK(str(host.msg_via_part(message, 1, SIPROXD_VIA_RECEIVED)) == "10.1.1.1");
        CHECK(str(host.msg_via_part(message, 1, SIPROXD_VIA_RPORT)) == "(null)");
        CHECK(str(host.msg_via_part(message, 0, SIPROXD_VIA_TEXT)) ==
              "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKb");
        CHECK(host.msg_via_part(message, 2, SIPROXD_VIA_HOST) == nullptr);
        CHECK(host.msg_set_via_part(message, 1, SIPROXD_VIA_HOST, "192.0.2.7") == 0);
        CHECK(host.msg_set_via_part(message, 1, SIPROXD_VIA_PORT, "6000") == 0);
        CHECK(host.msg_set_via_part(message, 1, SIPROXD_VIA_RECEIVED, nullptr) == 0);
        CHECK(host.msg_set_via_part(message, 1, SIPROXD_VIA_HOST, "a;b") != 0);
        CHECK(host.msg_set_via_part(message, 1, SIPROXD_VIA_BRANCH, nullptr) != 0);
        CHECK(host.msg_pop_via(message) == 0);
        CHECK(host.msg_push_via(message, "TCP", "192.0.2.8", 5060, "z9hG4bKc") == 0);
        CHECK(host.msg_push_via(message, "TCP", "192.0.2.8\r\n", 5060, "z9hG4bKc") != 0);
    });
    REQUIRE(shown.message.viaCount() == 2);
    CHECK(shown.message.via(0)->toString() == "SIP/2.0/TCP 192.0.2.8:5060;branch=z9hG4bKc");
    CHECK(shown.message.via(1)->toString() == "SIP/2.0/UDP 192.0.2.7:6000;branch=z9hG4bKa");
}

TEST_CASE("a plugin keeps URIs of its own", "[plugin]") {
    Shown shown(test::request());
    inside(shown, [](const siproxd_host& host, siproxd_self* self, siproxd_message*) {
        CHECK(host.uri_parse(self, "no uri") == nullptr);
        CHECK(host.uri_parse(self, nullptr) == nullptr);
        siproxd_uri* uri = host.uri_parse(self, "sip:bob:pw@example.net;a=1;b");
        REQUIRE(uri != nullptr);
        CHECK(str(host.uri_part(uri, SIPROXD_URI_PASSWORD)) == "pw");
        CHECK(str(host.uri_param(uri, "a")) == "1");
        CHECK(str(host.uri_param(uri, "b")).empty());
        CHECK(host.uri_param(uri, "c") == nullptr);
        CHECK(host.uri_set_param(uri, "redirected", "shortdial") == 0);
        CHECK(host.uri_set_param(uri, "lr", nullptr) == 0);
        CHECK(host.uri_set_param(uri, "x y", "z") != 0);
        CHECK(host.uri_remove_param(uri, "a") == 1);
        CHECK(host.uri_remove_param(uri, "a") == 0);
        CHECK(host.uri_set_part(uri, SIPROXD_URI_USER, "carol") == 0);
        CHECK(str(host.uri_part(uri, SIPROXD_URI_TEXT)) ==
              "sip:carol:pw@example.net;b;redirected=shortdial;lr");
        host.uri_free(uri);

        siproxd_uri* tel = host.uri_parse(self, "tel:+4912345");
        REQUIRE(tel != nullptr);
        CHECK(str(host.uri_part(tel, SIPROXD_URI_OPAQUE)) == "+4912345");
        CHECK(host.uri_part(tel, SIPROXD_URI_USER) == nullptr);
        host.uri_free(tel);
    });
}

TEST_CASE("a plugin's log line stays one line", "[plugin]") {
    Shown shown(test::request());
    const test::LogSpy spy;
    inside(shown, [](const siproxd_host& host, siproxd_self* self, siproxd_message*) {
        host.log(self, SIPROXD_LOG_INFO, 0, "x.c", 1, "user \r\n02:00:00.000 ERROR: forged");
        host.log(self, SIPROXD_LOG_INFO, 0, nullptr, 1, nullptr);
        CHECK(host.log_wanted(self, SIPROXD_LOG_DEBUG, SIPROXD_DEBUG_PLUGIN) == 1);
    });
    CHECK(spy.has("user \\x0d\\x0a02:00:00.000 ERROR: forged"));
}

TEST_CASE("a plugin is told the time", "[plugin]") {
    Shown shown(test::request());
    inside(shown, [](const siproxd_host& host, siproxd_self* self, siproxd_message*) {
        CHECK(host.wall_time(self) == 1'700'000'000);
        CHECK(host.steady_time(self) == 0);
    });
}
