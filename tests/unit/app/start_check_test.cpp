// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/start_check.h"

#include <unistd.h>

#include "config/load.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

using Texts = std::vector<std::string>;

/// What is wrong with these lines, which begin at line 3 of a.conf.
Texts wrong(const std::string& lines) {
    const auto loaded = config::read("if_inbound = a\nif_outbound = b\n" + lines, "a.conf");
    REQUIRE(loaded.ok());
    Texts texts;
    for (const auto& problem : app::checkStart(loaded.settings)) {
        texts.push_back((problem.severity == config::Severity::Error ? "error " : "warning ") +
                        problem.toString());
    }
    return texts;
}

const char* const kIfRoot = ::geteuid() == 0 ? "error " : "warning ";

}  // namespace

TEST_CASE("two interfaces and nothing else make a start", "[app]") {
    CHECK(wrong("").empty());
}

TEST_CASE("a user and a jail that are not there are told with their place", "[app]") {
    CHECK(wrong("user = nosuchuser\n") ==
          Texts{std::string(kIfRoot) + "a.conf:3: user = nosuchuser: there is no such user"});
    CHECK(wrong("user = root\n").empty());
    CHECK(wrong("chrootjail = /nonexistent\n") ==
          Texts{"error a.conf:3: chrootjail = /nonexistent: No such file or directory"});
    CHECK(wrong("chrootjail = /dev/null\n") ==
          Texts{"error a.conf:3: chrootjail = /dev/null: Not a directory"});
    CHECK(wrong("chrootjail = /\n").empty() == (::geteuid() == 0));
}

TEST_CASE("ports that are wanted twice are told with their place", "[app]") {
    CHECK(wrong("rtp_port_low = 5060\nrtp_port_high = 5099\n") ==
          Texts{"warning a.conf:3: sip_listen_port (5060) is one of the relay's ports (5060 to 5099), "
                "which has a pair less for it"});
    CHECK(wrong("sip_listen_port = 7089\n").size() == 1);
    CHECK(wrong("sip_listen_port = 7090\n").empty());
    CHECK(wrong("sip_listen_port = 7089\nrtp_proxy_enable = 0\n").empty());
    // TLS is TCP, the relay is UDP.
    CHECK(wrong("tls_listen_port = 7070\ntls_certificate = x\n").empty());
    CHECK(wrong("tls_listen_port = 5060\n").empty());
    CHECK(wrong("tls_certificate = x\ntls_listen_port = 5060\n") ==
          Texts{"error a.conf:4: tls_listen_port and sip_listen_port are both 5060"});
    CHECK(wrong("tls_certificate = x\nsip_listen_port = 5061\n") ==
          Texts{"error a.conf:4: tls_listen_port and sip_listen_port are both 5061"});
    CHECK(wrong("debug_port = 5060\n") ==
          Texts{"warning a.conf:3: debug_port (5060) is a port for SIP, so there will be none"});
    CHECK(wrong("debug_port = 5061\n").empty());
}

TEST_CASE("files that could not be written are told with their place", "[app]") {
    const TemporaryDirectory directory;
    CHECK(wrong("registration_file = " + directory.file("registrations") +
                "\npid_file = " + directory.file("pid") + "\n")
              .empty());
    CHECK(wrong("registration_file = /nonexistent/registrations\npid_file = /dev/null/pid\n") ==
          Texts{"warning a.conf:3: registration_file = /nonexistent/registrations: No such file or "
                "directory: registrations will not be kept",
                "warning a.conf:4: pid_file = /dev/null/pid: Not a directory: it will not be written"});
    CHECK(wrong("registration_file = /proc/\n").size() == 1);
    // Inside of the jail.
    const auto jailed = wrong("chrootjail = " + directory.file("") + "\nregistration_file = /lib/x\n");
    REQUIRE(!jailed.empty());
    CHECK(jailed.back().starts_with("warning a.conf:4: registration_file = /lib/x: No such file"));
}

TEST_CASE("plugins that are not there are told with their place", "[app]") {
    const TemporaryDirectory directory;
    TemporaryDirectory::write(directory.file("plugin_one.so"), "");
    TemporaryDirectory::write(directory.file("plugin_two.la"), "");
    const auto plugindir = "plugindir = " + directory.file("") + "\n";
    CHECK(wrong(plugindir + "load_plugin = plugin_one.la\nload_plugin = plugin_two\n").empty());
    const auto missing = wrong(plugindir + "load_plugin = plugin_one\nload_plugin = plugin_tow.la\n");
    REQUIRE(missing.size() == 1);
    CHECK(missing[0].starts_with("warning a.conf:5: load_plugin = plugin_tow.la: there is no such "));
    CHECK(wrong("plugindir = /nonexistent\nload_plugin = plugin_one\nload_plugin = plugin_two\n") ==
          Texts{"warning a.conf:3: plugindir = /nonexistent/: No such file or directory: no plugin "
                "will be loaded"});
    CHECK(wrong("plugindir = /nonexistent\n").empty());
}
