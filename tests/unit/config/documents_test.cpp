// SPDX-License-Identifier: GPL-2.0-or-later
// The example file and the manual page say what the schema says.
#include "base/text.h"
#include "config/load.h"
#include "config/parser.h"
#include "config/schema.h"
#include "support/catch.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

using namespace siproxd;
using namespace siproxd::config;

namespace {

/// Of a plugin: tests/lab/test_plugin_documents.py asks the plugins which they have.
bool isPlugins(std::string_view key) {
    return key.starts_with("plugin_");
}

std::string contentOf(const std::string& name) {
    std::ifstream file(std::string(SRCDIR) + "/" + name);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A directive of the example file, switched on or (`#` right in front) off.
struct Setting {
    std::string key;
    std::string value;
    bool on;
    std::string explanation;  ///< comment lines of its paragraph
};

bool isProse(std::string_view line) {
    return line == "#" || line.starts_with("# ") || line.starts_with("##");
}

std::vector<Setting> settingsOfExample() {
    std::vector<Setting> settings;
    std::string explanation;
    const std::string text = contentOf("siproxd.conf.example");
    for (std::string_view line : base::split(text, '\n')) {
        if (line.empty()) {
            explanation.clear();
        } else if (isProse(line)) {
            explanation.append(line.substr(1)).append("\n");
        } else {
            const bool on = !line.starts_with('#');
            line.remove_prefix(on ? 0 : 1);
            const auto parsed = parseLine(line, {});
            INFO(line);
            REQUIRE(parsed);
            REQUIRE(*parsed);
            settings.push_back({(*parsed)->key, (*parsed)->value, on, explanation});
        }
    }
    return settings;
}

}  // namespace

TEST_CASE("The example file is a working configuration without a problem", "[config]") {
    const auto result = read(contentOf("siproxd.conf.example"), "siproxd.conf.example");
    for (const Problem& problem : result.problems) {
        INFO(problem.toString());
        CHECK(false);
    }
    CHECK(result.settings.network.ifInbound == "eth0");
    CHECK(result.settings.network.ifOutbound == "ppp0");
    CHECK(result.settings.process.daemonize);
    CHECK(result.settings.process.user == "nobody");
    CHECK(result.settings.process.pidFile == "/var/run/siproxd/siproxd.pid");
    CHECK(result.settings.registrar.registrationFile ==
          "/var/lib/siproxd/siproxd_registrations");
    CHECK(result.settings.plugins.loadPlugin.size() == 1);
}

TEST_CASE("The example file still has no problem when all of it is switched on", "[config]") {
    std::string text;
    for (const Setting& setting : settingsOfExample()) {
        text += setting.key + " = " + setting.value + "\n";
    }
    const auto result = read(text, "example");
    CHECK(result.problems.empty());
    CHECK(result.settings.proxy.outboundDomains.size() == 1);
}

TEST_CASE("The example file explains every directive and no other", "[config]") {
    std::set<std::string> explained;
    for (const Setting& setting : settingsOfExample()) {
        INFO(setting.key);
        explained.insert(setting.key);
        CHECK(setting.explanation.size() > 20);
        CHECK((findDirective(setting.key) != nullptr || isPlugins(setting.key)));
    }
    for (const Directive& directive : directives()) {
        INFO(directive.key);
        CHECK(explained.contains(std::string(directive.key)));
    }
}

TEST_CASE("The example file shows the defaults, but for those a daemon wants", "[config]") {
    const std::set<std::string_view> different = {"daemonize", "tcp_keepalive"};
    for (const Setting& setting : settingsOfExample()) {
        const Directive* directive = findDirective(setting.key);
        if (directive == nullptr || !directive->isNumber() || directive->isList()) {
            continue;
        }
        INFO(setting.key);
        const bool same = std::stoll(setting.value, nullptr, 0) ==
                          std::stoll(defaultOf(*directive), nullptr, 0);
        CHECK(same == !different.contains(setting.key));
    }
}

TEST_CASE("The manual page has every directive with its facts and no other", "[config]") {
    std::string page;
    for (const char c : contentOf("doc/siproxd.conf.5")) {
        // A minus sign is \- in roff.
        if (c == '-' && page.ends_with('\\')) {
            page.pop_back();
        }
        page += c;
    }
    for (const Directive& directive : directives()) {
        const std::string entry = ".TP\n.B " + std::string(directive.key) + "\n.I " +
                                  factsOf(directive) + "\n.br\n";
        INFO(entry);
        CHECK(page.find(entry) != std::string::npos);
    }
    for (std::size_t at = 0; (at = page.find(".TP\n.B ", at)) != std::string::npos;) {
        at += 7;
        const std::string key = page.substr(at, page.find('\n', at) - at);
        INFO(key);
        CHECK((findDirective(key) != nullptr || isPlugins(key)));
    }
}
