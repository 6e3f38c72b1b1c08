// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/host_check.h"

#include "config/load.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::app;

namespace {

std::vector<std::string> warnings(const HostFacts& facts, const std::string& lines = "") {
    const auto loaded = config::read("if_inbound = a\nif_outbound = b\n" + lines, "a.conf");
    REQUIRE(loaded.ok());
    net::SelectedSide outbound;
    net::SelectedInterface interface;
    interface.name = "ppp0";
    interface.addresses.emplace_back();
    interface.addresses.back().ip = test::ip("203.0.113.1");
    outbound.interfaces.push_back(interface);
    return hostWarnings(facts, loaded.settings, outbound);
}

std::string only(const HostFacts& facts, const std::string& lines = "") {
    const auto found = warnings(facts, lines);
    CHECK(found.size() == 1);
    return found.empty() ? "" : found.front();
}

}  // namespace

TEST_CASE("of a machine that says nothing nothing is said", "[app]") {
    CHECK(warnings({}).empty());
    HostFacts facts;
    facts.modules = "nf_conntrack 172032 1 nf_nat, Live 0x0\nip_tables 32768 0 - Live 0x0\n";
    facts.conntrackHelper = "1\n";
    facts.localPortRange = "32768\t60999\n";
    facts.reservedPorts = "\n";
    facts.udpSockets = "   sl  local_address rem_address   st tx_queue rx_queue\n"
                       "  100: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000\n";
    facts.ruleset = "table inet filter {\n}\n";
    CHECK(warnings(facts).empty());
}

TEST_CASE("helpers of the kernel for SIP are found", "[app]") {
    HostFacts facts;
    facts.modules = "nf_nat_sip 20480 0 - Live 0x0\nnf_conntrack_sip 40960 1 nf_nat_sip, Live 0x0\n";
    CHECK_THAT(only(facts), Catch::Contains("nf_nat_sip and nf_conntrack_sip") &&
                                Catch::Contains("where a firewall rule assigns") &&
                                Catch::Contains("rmmod nf_nat_sip nf_conntrack_sip"));
    facts.conntrackHelper = "1\n";
    CHECK_THAT(only(facts), Catch::Contains("nf_conntrack_helper = 1"));
}

TEST_CASE("relay ports that others have are named", "[app]") {
    HostFacts facts;
    facts.udpSockets = "  sl  local_address\n"
                       "   1: 00000000:1B9E 00000000:0000 07\n"   // 7070
                       "   2: 0100007F:1BB1 00000000:0000 07\n"   // 7089
                       "   3: 0100007F:1BB2 00000000:0000 07\n"   // 7090
                       "   4: 00000000000000000000000000000000:1B9E 0000:0000 07\n"
                       "   x: y:zzzz\n   5:\n";
    CHECK_THAT(only(facts), Catch::StartsWith("2 of the relay's UDP ports 7070 to 7089 ") &&
                                Catch::EndsWith(": 7070, 7089"));
    CHECK(warnings(facts, "rtp_proxy_enable = 0\n").empty());
    facts.udpSockets += "   6: 0:1B9F\n   7: 0:1BA0\n   8: 0:1BA1\n   9: 0:1BA2\n";
    CHECK_THAT(only(facts), Catch::EndsWith(": 7070, 7071, 7072, 7073, 7074, ..."));
}

TEST_CASE("relay ports that others may be given are told", "[app]") {
    HostFacts facts;
    facts.localPortRange = "32768\t60999\n";
    const auto range = "rtp_port_low = 32000\nrtp_port_high = 33001\n";
    CHECK_THAT(only(facts, range),
               Catch::Contains("ip_local_reserved_ports = 32000-33001 keeps them free"));
    facts.reservedPorts = "8080,31000-34000\n";
    CHECK(warnings(facts, range).empty());
    facts.reservedPorts = "32000-32500,32501-33001\n";
    CHECK(warnings(facts, range).size() == 1);
}

TEST_CASE("a packet filter that keeps the outside out is told for SIP and media", "[app]") {
    HostFacts facts;
    const std::string head = "table ip filter {\n\tchain INPUT {\n"
                             "\t\ttype filter hook input priority filter; policy drop;\n";
    facts.ruleset = head + "\t\tiifname \"lo\" accept\n\t}\n}\n";
    const auto both = warnings(facts);
    REQUIRE(both.size() == 2);
    CHECK_THAT(both[0], Catch::Contains("(chain INPUT of table ip filter) lets nobody on ppp0 reach "
                                        "UDP port 5060: "));
    CHECK_THAT(both[1], Catch::Contains("UDP ports 7070 to 7089"));
    facts.ruleset = head + "\t\tudp dport 5060 accept\n\t}\n}\n";
    CHECK_THAT(only(facts), Catch::Contains("nothing will be heard"));
    facts.ruleset = head + "\t\tudp dport { 5060, 7070-7089 } accept\n\t}\n}\n";
    CHECK(warnings(facts).empty());
}
