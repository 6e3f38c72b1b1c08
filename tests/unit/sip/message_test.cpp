// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/message.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "support/catch.h"

using namespace siproxd::sip;

namespace {

const std::string kInvite =
    "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776, SIP/2.0/TCP [2001:db8::9]:5070;rport\r\n"
    "v: SIP/2.0/UDP 192.0.2.7;received=192.0.2.8;branch=z9hG4bKa\r\n"
    "Max-Forwards: 70\r\n"
    "To: Bob <sip:bob@biloxi.example.com>\r\n"
    "f: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n"
    "Call-ID: a84b4c76e66710@pc33.example.com\r\n"
    "CSeq: 314159 INVITE\r\n"
    "Contact: <sip:alice@pc33.example.com>;q=0.5, \"x, y\" <sip:alice@192.0.2.7:5062;ob>\r\n"
    "X-Odd-Name: some value,\r\n"
    "\twith a fold\r\n"
    "Content-Type: Application / SDP;charset=x\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "v=0\nleft over";

std::string without(std::string text, const std::string& piece) {
    text.erase(text.find(piece), piece.size());
    return text;
}

std::string with(std::string text, const std::string& piece) {
    text.insert(text.find("Max-Forwards"), piece);
    return text;
}

}  // namespace

TEST_CASE("A request is read into its parts", "[sip]") {
    const auto message = Message::parse(kInvite);
    REQUIRE(message);
    CHECK(message->isRequest());
    CHECK(message->method() == Method::Invite);
    CHECK(message->requestUri().user == "bob");
    REQUIRE(message->viaCount() == 3);
    CHECK(message->via(0)->branch() == "z9hG4bK776");
    CHECK(message->via(1)->host == "2001:db8::9");
    CHECK(message->via(1)->params.has("rport"));
    CHECK(message->via(2)->responseAddress()->toString() == "192.0.2.8:5060");
    CHECK(message->fromTag() == "1928301774");
    CHECK(message->toTag().empty());
    CHECK(message->callId() == "a84b4c76e66710@pc33.example.com");
    CHECK(message->cseq() == CSeq{314159, "INVITE"});
    REQUIRE(message->contacts().size() == 2);
    CHECK(message->contacts()[1].uri.port == 5062);
    CHECK(message->maxForwards() == 70U);
    CHECK(message->header("x-odd-name") == "some value, with a fold");
    CHECK(message->contentType() == "application/sdp");
    CHECK(message->body() == "v=0\n");
}

TEST_CASE("What nobody touches leaves as it came", "[sip]") {
    auto message = Message::parse(kInvite);
    REQUIRE(message);
    const std::string out = message->serialize();
    CHECK(out.find("To: Bob <sip:bob@biloxi.example.com>\r\n") != std::string::npos);
    CHECK(out.find("X-Odd-Name: some value, with a fold\r\n") != std::string::npos);
    CHECK(out.ends_with("Content-Length: 4\r\n\r\nv=0\n"));
    const auto again = Message::parse(out);
    REQUIRE(again);
    CHECK(again->serialize() == out);
}

TEST_CASE("Headers are set, added and removed", "[sip]") {
    auto message = Message::parse(kInvite);
    REQUIRE(message);
    message->pushVia(*Via::parse("SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKnew"));
    CHECK(message->viaCount() == 4);
    CHECK(message->via(0)->host == "203.0.113.1");
    message->popVia();
    CHECK(message->via(0)->branch() == "z9hG4bK776");
    message->setVias({});
    CHECK(message->viaCount() == 0);

    message->setHeader("User-Agent", "a");
    message->setHeader("user-agent", "b");
    CHECK(message->headers("User-Agent") == std::vector<std::string>{"b"});
    message->addHeader("Warning", "1");
    message->addHeader("Warning", "2");
    CHECK(message->removeHeader("WARNING") == 2);
    CHECK_FALSE(message->header("Warning"));

    message->setMaxForwards(3);
    CHECK(message->maxForwards() == 3U);
    message->setBody("text/plain", "hello");
    CHECK(message->serialize().find("Content-Type: text/plain\r\n") != std::string::npos);
    CHECK(message->serialize().ends_with("Content-Length: 5\r\n\r\nhello"));
    message->setBody("", "");
    CHECK_FALSE(message->header("Content-Type"));
}

TEST_CASE("A response takes over what RFC 3261 section 8.2.6 says", "[sip]") {
    const auto request = Message::parse(kInvite);
    const auto response = Message::response(*request, 486, "", "abc");
    const auto read = Message::parse(response.serialize());
    REQUIRE(read);
    CHECK(read->status() == 486);
    CHECK(read->reason() == "Busy Here");
    CHECK(read->method() == Method::Invite);
    CHECK(read->viaCount() == 3);
    CHECK(read->toTag() == "abc");
    CHECK(read->fromTag() == "1928301774");
    CHECK(read->contacts().empty());
}

TEST_CASE("Contradictory and malformed requests deserve 400", "[sip]") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"two Call-IDs", with(kInvite, "i: other\r\n")},
        {"two From", with(kInvite, "From: <sip:x@y>;tag=1\r\n")},
        {"two Content-Length", with(kInvite, "l: 4\r\n")},
        {"no CSeq", without(kInvite, "CSeq: 314159 INVITE\r\n")},
        {"no To", without(kInvite, "To: Bob <sip:bob@biloxi.example.com>\r\n")},
        {"bare LF in a field", with(kInvite, "X-A: a\nVia: b\r\n")},
        {"bare CR in a field", with(kInvite, "X-A: a\rb\r\n")},
        {"NUL in a field", with(kInvite, std::string("X-A: a\0b\r\n", 10))},
        {"no colon", with(kInvite, "X-A a\r\n")},
        {"open quote in Contact", with(kInvite, "m: \"open <sip:a@b>\r\n")},
        {"too many fields", with(kInvite, [] {
             std::string many;
             for (int i = 0; i < 300; ++i) {
                 many += "X-A: b\r\n";
             }
             return many;
         }())},
    };
    for (const auto& [name, text] : cases) {
        INFO(name);
        const auto message = Message::parse(text);
        REQUIRE_FALSE(message);
        CHECK(message.error().status == 400);
    }
    CHECK(Message::parse(kInvite.substr(0, kInvite.size() - 12)).error().status == 400);
    CHECK(Message::parse("INVITE sip:a@b SIP/7.0\r\nVia: x\r\n\r\n").error().status == 505);
    CHECK(Message::parse("garbage").error().status == 0);
    CHECK(Message::parse("SIP/2.0 200 OK\r\nVia: x\r\n\r\n").error().status == 0);
    CHECK(Message::parse("").error().status == 0);
}

TEST_CASE("An unparsable request still gets its answer when it can be addressed", "[sip]") {
    const auto answer = answerUnparsed(with(kInvite, "i: other\r\n"), 400, "Bad Request");
    REQUIRE(answer);
    CHECK(answer->starts_with("SIP/2.0 400 Bad Request\r\nVia: "));
    CHECK_FALSE(answerUnparsed("INVITE sip:a@b SIP/2.0\r\n\r\n", 400, "Bad Request"));
    CHECK_FALSE(answerUnparsed("SIP/2.0 200 OK\r\n", 400, "Bad Request"));
}

TEST_CASE("The torture messages of RFC 4475 and RFC 5118 are sorted as they deserve", "[sip]") {
    // 1: a message, whatever the proxy will say to it; 0: not one.
    const std::map<std::string, bool> expected{
        {"rfc4475/wsinv.dat", true},     {"rfc4475/intmeth.dat", true},
        {"rfc4475/esc01.dat", true},     {"rfc4475/escnull.dat", true},
        {"rfc4475/esc02.dat", true},     {"rfc4475/lwsdisp.dat", true},
        {"rfc4475/longreq.dat", true},   {"rfc4475/dblreq.dat", true},
        {"rfc4475/semiuri.dat", true},   {"rfc4475/transports.dat", true},
        {"rfc4475/mpart01.dat", true},   {"rfc4475/unreason.dat", true},
        {"rfc4475/noreason.dat", true},  {"rfc4475/badinv01.dat", false},
        {"rfc4475/clerr.dat", false},    {"rfc4475/ncl.dat", false},
        {"rfc4475/scalar02.dat", false}, {"rfc4475/scalarlg.dat", false},
        {"rfc4475/quotbal.dat", false},  {"rfc4475/ltgtruri.dat", false},
        {"rfc4475/lwsruri.dat", false},  {"rfc4475/lwsstart.dat", false},
        {"rfc4475/trws.dat", false},     {"rfc4475/mismatch01.dat", false},
        {"rfc4475/bigcode.dat", false},  {"rfc4475/badvers.dat", false},
        {"rfc4475/mismatch02.dat", false}, {"rfc4475/unkscm.dat", true},
        {"rfc4475/novelsc.dat", true},   {"rfc4475/unksm2.dat", true},
        {"rfc4475/bext01.dat", true},    {"rfc4475/invut.dat", true},
        {"rfc4475/regaut01.dat", true},  {"rfc4475/multi01.dat", false},
        {"rfc4475/mcl01.dat", false},    {"rfc4475/insuf.dat", false},
        {"rfc4475/inv2543.dat", true},   {"rfc4475/zeromf.dat", true},
        {"rfc4475/cparam01.dat", true},  {"rfc4475/sdp01.dat", true},
        {"rfc5118/ipv6-good", true},     {"rfc5118/ipv6-in-sdp", false},
        {"rfc5118/port-ambiguous", true},{"rfc5118/mult-ip-in-header", true},
    };
    for (const auto& [name, isMessage] : expected) {
        INFO(name);
        std::ifstream file(std::string(CORPORA) + "/" + name, std::ios::binary);
        REQUIRE(file);
        std::ostringstream bytes;
        bytes << file.rdbuf();
        const auto message = Message::parse(bytes.str());
        if (!message) {
            INFO(message.error().why);
            CHECK_FALSE(isMessage);
        } else {
            CHECK(isMessage);
            CHECK(Message::parse(message->serialize()));
        }
    }
}

TEST_CASE("one of several header fields of a name can be removed", "[sip]") {
    auto message = Message::parse(
        "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nProxy-Authorization: one\r\n"
        "proxy-authorization: two\r\nAuthorization: other\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(message);
    CHECK(!message->removeHeader("Proxy-Authorization", 2));
    CHECK(message->removeHeader("Proxy-Authorization", 1));
    CHECK(message->headers("Proxy-Authorization") == std::vector<std::string>{"one"});
    CHECK(message->removeHeader("Proxy-Authorization", 0));
    CHECK(!message->removeHeader("Proxy-Authorization", 0));
    CHECK(message->header("Authorization") == "other");
}

TEST_CASE("fields of a name are replaced in their places, and new ones go where their kind belongs", "[sip]") {
    const auto replaced = [](const std::string& fields, const std::vector<std::string>& routes) {
        auto message = Message::parse(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n" + fields +
            "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
        REQUIRE(message);
        std::vector<NameAddr> values;
        for (const auto& route : routes) {
            values.push_back(*NameAddr::parse(route));
        }
        message->setRoutes(values);
        const auto text = message->serialize();
        const auto from = text.find("Via:");
        return text.substr(from, text.find("From:") - from);
    };
    const std::string via = "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n";
    const std::string one = "Route: <sip:1;lr>\r\n";
    const std::string two = "Route: <sip:2;lr>\r\n";
    const std::string three = "Route: <sip:3;lr>\r\n";
    const std::string between = "X-Y: z\r\n";
    CHECK(replaced(one + between + two, {"<sip:3;lr>", "<sip:4;lr>"}) == via + three + between + "Route: <sip:4;lr>\r\n");
    CHECK(replaced(one + between + two, {"<sip:3;lr>"}) == via + three + between);
    CHECK(replaced(one + between + two, {}) == via + between);
    CHECK(replaced(one + two + between, {"<sip:1;lr>", "<sip:2;lr>", "<sip:3;lr>"}) == via + one + two + three + between);
    CHECK(replaced(between, {"<sip:1;lr>", "<sip:2;lr>"}) == via + one + two + between);
    CHECK(replaced(between, {}) == via + between);
}

TEST_CASE("Control characters are judged in the field as it is read, not line by line", "[sip]") {
    const auto withField = [](const std::string& field) {
        return Message::parse(with(kInvite, field + "\r\n"));
    };
    CHECK(withField("X: 1\r\n \"\\\a\""));
    CHECK(withField("X: \"1\r\n \\\a\""));               // quotes that were opened before the fold
    CHECK_FALSE(withField("X: 1\r\n \"\\\a\r\n \"\\\a"));  // and closed behind it
    CHECK_FALSE(withField("X: 1\r\r\n 2"));
    CHECK_FALSE(withField("X: 1\r\n 2\r\r\n 3"));
    CHECK_FALSE(withField("X: 1\r\n 2\n"));
}
