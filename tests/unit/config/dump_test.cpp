// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/dump.h"

#include "config/load.h"
#include "config/schema.h"
#include "support/catch.h"

using namespace siproxd::config;

namespace {

/// The dump without its comments, which name files and lines.
std::string valuesOf(const std::string& dumped) {
    std::string values;
    for (std::size_t at = 0; at < dumped.size();) {
        const auto end = dumped.find('\n', at);
        if (dumped[at] != '#') {
            values += dumped.substr(at, end - at + 1);
        }
        at = end + 1;
    }
    return values;
}

}  // namespace

TEST_CASE("A dump names every directive", "[config]") {
    const std::string dumped = dump(Settings{});
    for (const Directive& directive : directives()) {
        INFO(directive.key);
        const std::string set = "\n" + std::string(directive.key) + " = ";
        const std::string unset = "\n#" + std::string(directive.key) + " =\n";
        const bool isSet = dumped.find(set) != std::string::npos;
        CHECK(isSet == (dumped.find(unset) == std::string::npos));
        CHECK(isSet == !defaultOf(directive).empty());
    }
}

TEST_CASE("A dump reads back as the same settings", "[config]") {
    const auto first = read("if_inbound = eth0\nif_outbound = ppp0\nhost_outbound = gw.example\n"
                            "rtp_port_low = 10001\nrtp_port_high = 10020\ndebug_level = -1\n"
                            "debug_bind = 2001:db8::1\nua_string = a = b  c\n"
                            "tcp_connect_timeout = 250\nrtp_output_dejitter = 100000\n"
                            "mask_host = m1\nmasked_host = m2\n"
                            "outbound_domain_name = a\noutbound_domain_name = b\n"
                            "outbound_domain_host = ha\noutbound_domain_host = hb\n"
                            "outbound_domain_port = 1\noutbound_domain_port = 2\n"
                            "load_plugin = x\nload_plugin = y\n"
                            "plugin_b = 2\nplugin_a = 1\nplugin_b = 3\n",
                            "a.conf");
    REQUIRE(first.ok());
    const std::string dumped = dump(first.settings);
    INFO(dumped);
    const auto second = read(dumped, "dump");
    CHECK(second.problems.empty());
    CHECK(valuesOf(dump(second.settings)) == valuesOf(dumped));
    CHECK(valuesOf(dumped).find("rtp_port_low = 10002\n\n") != std::string::npos);
    CHECK(valuesOf(dumped).find("rtp_port_high = 10021\n") != std::string::npos);
    CHECK(valuesOf(dumped).find("outbound_domain_name = a\noutbound_domain_host = ha\n"
                                "outbound_domain_port = 1\noutbound_domain_name = b\n") !=
          std::string::npos);
    CHECK(dumped.find("set by: a.conf:5)") != std::string::npos);
    CHECK(second.settings.plugins.options.size() == 3);
}
