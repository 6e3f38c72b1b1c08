// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/renewal.h"

#include <set>
#include <string>
#include <vector>

#include "harness.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

void move(House& house, const std::string& address) {
    house.outside.host = address;
    house.outside.announced = ip(address);
    house.readdress();
    house.loop.advance(100ms);
}

void answer(House& house, const Sent& request, int status) {
    auto response = answerTo(request, status);
    if (status == 200) {
        auto contacts = request.message.contacts();
        contacts.resize(1);
        response.setContacts(contacts);
    }
    house.fromOutside(response);
}

Draft withPassword(int cseq = 1) {
    return registration("alice", "example.org", "10.0.0.10:5060", cseq)
        .add("Authorization", "Digest username=\"alice\", nonce=\"n\", response=\"r\"");
}

}  // namespace

TEST_CASE("Providers are told a new address of ours without the phone", "[proxy]") {
    House house;
    const auto before = house.enrol(withPassword());
    move(house, "198.51.100.9");
    const auto renewed = house.takeOne();
    CHECK(renewed.message.method() == sip::Method::Register);
    CHECK(renewed.flow.remote == kProvider);
    CHECK(renewed.has("Authorization: Digest username=\"alice\""));
    CHECK(renewed.message.callId() != "reg-aliceexample.org");
    CHECK(showsNothingInside(renewed));
    const auto contacts = renewed.message.contacts();
    REQUIRE(contacts.size() == 2);
    CHECK(contacts[0].uri.host == "198.51.100.9");
    CHECK(registrar::tokenOf(contacts[0].uri) == registrar::tokenOf(before));
    CHECK(contacts[0].params.value("expires") == "600");
    CHECK(contacts[1].uri == before);
    CHECK(contacts[1].params.value("expires") == "0");

    answer(house, renewed, 200);
    CHECK(house.take().empty());  // the phone has not asked and hears nothing
    CHECK(house.locations.confirmedCount() == 1);
    house.fromOutside(forAlice("INVITE", contacts[0].uri.toString()));
    CHECK(house.takeInside().message.requestUri().host == "10.0.0.10");
    house.loop.advance(60s);
    house.proxy->tick();
    house.loop.advance(60s);
    house.proxy->tick();
    CHECK_FALSE(house.take().empty());  // of the call only
}

TEST_CASE("A provider that wants the password again waits for the phone", "[proxy]") {
    House house;
    house.enrol(withPassword());
    move(house, "198.51.100.9");
    answer(house, house.takeOne(), 401);
    CHECK(house.take().empty());
    for (int i = 0; i < 10; ++i) {
        house.loop.advance(10s);
        house.proxy->tick();
    }
    CHECK(house.take().empty());
    CHECK(house.proxy->pendingCount() == 0);
    // The phone comes by itself, and the next change is told again.
    const auto contact = house.enrol(withPassword(2));
    CHECK(contact.host == "198.51.100.9");
    move(house, "198.51.100.10");
    CHECK(house.takeOne().contact().host == "198.51.100.10");
}

TEST_CASE("A provider that does not answer is asked again, but not for ever", "[proxy]") {
    House house;
    house.enrol();
    move(house, "198.51.100.9");
    std::set<std::string> tries;  // by Call-ID: retransmissions are none
    for (int i = 0; i < 100; ++i) {
        for (const auto& sent : house.take()) {
            tries.insert(std::string(sent.message.callId()));
            answer(house, sent, 503);
        }
        house.loop.advance(5s);
        house.proxy->tick();
    }
    CHECK(tries.size() == proxy::Renewal::kTries);
    CHECK(house.proxy->pendingCount() == 0);
}

TEST_CASE("Many registrations are renewed in portions", "[proxy]") {
    House house;
    for (int i = 0; i < 25; ++i) {
        house.enrol(registration("user" + std::to_string(i)));
    }
    house.outside.host = "198.51.100.9";
    house.readdress();
    house.loop.advance(1ms);
    CHECK(house.take().size() == 10);
    house.loop.advance(60ms);
    CHECK(house.take().size() == 10);
    house.loop.advance(60ms);
    CHECK(house.take().size() == 5);
}

TEST_CASE("What has ended or has another registrar is not renewed", "[proxy]") {
    House house;
    house.enrol();
    house.enrol(registration("bob"));
    house.fromInside(registration("bob", "example.org", "10.0.0.10:5060", 2)
                         .set("Contact", "<sip:bob@10.0.0.10:5060>;expires=0"));
    auto removal = house.takeOne();
    house.fromOutside(answerTo(removal, 200));
    house.take();
    move(house, "198.51.100.9");
    CHECK(house.take().size() == 1);
    House other;
    other.enrol();
    other.loop.advance(2h);
    other.proxy->tick();
    move(other, "198.51.100.9");
    CHECK(other.take().empty());
}

TEST_CASE("Without an address nothing is renewed, with the old one again nothing is needed",
          "[proxy]") {
    House house;
    house.enrol();
    house.addresses = {};
    house.addresses.add(house.inside);
    house.proxy->setAddresses(house.addresses);
    house.loop.advance(1s);
    house.proxy->tick();
    CHECK(house.take().empty());
    house.readdress();
    house.loop.advance(1s);
    house.proxy->tick();
    CHECK(house.take().empty());
}
