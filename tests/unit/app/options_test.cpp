// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/options.h"

#include "support/catch.h"

using namespace siproxd;
using app::Action;

namespace {

base::Result<app::Options> parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "siproxd");
    std::vector<char*> argv;
    for (auto& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    return app::parseOptions(static_cast<int>(arguments.size()), argv.data());
}

app::Options parsed(std::vector<std::string> arguments) {
    auto options = parse(std::move(arguments));
    REQUIRE(options);
    return *options;
}

}  // namespace

TEST_CASE("without arguments the daemon runs with what it finds", "[app]") {
    const auto options = parsed({});
    CHECK(options.action == Action::Run);
    CHECK(options.configFile.empty());
    CHECK(options.pidFile.empty());
    CHECK(!options.debugLevel);
    CHECK(options.overrides.empty());
    CHECK(options.unknown.empty());
}

TEST_CASE("options of the original take their value in either form", "[app]") {
    const std::string longPath(300, 'x');
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"-c", longPath, "-p", "/run/x.pid", "-d", "31"},
             {"--config", longPath, "--pid-file", "/run/x.pid", "--debug", "0x1F"},
             {"--config=" + longPath, "--pid-file=/run/x.pid", "--debug=31"}}) {
        const auto options = parsed(arguments);
        CHECK(options.configFile == longPath);
        CHECK(options.pidFile == "/run/x.pid");
        CHECK(options.debugLevel == 31U);
    }
}

TEST_CASE("debug -1 means all classes and nonsense is an error", "[app]") {
    CHECK(parsed({"-d", "-1"}).debugLevel == UINT32_MAX);
    CHECK(parsed({"-d", "0"}).debugLevel == 0U);
    for (const std::string level : {"", "x", "1x", "-2", "4294967296", "99999999999999999999"}) {
        INFO(level);
        const auto options = parse({"-d", level});
        REQUIRE(!options);
        CHECK(options.error().message.find("debug") != std::string::npos);
    }
}

TEST_CASE("an option without its argument is an error that names it", "[app]") {
    for (const std::string option : {"-c", "--config", "-p", "--pid-file", "-d", "--check-plugin"}) {
        const auto options = parse({option});
        REQUIRE(!options);
        CHECK(options.error().message.find(option) != std::string::npos);
    }
}

TEST_CASE("each action has its option", "[app]") {
    CHECK(parsed({"-h"}).action == Action::Help);
    CHECK(parsed({"--help"}).action == Action::Help);
    CHECK(parsed({"-V"}).action == Action::Version);
    CHECK(parsed({"--version"}).action == Action::Version);
    CHECK(parsed({"--check-config"}).action == Action::CheckConfig);
    CHECK(parsed({"--dump-config"}).action == Action::DumpConfig);
    CHECK(parsed({"--suggest-interfaces"}).action == Action::SuggestInterfaces);
    const auto route = parsed({"--route-test", "+441", "alice@example.org", "-c", "x.conf"});
    CHECK(route.action == Action::RouteTest);
    CHECK(route.number == "+441");
    CHECK(route.caller == "alice@example.org");
    CHECK(route.configFile == "x.conf");
    CHECK(parsed({"--show-firewall"}).showFirewall);
    const auto check = parsed({"--check-plugin", "plugin_x.so"});
    CHECK(check.action == Action::CheckPlugin);
    CHECK(check.plugin == "plugin_x.so");
}

TEST_CASE("directives may be given on the command line", "[app]") {
    const auto options = parsed({"if_inbound=eth0", "-d", "1", "ua_string=a = b"});
    CHECK(options.overrides == std::vector<std::string>{"if_inbound=eth0", "ua_string=a = b"});
    CHECK(options.debugLevel == 1U);
}

TEST_CASE("unknown short options are collected and stop nothing", "[app]") {
    const auto options = parsed({"-x", "word", "--", "-c", "file"});
    CHECK(options.unknown == std::vector<std::string>{"-x", "word", "--"});
    CHECK(options.configFile == "file");
}

TEST_CASE("a mistyped long option starts no daemon", "[app]") {
    CHECK(parse({"--check-confg"}).error().message ==
          "unknown option --check-confg, did you mean --check-config?");
    CHECK(parse({"--pidfile=/run/x.pid"}).error().message ==
          "unknown option --pidfile, did you mean --pid-file?");
    CHECK(parse({"--frobnicate=3"}).error().message == "unknown option --frobnicate");
}

TEST_CASE("the help names every option", "[app]") {
    const auto help = app::helpText();
    for (const std::string option :
         {"--help", "--version", "--config", "--pid-file", "--debug", "--check-config",
          "--dump-config", "--check-plugin", "--route-test", "--suggest-interfaces", "--show-firewall"}) {
        INFO(option);
        CHECK(help.find(option) != std::string::npos);
    }
}
