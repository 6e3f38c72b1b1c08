// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/name_addr.h"

#include "support/catch.h"

using namespace siproxd::sip;

TEST_CASE("URIs come out as they went in", "[sip]") {
    for (const char* text : {
             "sip:alice@example.com",
             "sip:alice:secret@example.com:5070;transport=tcp;lr",
             "sips:+358-555-1234567;postd=pp22@foo.com;user=phone",
             "sip:192.0.2.1",
             "sip:192.0.2.1:5060",
             "sip:alice@[2001:db8::10]:5070",
             "sip:a%20b%00c@example.com",
             "sip:sip%3Auser%40example.com@company.com;other-param=summit",
             "sip:user@example.com?Route=%3Csip:example.com%3E",
             "sip:vivekg@chair-dnrc.example.com;unknownparam",
             "tel:+4930123456",
             "nobodyKnowsThisScheme:totallyopaquecontent",
         }) {
        INFO(text);
        const auto uri = Uri::parse(text);
        REQUIRE(uri);
        std::string expected = text;
        if (expected.starts_with("nobody")) {
            expected = "nobodyknowsthisscheme:totallyopaquecontent";
        }
        CHECK(uri->toString() == expected);
    }
}

TEST_CASE("The parts of a URI are told apart", "[sip]") {
    const auto uri = Uri::parse("sip:alice@[2001:db8::10]:5070;transport=TCP;lr?Subject=x");
    REQUIRE(uri);
    CHECK(uri->user == "alice");
    CHECK(uri->host == "2001:db8::10");
    CHECK(uri->port == 5070);
    CHECK(uri->params.value("Transport") == "TCP");
    CHECK(uri->params.has("lr"));
    CHECK_FALSE(uri->params.value("lr"));
    CHECK(uri->headers == "Subject=x");
    CHECK(Uri::parse("sips:example.com")->portOrDefault() == 5061);
}

TEST_CASE("Text that is no URI is refused", "[sip]") {
    for (const char* text : {"", "sip", "sip:", ":alice", "alice", "sip:alice@", "sip:a@b:port",
                             "sip:a@b:0", "sip:a@b:65536", "sip:a b@c", "sip:a@b<c>", "sip:a@b\r\n",
                             "sip:a@b:5060:5060", "sip:a@b c", "1sip@:"}) {
        INFO(text);
        CHECK_FALSE(Uri::parse(text));
    }
    CHECK_FALSE(Uri::parse("sip:" + std::string(5000, 'a') + "@b"));
}

TEST_CASE("Addresses are the same without regard to parameters and default port", "[sip]") {
    const auto same = [](const char* a, const char* b) {
        return Uri::parse(a)->sameAddress(*Uri::parse(b));
    };
    CHECK(same("sip:alice@Example.com", "sip:alice@example.COM:5060;x=y"));
    CHECK_FALSE(same("sip:Alice@example.com", "sip:alice@example.com"));
    CHECK_FALSE(same("sip:alice@example.com:5062", "sip:alice@example.com"));
    CHECK_FALSE(same("sip:alice@example.com", "tel:alice"));
    CHECK(same("tel:+1", "tel:+1"));
}

TEST_CASE("Name-addr forms of RFC 3261 section 20.10 are read", "[sip]") {
    const auto quoted =
        siproxd::sip::NameAddr::parse("\"A. G. Bell, <x>\\\"\" <sip:agb@bell.example.com;p=1> ;tag=a48s");
    REQUIRE(quoted);
    CHECK(quoted->uri.user == "agb");
    CHECK(quoted->uri.params.has("p"));
    CHECK(quoted->params.value("tag") == "a48s");
    CHECK(quoted->toString() ==
          "\"A. G. Bell, <x>\\\"\" <sip:agb@bell.example.com;p=1>;tag=a48s");

    const auto bare = siproxd::sip::NameAddr::parse("sip:+12125551212@server.example.net;tag=887s");
    REQUIRE(bare);
    CHECK(bare->uri.params.empty());
    CHECK(bare->params.value("tag") == "887s");

    for (const char* text : {"<sip:a@b", "\"open <sip:a@b>", "sip:a@b?x=y", "<sip:a@b>garbage",
                             "<>", ""}) {
        INFO(text);
        CHECK_FALSE(siproxd::sip::NameAddr::parse(text));
    }
}

TEST_CASE("the preference of a Contact", "[sip]") {
    const auto preference = [](std::string_view q) {
        return NameAddr::parse("<sip:a@b>;q=" + std::string(q))->preference();
    };
    CHECK(NameAddr::parse("<sip:a@b>")->preference() == 1000);
    CHECK(preference("0") == 0);
    CHECK(preference("1") == 1000);
    CHECK(preference("0.5") == 500);
    CHECK(preference("0.05") == 50);
    CHECK(preference("0.725") == 725);
    CHECK(preference("1.000") == 1000);
    CHECK(preference("0.") == 0);
    for (const auto* bad : {"2", "1.1", "0.7251", "x", ".5", "-0.5", "0.x", "00"}) {
        INFO(bad);
        CHECK(preference(bad) == 1000);
    }
    CHECK_FALSE(NameAddr::parse("<sip:a@b>;q=0,5"));
}
