// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/stream_framer.h"
#include "wire.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

using std::string_literals::operator""s;

const std::string kHead =
    "INVITE sip:bob@example.net SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:alice@example.org>;tag=a1\r\n"
    "To: <sip:bob@example.net>\r\n"
    "Call-ID: out1\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:alice@10.0.0.10:5060>\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 4\r\n";

struct Case {
    const char* name;
    std::string bytes;
};

std::string whole(const std::string& head) {
    return head + "\r\nbody";
}

/// The good request with one more header field; `line` ends as it wants to.
std::string with(const std::string& line) {
    return whole(kHead + line);
}

/// The good request with `was` once replaced.
std::string changed(const std::string& was, const std::string& is) {
    std::string head = kHead;
    const auto at = head.find(was);
    REQUIRE(at != std::string::npos);
    return whole(head.replace(at, was.size(), is));
}

/// Status of the answer to a request; 0: none. `passed`: whether anybody else has heard of it.
struct Outcome {
    int status = 0;
    bool passed = false;
};

Outcome give(const std::string& bytes) {
    House house;
    house.receive(bytes, kPhone, proxy::Side::Inside);
    Outcome outcome;
    for (const auto& [text, flow] : house.takeRaw()) {
        if (flow.remote.ip == kPhone.ip) {
            outcome.status = std::stoi(text.substr(8, 3));
        } else {
            outcome.passed = true;
        }
    }
    return outcome;
}

/// The same behind a framer, as on TCP and TLS.
Outcome giveStream(const std::string& bytes) {
    transport::StreamFramer framer;
    const auto frame = framer.next(bytes);
    if (frame.kind != transport::Frame::Kind::Message) {
        return {frame.status, false};
    }
    return give(bytes.substr(0, frame.length));
}

void checkRefused(const std::vector<Case>& cases, int status = 400) {
    for (const auto& one : cases) {
        INFO(one.name);
        const auto datagram = give(one.bytes);
        CHECK_FALSE(datagram.passed);
        CHECK(datagram.status == status);
        const auto stream = giveStream(one.bytes);
        CHECK_FALSE(stream.passed);
        CHECK(stream.status == status);
    }
}

void checkPassed(const std::vector<Case>& cases) {
    for (const auto& one : cases) {
        INFO(one.name);
        CHECK(give(one.bytes).passed);
        CHECK(giveStream(one.bytes).passed);
    }
}

}  // namespace

TEST_CASE("the message that the following ones spoil is a good one", "[torture]") {
    checkPassed({{"as it is", whole(kHead)}});
}

TEST_CASE("what should be there once is refused when it is there twice", "[torture]") {
    checkRefused({
        {"Call-ID", with("Call-ID: out2\r\n")},
        {"the same Call-ID", with("Call-ID: out1\r\n")},
        {"compact Call-ID", with("i: out2\r\n")},
        {"Call-ID in odd case", with("cALL-iD: out2\r\n")},
        {"Call-ID with a space before the colon", with("Call-ID : out2\r\n")},
        {"Call-ID with a tab before the colon", with("Call-ID\t: out2\r\n")},
        {"From", with("From: <sip:eve@example.org>;tag=a1\r\n")},
        {"compact From", with("f: <sip:eve@example.org>;tag=a1\r\n")},
        {"To", with("To: <sip:eve@example.net>\r\n")},
        {"compact To", with("T: <sip:eve@example.net>\r\n")},
        {"CSeq", with("CSeq: 1 INVITE\r\n")},
        {"Max-Forwards", with("Max-Forwards: 70\r\n")},
        {"Content-Type", with("Content-Type: application/sdp\r\n")},
        {"compact Content-Type", with("c: application/sdp\r\n")},
        {"Content-Length", with("Content-Length: 4\r\n")},
        {"compact Content-Length", with("l: 4\r\n")},
        {"another Content-Length", with("l: 0\r\n")},
        {"Expires", with("Expires: 1\r\nExpires: 2\r\n")},
        {"Refer-To", with("Refer-To: <sip:a@b>\r\nr: <sip:c@d>\r\n")},
        {"Referred-By", with("Referred-By: <sip:a@b>\r\nb: <sip:c@d>\r\n")},
        {"Replaces", with("Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2\r\n")},
        {"Session-Expires", with("Session-Expires: 90\r\nx: 1800\r\n")},
        {"Min-SE", with("Min-SE: 90\r\nMin-SE: 100\r\n")},
        {"Event", with("Event: dialog\r\no: presence\r\n")},
        {"RAck", with("RAck: 1 1 INVITE\r\nRAck: 2 1 INVITE\r\n")},
        {"tag", changed(";tag=a1", ";tag=a1;tag=a2")},
        {"tag in odd case", changed(";tag=a1", ";tag=a1;TAG=a2")},
        {"branch", changed(";branch=z9hG4bK-a", ";branch=z9hG4bK-a;branch=z9hG4bK-b")},
        {"received", changed(";branch", ";received=10.0.0.1;received=10.0.0.2;branch")},
        {"transport of a URI", changed("<sip:alice@10.0.0.10:5060>",
                                       "<sip:alice@10.0.0.10;transport=udp;transport=tcp>")},
        {"maddr of a URI",
         changed("<sip:alice@10.0.0.10:5060>", "<sip:alice@h.test;maddr=10.0.0.2;maddr=10.0.0.3>")},
        {"port of a URI", changed("10.0.0.10:5060>", "10.0.0.10:5060:5061>")},
    });
}

TEST_CASE("several values in the place of one are refused", "[torture]") {
    checkRefused({
        {"Call-ID", changed("Call-ID: out1", "Call-ID: out1, out2")},
        {"From", changed(";tag=a1", ";tag=a1, <sip:eve@example.org>;tag=a2")},
        {"To", changed("To: <sip:bob@example.net>", "To: <sip:bob@example.net>, <sip:eve@b>")},
        {"CSeq", changed("CSeq: 1 INVITE", "CSeq: 1 INVITE, 2 INVITE")},
        {"Max-Forwards", changed("70", "70, 1")},
        {"Content-Length", changed("Content-Length: 4", "Content-Length: 4, 4")},
        {"a Contact beside the star", changed("Contact: ", "Contact: *, ")},
        {"two stars", changed("<sip:alice@10.0.0.10:5060>", "*, *")},
    });
}

TEST_CASE("line ends that readers could take for something else are refused", "[torture]") {
    checkRefused({
        {"bare CR", with("Subject: a\rX-A: b\r\n")},
        {"bare LF", with("Subject: a\nX-A: b\r\n")},
        {"bare CR before the CRLF", with("Subject: a\r\r\n")},
        {"bare LF before the CRLF", with("Subject: a\n\r\n")},
        {"LF CR", with("Subject: a\n\rX-A: b\r\n")},
        {"two bare LFs", with("Subject: a\n\nX-A: b\r\n")},
        {"bare LF and a fold", with("Subject: a\n b\r\n")},
        {"bare CR in a fold", with("Subject: a\r\n b\rc\r\n")},
        {"bare CR in a name", with("Sub\rject: a\r\n")},
        {"bare LF in quotes", with("X-A: \"a\nb\"\r\n")},
        {"escaped LF in quotes", with("X-A: \"a\\\nb\"\r\n")},
        {"escaped CR in quotes", with("X-A: \"a\\\rb\"\r\n")},
        {"a header that ends with bare LFs", kHead + "\n\r\nbody"},
        {"a fold behind the start line", changed("SIP/2.0\r\n", "SIP/2.0\r\n X-A: b\r\n")},
    });
}

TEST_CASE("control characters are refused", "[torture]") {
    checkRefused({
        {"NUL in a value", with("Subject: a\0b\r\n"s)},
        {"NUL at the end of a value", with("Subject: a\0\r\n"s)},
        {"NUL in a name", with("Sub\0ject: a\r\n"s)},
        {"escaped NUL outside of quotes", with("Subject: a\\\0b\r\n"s)},
        {"NUL behind an escaped backslash", with("X-A: \"a\\\\\0\"\r\n"s)},
        {"BEL in a value", with("Subject: a\ab\r\n")},
        {"DEL in a name", with("Sub\x7fject: a\r\n")},
        {"escape in a fold", with("Subject: a\r\n \x1b[2J\r\n")},
        {"vertical tab before the colon", with("Subject\v: a\r\n")},
    });
    // What an answer would have to repeat is not fit for it.
    for (const auto& bytes : {changed("out1", "out1\0x"s), changed(";branch", "\0;branch"s),
                              changed("<sip:alice@example", "\0<sip:alice@example"s),
                              changed("CSeq: 1 INVITE", "CSeq: 1\fINVITE")}) {
        INFO(bytes);
        CHECK(give(bytes).status == 0);
        CHECK_FALSE(give(bytes).passed);
        CHECK_FALSE(giveStream(bytes).passed);
    }
}

TEST_CASE("names that are no names are refused", "[torture]") {
    checkRefused({
        {"no colon", with("Subject\r\n")},
        {"nothing in front of the colon", with(": a\r\n")},
        {"a space in front of the colon", with("X : a\r\n: b\r\n")},
        {"a space in the name", with("Call ID: a\r\n")},
        {"a bracket", with("Subject<: a\r\n")},
        {"quotes", with("\"Subject\": a\r\n")},
        {"a Unicode space", with("Call-ID\xc2\xa0: a\r\n")},
        {"a Unicode letter", with("Cont\xc3\xa4" "ct: a\r\n")},
    });
}

TEST_CASE("lengths that are none are refused", "[torture]") {
    const auto length = [](const std::string& text) { return changed("Length: 4", "Length:" + text); };
    checkRefused({
        {"negative", length(" -4")},
        {"signed", length(" +4")},
        {"hexadecimal", length(" 0x4")},
        {"with a unit", length(" 4b")},
        {"with a parameter", length(" 4;a=b")},
        {"two words", length(" 4 4")},
        {"empty", length("")},
        {"quoted", length(" \"4\"")},
        {"folded", length("\r\n 4")},
        {"folded behind the digits", length(" 4\r\n 0")},
        {"folded to nothing", length(" 4\r\n ")},
        {"32 bits round", length(" 4294967300")},
        {"64 bits round", length(" 18446744073709551620")},
        {"longer than any number", length(" " + std::string(500, '9'))},
    });
}

TEST_CASE("a length above what a datagram holds is refused, and a stream ends", "[torture]") {
    for (const char* text : {"5", "9999", "65536"}) {
        INFO(text);
        CHECK(give(changed("Length: 4", "Length: "s + text)).status == 400);
    }
    CHECK(giveStream(changed("Length: 4", "Length: 65537")).status == 400);
}

TEST_CASE("numbers out of their range are refused", "[torture]") {
    checkRefused({
        {"CSeq of 32 bits", changed("CSeq: 1 ", "CSeq: 2147483648 ")},
        {"CSeq of 64 bits", changed("CSeq: 1 ", "CSeq: 18446744073709551617 ")},
        {"negative CSeq", changed("CSeq: 1 ", "CSeq: -1 ")},
        {"CSeq without a method", changed("CSeq: 1 INVITE", "CSeq: 1")},
        {"CSeq without a number", changed("CSeq: 1 INVITE", "CSeq: INVITE")},
        {"CSeq without a space", changed("CSeq: 1 INVITE", "CSeq: 1INVITE")},
        {"CSeq with another method", changed("CSeq: 1 INVITE", "CSeq: 1 BYE")},
        {"CSeq with a method in another case", changed("CSeq: 1 INVITE", "CSeq: 1 invite")},
        {"Max-Forwards above 255", changed("70", "256")},
        {"negative Max-Forwards", changed("70", "-1")},
        {"Max-Forwards of 32 bits", changed("70", "4294967297")},
        {"empty Max-Forwards", changed("Max-Forwards: 70", "Max-Forwards:")},
        {"port above 65535 in a Via", changed("10.0.0.10:5060;", "10.0.0.10:65596;")},
        {"port 0 in a Via", changed("10.0.0.10:5060;", "10.0.0.10:0;")},
        {"empty port in a Via", changed("10.0.0.10:5060;", "10.0.0.10:;")},
        {"port above 65535 in a URI", changed("10.0.0.10:5060>", "10.0.0.10:65596>")},
        {"empty port in a URI", changed("10.0.0.10:5060>", "10.0.0.10:>")},
    });
}

TEST_CASE("request lines that readers could cut differently are refused", "[torture]") {
    checkRefused({
        {"two spaces", changed("INVITE sip", "INVITE  sip")},
        {"a tab", changed("INVITE sip:bob@example.net ", "INVITE sip:bob@example.net\t")},
        {"white space in the URI", changed("bob@", "b ob@")},
        {"white space at the end", changed("SIP/2.0\r\n", "SIP/2.0 \r\n")},
        {"brackets", changed("sip:bob@example.net ", "<sip:bob@example.net> ")},
        {"header fields in the URI", changed("example.net ", "example.net?Route=%3Csip:a%3E ")},
        {"a question mark and nothing", changed("example.net ", "example.net? ")},
        {"two hosts", changed("bob@example.net ", "bob@example.org@example.net ")},
        {"two hosts, one in a parameter", changed("example.net ", "example.net;a=@example.org ")},
        {"a backslash in the host", changed("example.net ", "example.org\\example.net ")},
        {"a slash in the host", changed("example.net ", "example.org/example.net ")},
        {"an escape in the host", changed("example.net ", "example%2enet ")},
        {"an address without its brackets", changed("example.net ", "2001:db8::10 ")},
        {"an address with one bracket", changed("example.net ", "[2001:db8::10 ")},
        {"a name in brackets", changed("example.net ", "[example.net] ")},
        {"something behind the bracket", changed("example.net ", "[2001:db8::10]example.org ")},
        {"something in front of the bracket", changed("example.net ", "example.org[2001:db8::10] ")},
        {"an IPv4 address in brackets", changed("example.net ", "[192.0.2.1] ")},
        {"an escape that is none", changed("bob@", "b%6gob@")},
        {"half an escape", changed("example.net ", "example.net;a=%6 ")},
    });
}

TEST_CASE("addresses that readers could cut differently are refused", "[torture]") {
    const auto from = [](const std::string& text) {
        return changed("From: <sip:alice@example.org>;tag=a1", "From: " + text + ";tag=a1");
    };
    checkRefused({
        {"an open quote", from("\"Alice <sip:alice@example.org>")},
        {"an open quote by an escape", from("\"Alice\\\" <sip:alice@example.org>")},
        {"an open bracket", from("Alice <sip:alice@example.org")},
        {"two brackets", from("<<sip:alice@example.org>>")},
        {"two addresses", from("<sip:alice@example.org> <sip:eve@example.org>")},
        {"something behind the bracket", from("<sip:alice@example.org>x")},
        {"a bracket that closes nothing", from("a > <sip:alice@example.org>")},
        {"a comma in a name without quotes", from("Bell, Alice <sip:alice@example.org>")},
        {"white space in the brackets", from("< sip:alice@example.org >")},
        {"header fields without brackets", from("sip:alice@example.org?a=b")},
        {"nothing in the brackets", from("<>")},
        {"no scheme", from("<alice@example.org>")},
        {"an empty tag", changed(";tag=a1", ";tag=")},
        {"a tag without a value", changed(";tag=a1", ";tag")},
        {"an empty tag of To", changed("To: <sip:bob@example.net>", "To: <sip:bob@example.net>;tag=")},
        {"an empty parameter", from("<sip:alice@example.org>;")},
        {"a parameter with white space", from("<sip:alice@example.org>;a=b c")},
        {"a parameter with a bracket", from("<sip:alice@example.org>;a=<b>")},
        {"something behind quotes in a parameter", from("<sip:alice@example.org>;a=\"b\"c")},
        {"quotes inside a parameter", from("<sip:alice@example.org>;a=b\"c\"")},
        {"white space in the Call-ID", changed("out1", "out1 x")},
        {"empty Call-ID", changed("Call-ID: out1", "Call-ID:")},
        {"empty From", changed("From: <sip:alice@example.org>;tag=a1", "From:")},
        {"empty Contact", changed("Contact: <sip:alice@10.0.0.10:5060>", "Contact:")},
        {"a type that is none", changed("text/plain", "text")},
        {"two types", changed("text/plain", "text/plain, application/sdp")},
    });
}

TEST_CASE("Vias that readers could cut differently are refused", "[torture]") {
    const auto via = [](const std::string& text) {
        return changed("Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a", "Via: " + text);
    };
    checkRefused({
        {"another protocol", via("HTTP/2.0/UDP 10.0.0.10;branch=z9hG4bK-a")},
        {"another version", via("SIP/3.0/UDP 10.0.0.10;branch=z9hG4bK-a")},
        {"no transport", via("SIP/2.0 10.0.0.10;branch=z9hG4bK-a")},
        {"an empty transport", via("SIP/2.0/ 10.0.0.10;branch=z9hG4bK-a")},
        {"a transport that is no token", via("SIP/2.0/U(P 10.0.0.10;branch=z9hG4bK-a")},
        {"no host", via("SIP/2.0/UDP ;branch=z9hG4bK-a")},
        {"two hosts", via("SIP/2.0/UDP 10.0.0.10 10.0.0.11;branch=z9hG4bK-a")},
        {"a user", via("SIP/2.0/UDP a@10.0.0.10;branch=z9hG4bK-a")},
        {"an open bracket", via("SIP/2.0/UDP [2001:db8::1;branch=z9hG4bK-a")},
        {"an address without brackets", via("SIP/2.0/UDP 2001:db8::1;branch=z9hG4bK-a")},
        {"a name in brackets", via("SIP/2.0/UDP [host.test];branch=z9hG4bK-a")},
        {"a bracket in a parameter", via("SIP/2.0/UDP 10.0.0.10;branch=<z9hG4bK-a")},
        {"an open quote", via("SIP/2.0/UDP 10.0.0.10;a=\"b;branch=z9hG4bK-a")},
        {"nothing behind a semicolon", via("SIP/2.0/UDP 10.0.0.10;;branch=z9hG4bK-a")},
        {"a value without a name", via("SIP/2.0/UDP 10.0.0.10;=a;branch=z9hG4bK-a")},
    });
}

TEST_CASE("what is longer than anybody needs is refused", "[torture]") {
    const auto many = [](std::size_t count, const std::string& text) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) {
            out += text;
        }
        return out;
    };
    checkRefused({
        {"a URI", changed("bob@", std::string(3000, 'b') + "@")},
        {"a host", changed("example.net ", std::string(300, 'b') + " ")},
        {"a tag", changed("tag=a1", "tag=" + std::string(300, 'a'))},
        {"a branch", changed("z9hG4bK-a", "z9hG4bK" + std::string(600, 'a'))},
        {"a Call-ID", changed("out1", std::string(600, 'a'))},
        {"a name", with(std::string(300, 'X') + ": a\r\n")},
        {"a line", with("X-A: " + std::string(9000, 'a') + "\r\n")},
        {"a folded line", with("X-A: a" + many(1000, "\r\n aaaaaaaaa") + "\r\n")},
        {"parameters", changed(";tag=a1", ";tag=a1" + many(70, ";a"))},
        {"fields", with(many(300, "X-A: b\r\n"))},
        {"Vias", with(many(100, "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-b\r\n"))},
        {"Vias in one field", with("Via: " + many(100, "SIP/2.0/UDP 10.0.0.9;branch=b,") +
                                   "SIP/2.0/UDP 10.0.0.9;branch=b\r\n")},
    });
    // So long a word is no method, and what has none is no request.
    CHECK(give(changed("INVITE sip", std::string(65, 'A') + " sip")).status == 0);
    const auto head = with(many(200, "X-A: " + std::string(300, 'a') + "\r\n"));
    CHECK(give(head).status == 513);
    CHECK(giveStream(head).status == 513);
}

TEST_CASE("what looks odd and means one thing only passes", "[torture]") {
    checkPassed({
        {"a space before a colon", changed("Max-Forwards:", "Max-Forwards :")},
        {"a tab before a colon", changed("To:", "To\t:")},
        {"a folded singleton", changed("Call-ID: out1", "Call-ID:\r\n out1")},
        {"leading zeros", changed("70", "0070")},
        {"compact names", changed("Call-ID:", "i:")},
        {"an escaped NUL in quotes", changed("<sip:alice@", "\"\\\0\" <sip:alice@"s)},
        {"empty lines in front", "\r\n\r\n"s.substr(0, 0) + whole(kHead)},
        {"a name in UTF-8 without quotes", changed("<sip:alice@", "J\xc3\xbcrgen <sip:alice@")},
        {"a colon in a value", with("X-A: b: c\r\n")},
        {"an empty value", with("Supported:\r\n")},
        {"an open quote where nobody needs quotes", with("Subject: a 5\" disk\r\n")},
        {"a number sign in a user", changed("sip:bob@", "sip:*21#@")},
        {"several methods' worth of Allow", with("Allow: INVITE\r\nAllow: BYE\r\n")},
    });
}

TEST_CASE("what is odd does not leave as odd as it came", "[torture]") {
    House house;
    house.receive(with("Subject\t :  a\r\n\t b\r\nk : 100rel\r\n"), kPhone, proxy::Side::Inside);
    const auto sent = house.takeOutside();
    CHECK(sent.has("\r\nSubject: a b\r\n"));
    CHECK(sent.has("\r\nSupported: 100rel\r\n"));
}

TEST_CASE("header fields of a URI in Route do not get into the request line", "[torture]") {
    House house;
    house.receive(with("Route: <sip:strict@203.0.113.50?Subject=x>\r\n"), kPhone,
                  proxy::Side::Inside);
    const auto sent = house.takeOutside();
    CHECK(sent.message.requestUriText() == "sip:strict@203.0.113.50");
    CHECK_FALSE(sent.message.header("Subject"));
}

TEST_CASE("the answer to a refused request has no more of anything than it may", "[torture]") {
    House house;
    house.receive(with("f: <sip:eve@example.org>;tag=e\r\nCSeq: 2 INVITE\r\ni: out2\r\n"
                       "t:\r\n <sip:eve@example.net>\r\n"),
                  kPhone, proxy::Side::Inside);
    const auto sent = house.takeRaw();
    REQUIRE(sent.size() == 1);
    const auto answer = sip::Message::parse(sent.front().first);
    REQUIRE(answer);
    CHECK(answer->status() == 400);
    CHECK(answer->callId() == "out1");
    CHECK(answer->fromTag() == "a1");
    CHECK(!answer->toTag().empty());
}

TEST_CASE("responses that readers could understand differently are dropped", "[torture]") {
    const std::string ok =
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK-x\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
        "Content-Length: 0\r\n\r\n";
    REQUIRE(sip::Message::parse(ok));
    const std::vector<std::pair<std::string, std::string>> spoilt{
        {"200 OK", "2000 OK"},        {"200 OK", "20 OK"},       {"200 OK", "099 OK"},
        {"200 OK", "700 OK"},         {"200 OK", "4294967496 OK"}, {"200 OK", "-20 OK"},
        {"SIP/2.0 200", "SIP/2.0  200"}, {"SIP/2.0", "SIP/2.1"}, {"SIP/2.0", "SIP/2.0.0"},
        {"200 OK", "200 O\rK"},       {"200 OK", "200OK"},       {"Call-ID: x", "i: x\r\ni: y"},
        {"CSeq: 1 INVITE", "CSeq: 4294967296 INVITE"},           {";tag=1", ";tag=1;tag=3"},
        {"Content-Length: 0", "Content-Length: 0\r\nl: 0"},      {"Length: 0", "Length: 5"},
    };
    for (const auto& [was, is] : spoilt) {
        INFO(is);
        auto text = ok;
        text.replace(text.find(was), was.size(), is);
        const auto message = sip::Message::parse(text);
        REQUIRE(!message);
        CHECK(message.error().status == 0);
        CHECK(give(text).status == 0);
    }
}
