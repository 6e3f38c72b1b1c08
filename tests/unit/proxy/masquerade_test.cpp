// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

TEST_CASE("headers that name inside addresses leave with ours", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromInside(
        fromAlice("REFER", "sip:bob@example.net")
            .set("Refer-To", "<sip:alice@10.0.0.10:5060?Replaces=x%3Bto-tag%3D1>")
            .set("Referred-By", "\"Alice\" <sip:alice@10.0.0.10>")
            .set("P-Asserted-Identity", "<sip:alice@10.0.0.10>, <tel:+4912345>")
            .set("P-Preferred-Identity", "<sip:alice@10.0.0.1>")
            .set("Remote-Party-ID", "\"A\" <sip:alice@10.0.0.10>;party=calling;privacy=off")
            .set("Diversion", "<sip:x@10.0.0.12>;reason=no-answer,<sip:y@10.0.0.13>;reason=busy")
            .set("History-Info", "<sip:x@10.0.0.12>;index=1, <sip:y@example.org>;index=1.1")
            .set("Reply-To", "<sip:alice@10.0.0.10>")
            .set("Warning", "399 10.0.0.10 \"odd\", 301 example.org \"fine\""));
    const auto out = house.takeOne();
    CHECK(showsNothingInside(out));
    const auto referTo = sip::NameAddr::parse(out.message.header("Refer-To").value_or(""));
    REQUIRE(referTo);
    CHECK(referTo->uri.host == kPublic);
    CHECK(referTo->uri.headers == "Replaces=x%3Bto-tag%3D1");
    CHECK(registrar::tokenOf(referTo->uri) == registrar::tokenOf(contact));
    CHECK(out.has("<tel:+4912345>"));
    CHECK(out.has(";party=calling;privacy=off"));
    CHECK(out.has("<sip:y@example.org>;index=1.1"));
    CHECK(out.has(";reason=no-answer"));
    CHECK(out.has("301 example.org \"fine\""));
    CHECK(out.has("399 203.0.113.1 \"odd\""));
}

TEST_CASE("addresses in the text of a warning are found wherever they stand", "[proxy]") {
    const auto [before, after] = GENERATE(table<std::string, std::string>({
        {"399 a.b \"at (peer:10.0.0.10:5060).\"", "399 a.b \"at (peer:203.0.113.1:5060).\""},
        {"399 a.b \"dead:10.0.0.10, and ::1 ...\"", "399 a.b \"dead:203.0.113.1, and ::1 ...\""},
        {"399 10.0.0.10:5060 \"x\"", "399 203.0.113.1:5060 \"x\""},
        {"399 example.org:5060 \"face.bed 110.0.0.10\"", "399 example.org:5060 \"face.bed 110.0.0.10\""},
    }));
    House house;
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net").set("Warning", before));
    CHECK(house.takeOne().message.header("Warning") == after);
}

TEST_CASE("headers that name others stay as they are", "[proxy]") {
    House house;
    house.fromInside(fromAlice("REFER", "sip:bob@example.net")
                         .set("Refer-To", "sip:carol@example.net")
                         .set("P-Asserted-Identity", "\"A\"  <sip:alice@example.org>"));
    const auto out = house.takeOne();
    CHECK(out.has("Refer-To: sip:carol@example.net\r\n"));
    CHECK(out.has("P-Asserted-Identity: \"A\"  <sip:alice@example.org>\r\n"));
}

TEST_CASE("what comes in is not scrubbed", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("MESSAGE", contact.toString())
                          .set("P-Asserted-Identity", "<sip:bob@10.0.0.99>")
                          .set("Warning", "399 10.0.0.99 \"far\""));
    const auto in = house.takeOne();
    CHECK(in.has("<sip:bob@10.0.0.99>"));
    CHECK(in.has("399 10.0.0.99"));
}

TEST_CASE("a redirection names others: only inside addresses change", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("INVITE", contact.toString()));
    auto moved = answerTo(house.takeInside(), 302);
    moved.addHeader("Contact", "<sip:carol@example.net>;q=0.9");
    moved.addHeader("Contact", "<sip:alice@10.0.0.10:5060>");
    moved.addHeader("Contact", "<sip:dave@10.0.0.12>");
    moved.addHeader("Contact", "<tel:+4912345>");
    house.fromInside(moved);
    const auto out = house.takeOutside();
    const auto contacts = out.message.contacts();
    REQUIRE(contacts.size() == 4);
    CHECK(contacts[0].uri.toString() == "sip:carol@example.net");
    CHECK(contacts[1].uri == contact);
    CHECK(contacts[2].uri.host == kPublic);
    CHECK(contacts[2].uri.user == "dave");
    CHECK(showsNothingInside(out));
    CHECK(house.isQuiet());
}

TEST_CASE("a redirection from outside passes as it is", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    house.fromOutside(
        with(answerTo(house.takeOutside(), 302), "Contact", "<sip:carol@198.51.100.1;x=y>"));
    CHECK(house.takeInside().contact().toString() == "sip:carol@198.51.100.1;x=y");
    CHECK(house.isQuiet());
}

TEST_CASE("ua_string replaces what phones say of themselves", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.uaString = "Exchange 1";
    House house(std::move(options));
    const auto contact = house.enrol();
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    CHECK(house.takeOne().message.header("User-Agent") == "Exchange 1");
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net", 2).set("User-Agent", ""));
    CHECK(house.takeOne().message.header("User-Agent") == "Exchange 1");

    house.fromOutside(forAlice("MESSAGE", contact.toString()).set("User-Agent", "Far/1"));
    const auto in = house.takeOne();
    CHECK(in.message.header("User-Agent") == "Far/1");
    house.fromInside(with(answerTo(in, 200), "Server", "Phone/2"));
    const auto out = house.takeOne();
    CHECK(out.message.header("Server") == "Exchange 1");
    CHECK(!out.message.header("User-Agent"));
}

TEST_CASE("every Contact of a request is masqueraded, parameters of the header stay", "[proxy]") {
    House house;
    house.fromInside(
        fromAlice("INVITE", "sip:bob@example.net")
            .set("Contact", "\"A\" <sip:alice@10.0.0.10:5060;ob>;+sip.instance=\"<urn:x>\"")
            .add("Contact", "<sip:alice@10.0.0.10:5070>"));
    const auto out = house.takeOutside();
    const auto contacts = out.message.contacts();
    REQUIRE(contacts.size() == 2);
    CHECK(registrar::tokenOf(contacts[0].uri) != registrar::tokenOf(contacts[1].uri));
    CHECK(contacts[0].params.value("+sip.instance") == "\"<urn:x>\"");
    CHECK(showsNothingInside(out));
}

TEST_CASE("a phone that writes a public address into its Contact is masqueraded as well", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net")
                         .set("Contact", "<sip:alice@192.0.2.200:1234>"));
    const auto out = house.takeOutside();
    CHECK(out.contact().host == kPublic);
    house.fromOutside(forAlice("BYE", out.contact().toString())
                          .set("From", "<sip:bob@example.net>;tag=t1")
                          .set("To", "<sip:alice@example.org>;tag=a1")
                          .set("Call-ID", "out1"));
    const auto bye = house.takeOne();
    CHECK(bye.message.requestUriText() == "sip:alice@192.0.2.200:1234");
    CHECK(bye.flow.local == at("10.0.0.1"));
}

TEST_CASE("host_outbound as a name is what the outside sees", "[proxy]") {
    House house;
    house.outside.host = "pbx.example.org";
    house.outside.announced = ip("198.51.100.1");
    house.outside.ip = ip("192.168.7.2");
    house.readdress();
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto out = house.takeOutside();
    CHECK(out.flow.local == at("192.168.7.2"));
    CHECK(out.message.via()->host == "pbx.example.org");
    CHECK(out.contact().host == "pbx.example.org");
    CHECK(!out.has("192.168.7.2"));
    house.fromOutside(answerTo(out, 486));
    CHECK(house.takeInside().message.status() == 486);
}

TEST_CASE("a GRUU of the provider is the phone's name for itself and stays", "[proxy]") {
    House house;
    house.enrol();
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net")
                         .set("Contact", "<sip:alice@example.org;gr=urn:uuid:f81d4fae>"));
    CHECK(house.takeOutside().contact().toString() == "sip:alice@example.org;gr=urn:uuid:f81d4fae");
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net", 2)
                         .set("Call-ID", "out2")
                         .set("Contact", "<sip:alice@10.0.0.10;gr=urn:uuid:f81d4fae>"));
    CHECK(showsNothingInside(house.takeOutside()));
}
