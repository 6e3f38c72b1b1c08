// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/descriptors.h"

#include <sys/resource.h>

#include "app/start_check.h"
#include "config/load.h"
#include "in_child.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

config::Settings settings(const std::string& lines) {
    const auto loaded = config::read("if_inbound = a\nif_outbound = b\n" + lines, "a.conf");
    REQUIRE(loaded.ok());
    return loaded.settings;
}

/// As somebody who may not raise it.
bool limitTo(rlim_t most) {
    const rlimit limit{most, most};
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && (::geteuid() != 0 || ::setuid(65534) == 0);
}

}  // namespace

TEST_CASE("the limit of open files is raised within what is allowed", "[app]") {
    CHECK(inChild([] {
        rlimit limit{};
        if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < 128) {
            return false;
        }
        limit.rlim_cur = 64;
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return false;
        }
        if (!app::raiseDescriptorLimit(100) || !app::raiseDescriptorLimit(10)) {
            return false;
        }
        rlimit after{};
        return ::getrlimit(RLIMIT_NOFILE, &after) == 0 && after.rlim_cur == 100;
    }));
}

TEST_CASE("a limit that cannot be raised is raised as far as possible, with an error", "[app]") {
    if (::geteuid() == 0) {
        // Root may raise any limit up to the system's; nobody may not.
        CHECK(inChild([] {
            const rlimit limit{64, 128};
            if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || ::setuid(65534) != 0) {
                return false;
            }
            const auto raised = app::raiseDescriptorLimit(4096);
            rlimit after{};
            return !raised && raised.error().message.find("128") != std::string::npos &&
                   ::getrlimit(RLIMIT_NOFILE, &after) == 0 && after.rlim_cur == 128;
        }));
    } else {
        CHECK(inChild([] {
            const rlimit limit{64, 128};
            return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && !app::raiseDescriptorLimit(4096);
        }));
    }
}

TEST_CASE("each pair of ports takes four files", "[app]") {
    const auto few = app::descriptorsNeeded(settings("rtp_port_low = 7070\nrtp_port_high = 7089\n"));
    const auto more = app::descriptorsNeeded(settings("rtp_port_low = 7070\nrtp_port_high = 7189\n"));
    CHECK(more - few == 4 * 50);
    const auto none = app::descriptorsNeeded(settings("rtp_proxy_enable = 0\n"));
    CHECK(few - none > 4 * 10);
    CHECK(app::callsPossible(settings(""), few) == 10);
    CHECK(app::callsPossible(settings(""), 10) == 0);
}

TEST_CASE("more than the system ever allows is not possible, what is set already is", "[app]") {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(app::descriptorsPossible() >= limit.rlim_max);
    CHECK(inChild([] { return limitTo(1000) && app::descriptorsPossible() == 1000; }));
}

TEST_CASE("a range of ports for which there are not enough files is told with its place", "[app]") {
    const auto wide = settings("rtp_port_low = 20000\nrtp_port_high = 39999\n");
    CHECK(inChild([&] {
        if (!limitTo(5000)) {
            return false;
        }
        const auto problems = app::checkStart(wide);
        return problems.size() == 1 && problems[0].severity == config::Severity::Warning &&
               problems[0].toString().starts_with(
                   "a.conf:4: 5000 open files are allowed and ") &&
               problems[0].toString().find("room for " +
                                           std::to_string(app::callsPossible(wide, 5000)) +
                                           " calls") != std::string::npos;
    }));
    const auto usual = settings("");
    CHECK(inChild([&] { return limitTo(5000) && app::checkStart(usual).empty(); }));
}
