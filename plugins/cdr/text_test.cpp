// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

#include <cstdlib>
#include <ctime>
#include <string>

#include "path.h"
#include "record.h"
#include "support/catch.h"

namespace {

/// Another time zone while it lives.
class Zone {
public:
    explicit Zone(const char* name) {
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    ~Zone() {
        ::unsetenv("TZ");
        ::tzset();
    }
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;
};

constexpr std::int64_t kNoon = 1'795'521'600;  // 2026-11-24 12:00:00 UTC

siproxd_stream stream() {
    siproxd_stream made{};
    made.caller.codec = "PCMA";
    made.caller.packets = 500;
    made.caller.expected = 512;
    made.caller.lost = 12;
    made.caller.jitter = 1250;
    made.caller.mos = 412;
    made.callee.codec = "PCMA";
    made.callee.packets = 3;
    return made;
}

siproxd_call answered(const siproxd_stream& media) {
    siproxd_call call{};
    call.direction = SIPROXD_REQUEST_OUTGOING;
    call.call_id = "c1@phone";
    call.caller = "sip:alice@home.test";
    call.callee = "sip:+44@home.test";
    call.dialled = "sip:+44@home.test";
    call.source_ip = "10.0.0.5";
    call.user = "alice";
    call.label = "uk";
    call.started = kNoon;
    call.answered = kNoon + 4;
    call.ended = kNoon + 66;
    call.talked = 62'350;
    call.status = 200;
    call.ended_by = SIPROXD_END_CALLEE;
    call.streams = &media;
    call.stream_count = 1;
    return call;
}

std::string csv(std::string_view text) {
    std::string line;
    cdr::addCsv(line, text);
    return line;
}

std::string json(std::string_view text) {
    std::string line;
    cdr::addJson(line, text);
    return line;
}

std::string disposition(int status, int endedBy) {
    siproxd_call call{};
    call.status = status;
    call.ended_by = endedBy;
    return std::string(cdr::dispositionOf(call));
}

std::string pathAt(std::string_view pattern, std::int64_t seconds = kNoon) {
    std::string why;
    const auto parsed = cdr::PathPattern::parse(pattern, why);
    return parsed ? parsed->at(seconds) : why;
}

}  // namespace

TEST_CASE("what comes from the wire is made fit for a record", "[plugin_cdr]") {
    using cdr::cleaned;
    CHECK(cleaned("J\xC3\xBCrgen \xE2\x82\xAC \xF0\x9F\x93\x9E") == "J\xC3\xBCrgen \xE2\x82\xAC \xF0\x9F\x93\x9E");
    CHECK(cleaned("a\r\nb\tc\x7F" "d\xC2\x85" "e") == "a  b c d e");
    const std::string bad = "\xEF\xBF\xBD";
    CHECK(cleaned("a\xFF" "b") == "a" + bad + "b");
    CHECK(cleaned("\xC0\xAF") == bad + bad);
    CHECK(cleaned("\xE0\x80\xAF") == bad + bad + bad);
    CHECK(cleaned("\xED\xA0\x80") == bad + bad + bad);
    CHECK(cleaned("\xF4\x90\x80\x80") == bad + bad + bad + bad);
    CHECK(cleaned("\xE2\x82") == bad + bad);
    CHECK(cleaned("abc\xC3\xBC", 4) == "abc");
    CHECK(cleaned(std::string(2000, 'x')).size() == 512);
    CHECK(cdr::isClean("sip:a b~"));
    CHECK_FALSE(cdr::isClean("a\x7F"));
    CHECK_FALSE(cdr::isClean("a\n"));
    CHECK_FALSE(cdr::isClean("abc", 2));
}

TEST_CASE("times are local, with their distance from UTC", "[plugin_cdr]") {
    const Zone zone("NST3:30");
    cdr::TimeText time;
    CHECK(time.at(0).empty());
    CHECK(time.at(kNoon) == "2026-11-24T08:30:00-03:30");
    CHECK(time.at(kNoon) == "2026-11-24T08:30:00-03:30");
    CHECK(time.at(kNoon + 1) == "2026-11-24T08:30:01-03:30");
    CHECK(time.at(0).empty());
}

TEST_CASE("fields are quoted where they have to be", "[plugin_cdr]") {
    CHECK(csv("sip:a@b") == "sip:a@b");
    CHECK(csv("a,b") == "\"a,b\"");
    CHECK(csv("say \"hi\"") == "\"say \"\"hi\"\"\"");
    for (const char* formula : {"=1+2", "+44", "-1", "@SUM(A1)"}) {
        CHECK(csv(formula) == "'" + std::string(formula));
    }
    CHECK(csv("=a,b") == "\"'=a,b\"");
    CHECK(csv("a=1") == "a=1");
    CHECK(csv("").empty());
    CHECK(json("a\"b\\c") == R"("a\"b\\c")");
}

TEST_CASE("a record in CSV", "[plugin_cdr]") {
    const Zone utc("UTC");
    const auto media = stream();
    CHECK(cdr::Records(cdr::Format::Csv).heading() ==
          "start,answer,end,duration,direction,from,to,dialled,source,user,gateway,disposition,code,ended_by,reason,"
          "codec,caller_packets,caller_loss,caller_jitter,caller_mos,callee_packets,callee_loss,callee_jitter,"
          "callee_mos,call_id\r\n");
    CHECK(cdr::Records(cdr::Format::Csv).of(answered(media)) ==
          "2026-11-24T12:00:00+00:00,2026-11-24T12:00:04+00:00,2026-11-24T12:01:06+00:00,62.350,out,"
          "sip:alice@home.test,sip:+44@home.test,sip:+44@home.test,10.0.0.5,alice,uk,ANSWERED,200,callee,,"
          "PCMA,500,2.34,1.250,4.12,3,,,,c1@phone\r\n");
}

TEST_CASE("a spreadsheet finds no formula in a record", "[plugin_cdr]") {
    const auto media = stream();
    auto call = answered(media);
    call.user = "+44";
    call.call_id = "=HYPERLINK(\"http://x.test\")";
    const auto line = cdr::Records(cdr::Format::Csv).of(call);
    CHECK(line.find(",'+44,uk,") != std::string::npos);
    CHECK(line.ends_with(",\"'=HYPERLINK(\"\"http://x.test\"\")\"\r\n"));
    CHECK(cdr::Records(cdr::Format::Json).of(call).find(R"("user":"+44")") != std::string::npos);
}

TEST_CASE("a record in JSON", "[plugin_cdr]") {
    const Zone zone("CET-1");
    CHECK(cdr::Records(cdr::Format::Json).heading().empty());
    auto media = stream();
    media.callee.codec = "PCMU";
    auto call = answered(media);
    call.caller = "sip:\"x\"\n@home.test";
    CHECK(cdr::Records(cdr::Format::Json).of(call) ==
          R"({"start":"2026-11-24T13:00:00+01:00","answer":"2026-11-24T13:00:04+01:00",)"
          R"("end":"2026-11-24T13:01:06+01:00","duration":62.350,"direction":"out","from":"sip:\"x\" @home.test",)"
          R"("to":"sip:+44@home.test","dialled":"sip:+44@home.test","source":"10.0.0.5","user":"alice",)"
          R"("gateway":"uk","disposition":"ANSWERED","code":200,"ended_by":"callee","reason":null,)"
          R"("codec":"PCMA/PCMU","caller_packets":500,"caller_loss":2.34,"caller_jitter":1.250,"caller_mos":4.12,)"
          R"("callee_packets":3,"callee_loss":null,"callee_jitter":null,"callee_mos":null,"call_id":"c1@phone"})"
          "\n");
}

TEST_CASE("the stream that was used stands for the call", "[plugin_cdr]") {
    siproxd_stream streams[2]{{}, stream()};
    auto call = answered(streams[0]);
    call.stream_count = 2;
    CHECK(cdr::Records(cdr::Format::Json).of(call).find(R"("codec":"PCMA")") != std::string::npos);
    streams[1].direct = 1;
    CHECK(cdr::Records(cdr::Format::Json).of(call).find(R"("caller_packets":null)") != std::string::npos);
}

TEST_CASE("what becomes of a call is said in one word", "[plugin_cdr]") {
    CHECK(disposition(487, SIPROXD_END_CALLER) == "CANCELLED");
    CHECK(disposition(486, SIPROXD_END_CALLEE) == "BUSY");
    CHECK(disposition(600, SIPROXD_END_CALLEE) == "BUSY");
    CHECK(disposition(408, SIPROXD_END_CALLEE) == "NO ANSWER");
    CHECK(disposition(480, SIPROXD_END_CALLEE) == "NO ANSWER");
    CHECK(disposition(603, SIPROXD_END_CALLEE) == "REFUSED");
    CHECK(disposition(486, SIPROXD_END_PROXY) == "REFUSED");
    CHECK(disposition(0, SIPROXD_END_PROXY) == "FAILED");
    CHECK(disposition(302, SIPROXD_END_CALLEE) == "REDIRECTED");
    CHECK(disposition(404, SIPROXD_END_CALLEE) == "FAILED");
    CHECK(disposition(503, SIPROXD_END_CALLEE) == "FAILED");
}

TEST_CASE("the date is put into a path where its words stand by themselves", "[plugin_cdr]") {
    const Zone utc("UTC");
    CHECK(pathAt("/var/log/siproxd/cdr-yyyy-mm-dd.csv") == "/var/log/siproxd/cdr-2026-11-24.csv");
    CHECK(pathAt("/comm/add/yyyy/mm/yyyymmdd.json") == "/comm/add/2026/11/20261124.json");
    CHECK(pathAt("/var/log/cdr.csv") == "/var/log/cdr.csv");
    CHECK(pathAt("/mm/hammer_dd") == "/11/hammer_24");
    CHECK(pathAt("/var/log/cdryyyy.csv").find("part of the word cdryyyy") != std::string::npos);
    CHECK(pathAt("cdr.csv").find("begins with /") != std::string::npos);
    CHECK(pathAt("/var/log/").find("begins with /") != std::string::npos);
    const Zone east("CET-13");
    CHECK(pathAt("/dd") == "/25");
}
