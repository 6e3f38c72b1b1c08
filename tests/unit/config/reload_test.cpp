// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/reload.h"

#include "config/load.h"
#include "support/catch.h"

using namespace siproxd::config;

namespace {

Settings settingsOf(const std::string& lines) {
    auto result = read("if_inbound = eth0\nif_outbound = ppp0\n" + lines, "a.conf");
    REQUIRE(result.ok());
    return std::move(result.settings);
}

using Keys = std::vector<std::string_view>;

}  // namespace

TEST_CASE("A reload of the same file changes nothing", "[config]") {
    const Settings running = settingsOf("default_expires = 60\nplugin_a = 1\n");
    const auto reloaded = reload(running, settingsOf("# moved\ndefault_expires = 60\nplugin_a = 1\n"));
    CHECK(reloaded.changed.empty());
    CHECK(reloaded.needRestart.empty());
    CHECK(reloaded.settings.where("default_expires") == "a.conf:4");
}

TEST_CASE("A reload takes over what may change and names what may not", "[config]") {
    const Settings running = settingsOf("default_expires = 60\nsip_listen_port = 5060\nplugin_a = 1\n"
                                        "hosts_allow_reg = 10.0.0.0/8\n");
    const auto reloaded = reload(
        running, settingsOf("default_expires = 90\nsip_listen_port = 5070\nplugin_a = 2\n"
                            "load_plugin = x\n"
                            "outbound_domain_name = a\noutbound_domain_host = ha\n"
                            "outbound_domain_port = 1\n"));
    CHECK(reloaded.changed == Keys{"hosts_allow_reg", "default_expires", "outbound_domain_name",
                                   "outbound_domain_host", "outbound_domain_port"});
    CHECK(reloaded.needRestart == Keys{"sip_listen_port", "load_plugin", "plugin_*"});
    CHECK(reloaded.settings.registrar.defaultExpires.count() == 90);
    CHECK(reloaded.settings.network.sipListenPort == 5060);
    CHECK(reloaded.settings.access.hostsAllowReg.empty());
    CHECK(reloaded.settings.proxy.outboundDomains.size() == 1);
    CHECK(reloaded.settings.plugins.loadPlugin.empty());
    REQUIRE(reloaded.settings.plugins.options.size() == 1);
    CHECK(reloaded.settings.plugins.options[0].value == "1");
}
