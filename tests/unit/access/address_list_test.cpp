// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/address_list.h"

#include "support/addresses.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using access::AddressList;
using test::ip;

namespace {

AddressList list(std::string_view text) {
    auto parsed = AddressList::parse(text);
    INFO(text);
    REQUIRE(parsed);
    return *std::move(parsed);
}

std::string problem(std::string_view text) {
    const auto parsed = AddressList::parse(text);
    return parsed ? std::string() : parsed.error().message;
}

}  // namespace

TEST_CASE("An address list holds blocks of both families", "[access]") {
    const auto lan = list("192.168.1.0/24,10.1.2.3/32,2001:db8::/32,[fd00::1]/128");
    for (const char* in :
         {"192.168.1.1", "192.168.1.255", "10.1.2.3", "2001:db8:5::1", "fd00::1"}) {
        INFO(in);
        CHECK(lan.contains(ip(in)));
    }
    for (const char* out : {"192.168.2.1", "10.1.2.4", "2001:db9::1", "fd00::2", "::"}) {
        INFO(out);
        CHECK_FALSE(lan.contains(ip(out)));
    }
    CHECK_FALSE(lan.contains(base::IpAddress{}));
}

TEST_CASE("Host bits of a block do not matter", "[access]") {
    CHECK(list("10.0.0.77/24").contains(ip("10.0.0.1")));
}

TEST_CASE("Spaces and empty entries in a list do not matter", "[access]") {
    const auto lan = list(" 10.0.0.0/8 ,\t192.168.0.0 / 16,, ");
    CHECK(lan.contains(ip("10.9.9.9")));
    CHECK(lan.contains(ip("192.168.3.3")));
    CHECK(list("").empty());
    CHECK(list("  ").empty());
    CHECK_FALSE(lan.empty());
}

TEST_CASE("Prefix length 0 is everybody of that family", "[access]") {
    CHECK(list("0.0.0.0/0").contains(ip("203.0.113.9")));
    CHECK_FALSE(list("0.0.0.0/0").contains(ip("2001:db8::1")));
    CHECK(list("::/0").contains(ip("2001:db8::1")));
}

TEST_CASE("An IPv4 sender on a dual-stack socket does not get around a list", "[access]") {
    CHECK(list("10.0.0.0/8").contains(ip("::ffff:10.1.1.1")));
    CHECK_FALSE(list("10.0.0.0/8").contains(ip("::ffff:11.1.1.1")));
    CHECK(list("::ffff:10.0.0.0/104").contains(ip("10.1.1.1")));
    CHECK_FALSE(list("::ffff:10.0.0.0/104").contains(ip("11.1.1.1")));
    CHECK_FALSE(problem("::ffff:10.0.0.0/8").empty());
}

TEST_CASE("A list with a mistake is an error that names the entry", "[access]") {
    CHECK(problem("10.0.0.1") == "CONFIG: accesslist [10.0.0.1]- no mask separator found (for one "
                                 "address: 10.0.0.1/32)");
    CHECK(problem("10.0.0.0/8,192.168.1.1") ==
          "CONFIG: accesslist [192.168.1.1]- no mask separator found (for one address: 192.168.1.1/32)");
    for (const char* bad :
         {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/255.0.0.0", "2001:db8::/129",
          "10.0.0/8", "300.1.1.1/8", "/8", "a b/8", "x/200", ",", "10.0.0.0/8/8"}) {
        INFO(bad);
        CHECK_FALSE(problem(bad).empty());
    }
}

TEST_CASE("All mistakes of a list are told at once", "[access]") {
    const auto text = problem("10.0.0.1,192.168.0.0/16,host/99999,10.0.0.0/33");
    CHECK(text.find("[10.0.0.1]") != std::string::npos);
    CHECK(text.find("[host/99999]") != std::string::npos);
    CHECK(text.find("[10.0.0.0/33]") != std::string::npos);
}

TEST_CASE("Names match nobody until they are resolved, and then their addresses", "[access]") {
    auto phones = list("Phone.example.test/32,lan.example.test/24,phone.example.test/32");
    CHECK(phones.names() == std::vector<std::string>{"phone.example.test", "lan.example.test"});
    CHECK(phones.pending());
    CHECK_FALSE(phones.empty());
    CHECK_FALSE(phones.contains(ip("192.0.2.1")));

    const base::IpAddress first[] = {ip("192.0.2.1"), ip("2001:db8::1")};
    phones.resolve("PHONE.example.test", first);
    CHECK(phones.pending());
    CHECK(phones.contains(ip("192.0.2.1")));
    CHECK(phones.contains(ip("2001:db8::1")));
    CHECK_FALSE(phones.contains(ip("192.0.2.2")));
    CHECK_FALSE(phones.contains(ip("2001:db8::2")));

    const base::IpAddress lan[] = {ip("10.0.7.1"), ip("2001:db8:7::1")};
    phones.resolve("lan.example.test", lan);
    CHECK_FALSE(phones.pending());
    CHECK(phones.contains(ip("10.0.7.200")));
    CHECK(phones.contains(ip("2001:db8:7::ff")));
    CHECK_FALSE(phones.contains(ip("2001:db8:7::1:0")));

    const base::IpAddress moved[] = {ip("192.0.2.9")};
    phones.resolve("phone.example.test", moved);
    CHECK_FALSE(phones.contains(ip("192.0.2.1")));
    CHECK(phones.contains(ip("192.0.2.9")));
    CHECK(phones.contains(ip("10.0.7.200")));

    phones.resolve("phone.example.test", {});
    CHECK_FALSE(phones.contains(ip("192.0.2.9")));
    CHECK_FALSE(phones.pending());
}

TEST_CASE("A name with an IPv6 prefix takes its IPv4 addresses whole", "[access]") {
    auto hosts = list("host.example.test/64");
    const base::IpAddress both[] = {ip("192.0.2.1"), ip("2001:db8::1")};
    hosts.resolve("host.example.test", both);
    CHECK(hosts.contains(ip("192.0.2.1")));
    CHECK_FALSE(hosts.contains(ip("192.0.2.2")));
    CHECK(hosts.contains(ip("2001:db8::ffff")));
    CHECK_FALSE(hosts.contains(ip("2001:db8:0:1::")));
}

TEST_CASE("A list may have very many entries", "[access]") {
    std::string text;
    for (int i = 0; i < 50'000; ++i) {
        text += std::to_string(i / 256 % 256 + 1) + "." + std::to_string(i % 256) + ".7.0/24,";
    }
    const auto many = list(text);
    int hits = 0;
    for (int i = 0; i < 100'000; ++i) {
        hits += many.contains(ip("100.50.7.9")) ? 1 : 0;
    }
    CHECK(hits == 100'000);
    CHECK_FALSE(many.contains(ip("100.50.8.9")));
}

TEST_CASE("A line may have ranges and exclusions, which count from left to right", "[access]") {
    const auto some = list("10.0.0.0/24, 192.0.2.5 - 192.0.2.9, !10.0.0.7/32,!192.0.2.6-192.0.2.7,"
                           "192.0.2.7/32, 2001:db8::/64, !2001:db8::1 - 2001:db8::f");
    for (const char* in : {"10.0.0.6", "10.0.0.8", "192.0.2.5", "192.0.2.7", "192.0.2.9",
                           "2001:db8::", "2001:db8::10"}) {
        INFO(in);
        CHECK(some.contains(ip(in)));
    }
    for (const char* out :
         {"10.0.0.7", "192.0.2.4", "192.0.2.6", "192.0.2.10", "2001:db8::1", "2001:db8::f"}) {
        INFO(out);
        CHECK_FALSE(some.contains(ip(out)));
    }
    for (const char* bad :
         {"10.0.0.9 - 10.0.0.1", "10.0.0.1 - ::1", "10.0.0.1 -", "!10.0.0.1", "!10.0.0.0/8",
          "10.0.0.0/8,!phone.test/32", "10.0.0.0/8,!", "10.0.0.1-x", "10.0.0.0/8 - 10.1.0.0/8"}) {
        INFO(bad);
        CHECK_FALSE(problem(bad).empty());
    }
}

TEST_CASE("Exclusions behind a name are taken out of its addresses", "[access]") {
    auto hosts = list("a.test/24,!192.0.2.5/32,b.test/24,!192.0.2.6/32");
    const base::IpAddress one[] = {ip("192.0.2.1")};
    hosts.resolve("a.test", one);
    CHECK(hosts.contains(ip("192.0.2.4")));
    CHECK_FALSE(hosts.contains(ip("192.0.2.5")));
    hosts.resolve("b.test", one);
    CHECK(hosts.contains(ip("192.0.2.5")));
    CHECK_FALSE(hosts.contains(ip("192.0.2.6")));
}

TEST_CASE("A file holds a list in either syntax", "[access]") {
    const auto read = AddressList::parseFile("; the office\n"
                                             "10.0.0.1\r\n"
                                             "10.0.0.5-10.0.0.9 ; phones\n"
                                             "\n"
                                             "!10.0.0.7\n"
                                             "  2001:db8::5   # printer\n"
                                             "192.168.0.0/16,172.16.0.0/12\n",
                                             "lan.txt");
    REQUIRE(read);
    for (const char* in : {"10.0.0.1", "10.0.0.6", "2001:db8::5", "192.168.9.9", "172.31.0.1"}) {
        INFO(in);
        CHECK(read->contains(ip(in)));
    }
    CHECK_FALSE(read->contains(ip("10.0.0.7")));
    CHECK_FALSE(read->contains(ip("10.0.0.2")));
}

TEST_CASE("Mistakes in a file are told with file and line", "[access]") {
    const auto read = AddressList::parseFile("10.0.0.1\n10.0.0.300\n\n!x\n", "lan.txt");
    REQUIRE_FALSE(read);
    CHECK(read.error().message ==
          "lan.txt:2: CONFIG: accesslist [10.0.0.300]- neither an address, a range nor a network\n"
          "lan.txt:4: CONFIG: accesslist [!x]- neither an address, a range nor a network");
}

TEST_CASE("A directive may name a file", "[access]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.file("list");
    directory.write(file, "10.0.0.1\n");
    for (const auto& value : {file, "file:" + file, " file: " + file}) {
        INFO(value);
        const auto read = AddressList::load(value);
        REQUIRE(read);
        CHECK(read->contains(ip("10.0.0.1")));
    }
    CHECK(AddressList::load("10.0.0.0/8")->contains(ip("10.1.1.1")));
    CHECK(AddressList::load("")->empty());
    const auto missing = AddressList::load("/nonexistent/list");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message == "cannot read /nonexistent/list: No such file or directory");
}

TEST_CASE("A file without entries is a list with nobody in it", "[access]") {
    const auto read = AddressList::parseFile("; nobody yet\n", "lan.txt");
    REQUIRE(read);
    CHECK_FALSE(read->empty());
    CHECK_FALSE(read->contains(ip("10.0.0.1")));
}

TEST_CASE("who forgets the mask is told which one", "[access]") {
    const auto message = [](std::string_view text) { return AddressList::parse(text).error().message; };
    CHECK(message("203.0.113.5") == "CONFIG: accesslist [203.0.113.5]- no mask separator found "
                                    "(for one address: 203.0.113.5/32)");
    CHECK(message("2001:db8::1").ends_with("(for one address: 2001:db8::1/128)"));
    CHECK(message("pbx.example").ends_with("(for the address of a host: pbx.example/32)"));
    CHECK(message("1.2.3").ends_with("no mask separator found"));
}

TEST_CASE("an exclusion with nothing before it is remarked upon", "[access]") {
    const auto idle = AddressList::parse("!10.0.0.7/32, !10.0.0.8-10.0.0.9, 10.0.0.0/8, !10.0.0.5/32");
    REQUIRE(idle);
    CHECK(idle->idleExclusions() ==
          std::vector<std::string>{"!10.0.0.7/32", "!10.0.0.8-10.0.0.9"});
    CHECK(AddressList::parse("pbx.example/32, !10.0.0.7/32")->idleExclusions().empty());
}
