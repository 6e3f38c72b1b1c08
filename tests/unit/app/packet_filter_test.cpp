// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/packet_filter.h"

#include "support/catch.h"

using namespace siproxd::app;

namespace {

/// An input chain with these rules.
std::string ruleset(const std::string& rules, const std::string& policy = "drop",
                    const std::string& table = "inet filter") {
    return "table " + table + " {\n\tset lan {\n\t\ttype ipv4_addr\n\t}\n\n"
           "\tchain more {\n\t\tiifname \"ppp0\" udp dport 5060 accept\n\t}\n\n"
           "\tchain strict {\n\t\tudp dport 5060 drop\n\t}\n\n"
           "\tchain round {\n\t\tjump round\n\t}\n\n"
           "\tchain input {\n\t\ttype filter hook input priority filter; policy " + policy +
           ";\n" + rules + "\t}\n}\n";
}

bool isBlocked(const std::string& text, std::uint16_t first = 5060, std::uint16_t last = 0) {
    return findBlockingChain(text, {first, last == 0 ? first : last, {"ppp0"}, false}).has_value();
}

}  // namespace

TEST_CASE("what no rule accepts a policy drops", "[app]") {
    CHECK(findBlockingChain(ruleset(""), {5060, 5060, {"ppp0"}, false}) ==
          "input of table inet filter");
    CHECK_FALSE(isBlocked(ruleset("", "accept")));
    CHECK_FALSE(isBlocked(""));
    CHECK_FALSE(isBlocked("table inet filter {\n\tchain forward {\n\t\ttype filter hook forward "
                          "priority filter; policy drop;\n\t}\n}\n"));
}

TEST_CASE("rules that let the port in are found", "[app]") {
    const char* const rule = GENERATE(
        "udp dport 5060 accept", "udp dport 5000-6000 counter packets 1 bytes 2 accept",
        "udp dport { 53, 5060, 7070-7089 } accept", "iifname \"ppp0\" accept",
        "iif { \"eth1\", \"ppp0\" } meta l4proto udp udp dport 5060 accept comment \"SIP\"",
        "ct state { established, new } accept", "iifname != \"eth0\" accept", "jump more",
        "ip protocol udp accept", "log prefix \"in drop \" level info udp dport 5060 accept",
        "meta l4proto { tcp, udp } accept", "accept");
    CAPTURE(rule);
    CHECK_FALSE(isBlocked(ruleset(std::string("\t\t") + rule + "\n")));
}

TEST_CASE("rules for something else do not let it in", "[app]") {
    const char* const rule = GENERATE(
        "udp dport 5061 accept", "tcp dport 5060 accept", "iifname \"lo\" accept",
        "ct state established,related accept", "udp dport { 53, 67-68 } accept",
        "icmp type echo-request accept", "iifname \"eth0\" udp dport 5060 accept",
        "meta l4proto tcp accept", "udp dport 5060 counter packets 3 bytes 5 drop",
        "jump strict", "udp dport 5060 reject with icmp port-unreachable", "counter",
        "ip6 saddr fe80::/10 accept", "return", "ct state invalid drop");
    CAPTURE(rule);
    CHECK(isBlocked(ruleset(std::string("\t\t") + rule + "\n")));
}

TEST_CASE("nobody is frightened by what is not understood", "[app]") {
    const char* const rule = GENERATE(
        "ip saddr 203.0.113.0/24 accept", "udp dport @ports accept", "udp dport sip accept",
        "limit rate 10/second accept", "jump nowhere", "jump round", "ct state vmap { new : jump x }",
        "iifname \"ppp*\" accept", "meta mark 0x1 accept", "queue to 0", "ip saddr @lan jump more",
        "udp dport 5060-5062 ip saddr @lan accept");
    CAPTURE(rule);
    CHECK_FALSE(isBlocked(ruleset(std::string("\t\t") + rule + "\n")));
}

TEST_CASE("a rule against some does not block all", "[app]") {
    CHECK_FALSE(isBlocked(ruleset("\t\tip saddr 198.51.100.1 drop\n", "accept")));
    CHECK_FALSE(isBlocked(ruleset("\t\tip saddr @lan jump strict\n", "accept")));
    CHECK(isBlocked(ruleset("\t\tip saddr @lan jump strict\n")));
    CHECK(isBlocked(ruleset("\t\tudp dport 5060 drop\n", "accept")));
    CHECK_FALSE(isBlocked(ruleset("\t\tudp dport 5060 accept\n\t\tudp dport 5060 drop\n")));
}

TEST_CASE("a range has to be let in as a whole to be sure", "[app]") {
    CHECK(isBlocked(ruleset("\t\tudp dport 5060 accept\n"), 7070, 7089));
    CHECK_FALSE(isBlocked(ruleset("\t\tudp dport 7000-8000 accept\n"), 7070, 7089));
    CHECK_FALSE(isBlocked(ruleset("\t\tudp dport 7070-7075 accept\n"), 7070, 7089));
}

TEST_CASE("each IP version has its tables", "[app]") {
    const auto blocked = [](const std::string& table, bool v6) {
        return findBlockingChain(ruleset("", "drop", table), {5060, 5060, {"ppp0"}, v6}).has_value();
    };
    CHECK(blocked("inet filter", true));
    CHECK(blocked("ip filter", false));
    CHECK_FALSE(blocked("ip filter", true));
    CHECK(blocked("ip6 filter", true));
    CHECK_FALSE(blocked("ip6 filter", false));
    CHECK_FALSE(blocked("bridge filter", false));
}
