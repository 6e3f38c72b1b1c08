// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/stream_framer.h"

#include <chrono>
#include <string>
#include <vector>

#include "support/catch.h"

using namespace siproxd::transport;
using Kind = Frame::Kind;

namespace {

std::string message(const std::string& fields, const std::string& body = {}) {
    return "OPTIONS sip:a@example.com SIP/2.0\r\nTo: <sip:a@example.com>\r\n" + fields + "\r\n" +
           body;
}

struct Cut {
    Kind kind;
    std::string bytes;
    friend bool operator==(const Cut&, const Cut&) = default;
};

/// Everything that `stream` is cut into when it comes in pieces of `size` bytes.
std::vector<Cut> cut(const std::string& stream, std::size_t size, bool pongAwaited = false) {
    StreamFramer framer;
    std::vector<Cut> cuts;
    std::string pending;
    for (std::size_t at = 0; at < stream.size(); at += size) {
        pending += stream.substr(at, size);
        for (;;) {
            const Frame frame = framer.next(pending, pongAwaited);
            if (frame.kind == Kind::NeedMore) {
                break;
            }
            cuts.push_back({frame.kind, pending.substr(0, frame.length)});
            if (frame.kind == Kind::Error) {
                return cuts;
            }
            pending.erase(0, frame.length);
        }
    }
    return cuts;
}

Frame first(const std::string& bytes) { return StreamFramer().next(bytes); }

}  // namespace

TEST_CASE("Messages are cut by their Content-Length however they arrive", "[transport]") {
    const std::string one = message("Content-Length: 4\r\n", "body");
    const std::string two = message("l:0\r\n");
    const std::string three = message("L: 3\r\n", std::string("\0\r\n", 3));
    const std::string four = message("CONTENT-length:\t007 \r\nX: a\r\n b\r\n", "\r\n\r\n\n\n\n");
    const std::vector<Cut> expected{{Kind::Message, one},
                                    {Kind::Message, two},
                                    {Kind::Message, three},
                                    {Kind::Message, four},
                                    {Kind::Message, one}};
    for (const std::size_t size : {1U, 2U, 3U, 7U, 100U, 10000U}) {
        CHECK(cut(one + two + three + four + one, size) == expected);
    }
}

TEST_CASE("A message that is not whole is waited for", "[transport]") {
    const std::string whole = message("Content-Length: 4\r\n", "body");
    StreamFramer framer;
    CHECK_FALSE(framer.midMessage());
    for (std::size_t size = 1; size < whole.size(); ++size) {
        CHECK(framer.next(whole.substr(0, size)).kind == Kind::NeedMore);
        CHECK(framer.midMessage());
    }
    const Frame frame = framer.next(whole);
    CHECK(frame.kind == Kind::Message);
    CHECK(frame.length == whole.size());
    CHECK_FALSE(framer.midMessage());
    CHECK(framer.next("").kind == Kind::NeedMore);
    CHECK_FALSE(framer.midMessage());
}

TEST_CASE("Two line ends are a ping, one is a pong or stands before a message", "[transport]") {
    const std::string text = message("l: 0\r\n");
    CHECK(cut("\r\n\r\n", 4) == std::vector<Cut>{{Kind::Ping, "\r\n\r\n"}});
    CHECK(cut("\r\n\r\n" + text, 1) ==
          std::vector<Cut>{{Kind::Ping, "\r\n\r\n"}, {Kind::Message, text}});
    CHECK(cut("\r\n" + text, 1) == std::vector<Cut>{{Kind::Pong, "\r\n"}, {Kind::Message, text}});
    CHECK(cut("\r\n", 1).empty());
    CHECK(cut("\r\n", 1, true) == std::vector<Cut>{{Kind::Pong, "\r\n"}});
    CHECK(cut("\r\n\r\n", 4, true) == std::vector<Cut>{{Kind::Ping, "\r\n\r\n"}});
    StreamFramer framer;
    CHECK(framer.next("\r\n").kind == Kind::NeedMore);
    CHECK_FALSE(framer.midMessage());
}

TEST_CASE("A Content-Length that can be read in two ways is an error", "[transport]") {
    const struct {
        std::string fields;
        int status;
        std::string_view reason;
    } table[] = {
        {"", 400, "Missing Content-Length"},
        {"Content-Length: 4\r\nContent-Length: 4\r\n", 400, "Repeated Content-Length"},
        {"Content-Length: 4\r\nl: 0\r\n", 400, "Repeated Content-Length"},
        {"l: 4\r\nL: 4\r\n", 400, "Repeated Content-Length"},
        {"Content-Length: +4\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: -1\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: 1 2\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: 4, 4\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: 4;x\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: 0x4\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: 4.0\r\n", 400, "Malformed Content-Length"},
        {"Content-Length:\r\n", 400, "Malformed Content-Length"},
        {"Content-Length\r\n", 400, "Malformed Content-Length"},
        {"Content-Length : 4\r\n", 400, "Malformed Content-Length"},
        {"l\t: 4\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: 4\r\n 5\r\n", 400, "Folded Content-Length"},
        {"Content-Length:\r\n 5\r\n", 400, "Malformed Content-Length"},
        {"Content-Length: 65537\r\n", 400, "Content-Length Too Large"},
        {"Content-Length: 4294967296\r\n", 400, "Content-Length Too Large"},
        {"Content-Length: 18446744073709551620\r\n", 400, "Content-Length Too Large"},
        {"Content-Length: 99999999999999999999999999\r\n", 400, "Content-Length Too Large"},
        {"Subject: a\nContent-Length: 4\r\n", 400, "Bare CR or LF in the header"},
        {"Subject: a\rContent-Length: 4\r\n", 400, "Bare CR or LF in the header"},
        {"Subject: a\r\r\nContent-Length: 4\r\n", 400, "Bare CR or LF in the header"},
        {std::string("Subject: a\0\r\n", 13), 400, "NUL in the header"},
        {std::string("Subject: a\\\0\0\r\n", 15), 400, "NUL in the header"},
    };
    for (const auto& row : table) {
        INFO(row.fields);
        const std::string bytes = message(row.fields, "body");
        const Frame frame = first(bytes);
        CHECK(frame.kind == Kind::Error);
        CHECK(frame.status == row.status);
        CHECK(frame.reason == row.reason);
        CHECK(frame.length <= bytes.size());
        CHECK(cut(bytes, 1) == cut(bytes, bytes.size()));
    }
}

TEST_CASE("A folded line is no Content-Length, and the start line is none", "[transport]") {
    const std::string folded = message("Subject: a\r\n Content-Length: 9\r\nl: 2\r\n", "ab");
    CHECK(first(folded).length == folded.size());
    const std::string start = "l: 4\r\nContent-Length: 2\r\n\r\nab";
    CHECK(first(start).length == start.size());
    const std::string alike = message("Content-Lengths: 9\r\nX-l: 8\r\nl: 2\r\n", "ab");
    CHECK(first(alike).length == alike.size());
}

TEST_CASE("Line ends other than CRLF are no way to begin", "[transport]") {
    for (const char* bytes : {"\n", "\n\n", "\rx", "\r\r", "\r\n\n"}) {
        const auto cuts = cut(bytes, 100);
        REQUIRE_FALSE(cuts.empty());
        CHECK(cuts.back().kind == Kind::Error);
    }
    CHECK(first(std::string(1, '\0')).kind == Kind::Error);
}

TEST_CASE("Head and body have their limits", "[transport]") {
    const std::string largest = message("l: 65536\r\n", std::string(65536, 'x'));
    CHECK(first(largest).kind == Kind::Message);
    const std::string frame = message("l: 0\r\nX: \r\n");
    const std::string fits = message("l: 0\r\nX: " + std::string(32768 - frame.size(), 'x') + "\r\n");
    CHECK(fits.size() == 32768);
    CHECK(first(fits).kind == Kind::Message);
    const std::string tooLong =
        message("l: 0\r\nX: " + std::string(32769 - frame.size(), 'x') + "\r\n");
    CHECK(first(tooLong).status == 513);
    CHECK(first(std::string(40000, 'x')).status == 513);
    CHECK(first(std::string(32767, 'x')).kind == Kind::NeedMore);
    StreamFramer small({.head = 1024, .body = 3});
    CHECK(small.next(message("l: 4\r\n")).status == 400);
    const std::string whole = message("l: 8\r\n", "12345678");
    StreamFramer tight({.message = whole.size()});
    CHECK(tight.next(whole).kind == Kind::Message);
    tight.setLimits({.message = whole.size() - 1});
    CHECK(tight.next(whole).status == 513);
}

TEST_CASE("An error stays one", "[transport]") {
    StreamFramer framer;
    CHECK(framer.next("x\ny").kind == Kind::Error);
    CHECK(framer.next(message("l: 0\r\n")).kind == Kind::Error);
}

TEST_CASE("Many small reads look at no byte twice", "[transport]") {
    // What is asked is that a byte-wise sender costs us as much as an honest one: 32 kB bytewise
    // would be 500 million looks if each began at the front.
    const std::string bytes = message("X: " + std::string(32000, 'x') + "\r\nl: 0\r\n");
    StreamFramer framer;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t size = 1; size < bytes.size(); ++size) {
        REQUIRE(framer.next(std::string_view(bytes).substr(0, size)).kind == Kind::NeedMore);
    }
    CHECK(framer.next(bytes).length == bytes.size());
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
}

TEST_CASE("What is wrong with the length is said when all has come that an answer quotes", "[transport]") {
    for (const auto* line : {"Content-Length: x", "Content-Length : 0", "l: 1\r\nl: 1",
                             "Content-Length: 1\r\n 2", "Content-Length: 99999999"}) {
        CAPTURE(line);
        const std::string head = "OPTIONS sip:a SIP/2.0\r\n" + std::string(line) +
                                 "\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKa\r\n\r\n";
        StreamFramer framer;
        for (std::size_t size = 1; size < head.size(); ++size) {
            REQUIRE(framer.next(head.substr(0, size)).kind == Frame::Kind::NeedMore);
        }
        const auto frame = framer.next(head);
        CHECK(frame.kind == Frame::Kind::Error);
        CHECK(frame.status == 400);
        CHECK(frame.length == head.size());
    }
}
