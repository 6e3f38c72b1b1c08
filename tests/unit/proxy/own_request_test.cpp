// SPDX-License-Identifier: GPL-2.0-or-later
// Requests that siproxd sends in its own name, for plugins.
#include "harness.h"
#include "probe.h"
#include "unit/dns/fake_records.h"
#include "proxy/plugin_services.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

struct Fixture {
    Fixture() {
        house.locator.table["gw.example"] = {ip("198.51.100.1")};
        request.size = sizeof request;
        request.method = "REGISTER";
        request.uri = "sip:gw.example";
        request.from = "sip:acme@gw.example";
        request.contact_user = "acme";
        request.headers = "Expires: 300\r\nX-One: a\r\n";
        request.label = "the gateway";
        request.user = "acme";
        request.password = "secret";
    }

    std::uint64_t send() {
        return probe.host->request_send(
            probe.self, &request,
            [](void* context, siproxd_message* response) {
                auto& f = *static_cast<Fixture*>(context);
                f.statuses.push_back(f.probe.host->msg_status(response));
            },
            this);
    }
    Sent sent() {
        REQUIRE(send() != 0);
        return house.takeOutside();
    }

    House house;
    FakeRecords records{house.loop};
    proxy::PluginServices services{house.chain, house.locations, *house.proxy, records, [](auto) {}};
    Probe probe{house, SIPROXD_STAGE_DETERMINE_TARGET, [this](const auto& host, auto* message) {
                    const auto* label = host.msg_label(message);
                    labels.emplace_back(label == nullptr ? "" : label);
                    return SIPROXD_CONTINUE;
                }};
    siproxd_request request{};
    std::vector<int> statuses;
    std::vector<std::string> labels;
};

}  // namespace

TEST_CASE("a plugin registers siproxd at a gateway", "[proxy]") {
    Fixture f;
    const auto first = f.sent();
    CHECK(first.flow.remote == at("198.51.100.1"));
    CHECK(first.message.methodName() == "REGISTER");
    CHECK(first.message.from().uri.toString() == "sip:acme@gw.example");
    CHECK(first.message.to().uri.toString() == "sip:acme@gw.example");
    CHECK_FALSE(first.message.fromTag().empty());
    CHECK(first.message.header("X-One") == "a");
    CHECK(first.message.header("User-Agent")->starts_with("siproxd/"));
    CHECK(first.message.expires() == 300U);
    CHECK(first.contact().user == "acme");
    CHECK(first.contact().host == kPublic);
    CHECK_FALSE(registrar::tokenOf(first.contact()).empty());
    CHECK(showsNothingInside(first));
    f.house.fromOutside(with(answerTo(first, 401), "WWW-Authenticate",
                             "Digest realm=\"gw\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\""),
                        first.flow.remote);
    const auto second = f.house.takeOutside();
    CHECK(second.message.cseq().number == 2);
    CHECK(second.message.callId() == first.message.callId());
    CHECK(second.contact() == first.contact());
    CHECK(second.has("algorithm=SHA-256"));
    CHECK(f.statuses.empty());
    f.house.fromOutside(answerTo(second, 200), second.flow.remote);
    CHECK(f.statuses == std::vector<int>{200});
    CHECK(f.house.locations.size() == 0);
    SECTION("and is called by the Contact that it has told, from anywhere") {
        f.house.fromOutside(forAlice("INVITE", first.contact().toString()).set("To", "<sip:1@x.example>"),
                            at("192.0.2.99"));
        CHECK(f.labels == std::vector<std::string>{"the gateway"});
        CHECK(f.house.takeOne().message.status() == 408);
    }
    SECTION("the next time with the same Contact") {
        CHECK(f.sent().contact() == first.contact());
        f.house.loop.advance(400s);
    }
    CHECK(f.house.isQuiet());
}

TEST_CASE("a plugin hears of a request that nobody answers, too", "[proxy]") {
    Fixture f;
    SECTION("because nobody is there") {
        f.sent();
        f.house.loop.advance(40s);
        CHECK(f.statuses == std::vector<int>{408});
    }
    SECTION("because it cannot be sent") {
        f.house.cutOff(at("198.51.100.1"));
        CHECK(f.send() != 0);
        CHECK(f.statuses.empty());
        f.house.loop.advance(1s);
        CHECK(f.statuses == std::vector<int>{503});
    }
    SECTION("because nobody knows the name") {
        f.request.uri = "sip:nowhere.example";
        CHECK(f.send() != 0);
        f.house.take();
        CHECK(f.statuses == std::vector<int>{503});
    }
    SECTION("or because the password is wrong") {
        for (int i = 0; i < 2; ++i) {
            const auto request = i == 0 ? f.sent() : f.house.takeOutside();
            f.house.fromOutside(with(answerTo(request, 401), "WWW-Authenticate",
                                     "Digest realm=\"gw\", nonce=\"n\""),
                                request.flow.remote);
        }
        CHECK(f.statuses == std::vector<int>{500});
    }
    CHECK(f.house.isQuiet());
}

TEST_CASE("a request that a plugin has forgotten tells nobody", "[proxy]") {
    Fixture f;
    const auto id = f.send();
    const auto request = f.house.takeOutside();
    f.probe.host->request_forget(f.probe.self, id);
    f.probe.host->request_forget(f.probe.self, id + 1);
    f.house.fromOutside(answerTo(request, 200), request.flow.remote);
    CHECK(f.statuses.empty());
    CHECK(f.house.isQuiet());
}

TEST_CASE("requests that are not well-formed are not sent", "[proxy]") {
    Fixture f;
    auto& request = f.request;
    SECTION("no method") { request.method = nullptr; }
    SECTION("a call") { request.method = "INVITE"; }
    SECTION("two words") { request.method = "REGISTER x"; }
    SECTION("no URI") { request.uri = "gw.example"; }
    SECTION("no sender") { request.from = nullptr; }
    SECTION("no label") { request.label = nullptr; }
    SECTION("a line that is none") { request.headers = "Expires 300\r\n"; }
    SECTION("a line without end") { request.headers = "Expires: 300"; }
    SECTION("a line that is ours") { request.headers = "v: SIP/2.0/UDP 192.0.2.1\r\n"; }
    SECTION("a user that is none") { request.contact_user = "a@b"; }
    SECTION("a next hop that is none") { request.next_hop = "gw.example"; }
    SECTION("a Call-ID of two lines") { request.call_id = "a\r\nb"; }
    CHECK(f.send() == 0);
    CHECK(f.house.take().empty());
}
