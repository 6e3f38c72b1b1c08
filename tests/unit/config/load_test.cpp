// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/load.h"

#include "support/catch.h"
#include "support/temporary_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using namespace siproxd;
using namespace siproxd::config;

namespace {

constexpr const char* kMinimal = "if_inbound = eth0\nif_outbound = ppp0\n";

/// The result for these lines, which begin at line 3 of a.conf.
LoadResult readLines(const std::string& lines, const std::vector<std::string>& overrides = {}) {
    return read(kMinimal + lines, "a.conf", overrides);
}

std::vector<std::string> texts(const LoadResult& result) {
    std::vector<std::string> texts;
    for (const Problem& problem : result.problems) {
        texts.push_back((problem.severity == Severity::Error ? "error " : "warning ") +
                        problem.toString());
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("Two interfaces are all that is needed", "[config]") {
    const auto result = readLines("");
    CHECK(texts(result).empty());
    CHECK(result.ok());
    CHECK(result.settings.network.ifInbound == "eth0");
    CHECK(result.settings.network.ifOutbound == "ppp0");
    CHECK(result.settings.where("if_outbound") == "a.conf:2");
    CHECK(result.settings.where("rtp_timeout") == "default");
}

TEST_CASE("An empty configuration says which interfaces are missing", "[config]") {
    const auto result = read("", "a.conf");
    CHECK_FALSE(result.ok());
    CHECK(texts(result) ==
          Texts{"error a.conf: if_inbound is not set. Interfaces of the local network, where the "
                "phones are: names, addresses or auto.",
                "error a.conf: if_outbound is not set. Interface to the Internet: name, address or "
                "auto; the same as if_inbound in front of a NAT router."});
}

TEST_CASE("All problems are reported at once, each with its line", "[config]") {
    const auto result = readLines("nonsense\n"
                                  "sip_listen_port = 70000\n"
                                  "log_calls = 1\n"
                                  "rtp_timeout = soon\n"
                                  "user =\n"
                                  "rtp_proxy_enable = 2\n");
    CHECK(texts(result) ==
          Texts{"warning a.conf:3: Syntax error in config file [nonsense]",
                "error a.conf:4: sip_listen_port = 70000 is out of range (1 to 65535)",
                "warning a.conf:5: unknown keyword in config file, line:\"log_calls = 1\"",
                "error a.conf:6: illegal format in config file, line:\"rtp_timeout = soon\": an "
                "integer is needed",
                "warning a.conf:7: empty argument in config file, line:\"user =\"",
                "error a.conf:8: CONFIG: rtp_proxy_enable has invalid value"});
    CHECK_FALSE(result.ok());
    CHECK(result.settings.network.sipListenPort == 5060);
}

TEST_CASE("Lines that generated files are known to have do not stop the start", "[config]") {
    const auto result = readLines("unknown_directive = 1\n"
                                  "IF_INBOUND = eth9\n"
                                  "my_user = root\n"
                                  "no equals sign\n"
                                  "chrootjail =\n");
    CHECK(result.ok());
    CHECK(result.problems.size() == 5);
    CHECK(result.settings.network.ifInbound == "eth0");
    CHECK(result.settings.process.user.empty());
}

TEST_CASE("A value that contains the name of a directive is a value (B8)", "[config]") {
    const auto result = readLines("ua_string = My user agent\n"
                                  "registration_file = /home/user/if_inbound\n");
    CHECK(texts(result).empty());
    CHECK(result.settings.proxy.uaString == "My user agent");
    CHECK(result.settings.registrar.registrationFile == "/home/user/if_inbound");
    CHECK(result.settings.process.user.empty());
}

TEST_CASE("The last line of a scalar wins", "[config]") {
    const auto result = readLines("user = a\nif_inbound = eth1\nuser = b\n");
    CHECK(texts(result).empty());
    CHECK(result.settings.process.user == "b");
    CHECK(result.settings.network.ifInbound == "eth1");
    CHECK(result.settings.where("user") == "a.conf:5");
}

TEST_CASE("Lists take any number of lines in order", "[config]") {
    std::string lines;
    for (int i = 0; i < 1000; ++i) {
        lines += "load_plugin = plugin_" + std::to_string(i) + ".la\n";
    }
    const auto result = readLines(lines);
    CHECK(texts(result).empty());
    const auto& plugins = result.settings.plugins.loadPlugin;
    REQUIRE(plugins.size() == 1000);
    CHECK(plugins[0].text == "plugin_0.la");
    CHECK(plugins[999].text == "plugin_999.la");
    CHECK(plugins[999].origin.line == 1002);
}

TEST_CASE("Access lists keep their place for those who check them", "[config]") {
    const auto result = readLines("hosts_allow_reg = 192.168.1.0/24,192.168.2.0/24\n");
    const auto& list = result.settings.access.hostsAllowReg;
    CHECK(list.text == "192.168.1.0/24,192.168.2.0/24");
    CHECK(list.origin.toString() == "a.conf:3");
    CHECK(result.settings.access.hostsDenySip.empty());
}

TEST_CASE("Outbound domains are records in either order of lines", "[config]") {
    const char* const orders[] = {
        "outbound_domain_name = a\noutbound_domain_host = ha\noutbound_domain_port = 5061\n"
        "outbound_domain_name = b\noutbound_domain_host = hb\noutbound_domain_port = 0\n",
        "outbound_domain_name = a\noutbound_domain_name = b\noutbound_domain_port = 5061\n"
        "outbound_domain_port = 0\noutbound_domain_host = ha\noutbound_domain_host = hb\n"};
    for (const char* order : orders) {
        INFO(order);
        const auto result = readLines(order);
        CHECK(texts(result).empty());
        const auto& domains = result.settings.proxy.outboundDomains;
        REQUIRE(domains.size() == 2);
        CHECK(domains[0].name == "a");
        CHECK(domains[0].host == "ha");
        CHECK(domains[0].port == 5061);
        CHECK(domains[0].origin.line == 3);
        CHECK(domains[1].name == "b");
        CHECK(domains[1].host == "hb");
        CHECK(domains[1].port == 0);
    }
}

TEST_CASE("Incomplete records are all ignored and said so", "[config]") {
    const auto result = readLines("outbound_domain_name = a\n"
                                  "outbound_domain_host = ha\n"
                                  "outbound_domain_port = 5060\n"
                                  "outbound_domain_name = b\n"
                                  "mask_host = x\n");
    CHECK(result.ok());
    CHECK(texts(result) ==
          Texts{"warning a.conf:5: configuration of outbound_domain_ inconsistent, check config (2 "
                "outbound_domain_name, 1 outbound_domain_host, 1 outbound_domain_port; all are "
                "ignored)",
                "warning a.conf:7: # of mask_host is not equal to # of masked_host in config! (1 "
                "mask_host, 0 masked_host; all are ignored)"});
    CHECK(result.settings.proxy.outboundDomains.empty());
    CHECK(result.settings.registrar.maskedHosts.empty());
}

TEST_CASE("A record with a wrong number is one error, not two", "[config]") {
    const auto result = readLines("outbound_domain_name = a\n"
                                  "outbound_domain_host = ha\n"
                                  "outbound_domain_port = sip\n");
    CHECK_FALSE(result.ok());
    CHECK(result.problems.size() == 1);
}

TEST_CASE("Relay ports are made even", "[config]") {
    struct Case {
        const char* low;
        const char* high;
        int usedLow;
        int usedHigh;
        const char* problem;
    };
    const Case cases[] = {
        {"7070", "7089", 7070, 7088, ""},
        {"7070", "7088", 7070, 7088, ""},
        {"7071", "7089", 7072, 7088, "warning a.conf:3: rtp_port_low must be even, 7072 is used"},
        {"7070", "7071", 7070, 7070, ""},
        {"1", "65535", 2, 65534, "warning a.conf:3: rtp_port_low must be even, 2 is used"},
        {"7090", "7089", 7090, 7088,
         "error a.conf:4: no port for media: rtp_port_high (7089) is below rtp_port_low (7090)"},
    };
    for (const Case& c : cases) {
        INFO(c.low << " to " << c.high);
        const auto result = readLines(std::string("rtp_port_low = ") + c.low +
                                      "\nrtp_port_high = " + c.high + "\n");
        CHECK(result.settings.media.rtpPortLow == c.usedLow);
        CHECK(result.settings.media.rtpPortHigh == c.usedHigh);
        CHECK(texts(result) == (*c.problem == '\0' ? Texts{} : Texts{c.problem}));
    }
}

TEST_CASE("A low relay port above the default high one is an error at its line", "[config]") {
    const auto result = readLines("rtp_port_low = 10000\n");
    REQUIRE(result.problems.size() == 1);
    CHECK_FALSE(result.ok());
    CHECK(result.problems[0].origin.toString() == "a.conf:3");
}

TEST_CASE("Octal numbers count and are warned about", "[config]") {
    const auto result = readLines("sip_listen_port = 010\ndebug_level = 0x0000001F\n");
    CHECK(result.settings.network.sipListenPort == 8);
    CHECK(result.settings.log.debugLevel == 0x1f);
    CHECK(texts(result) == Texts{"warning a.conf:3: sip_listen_port = 010 has a leading zero, is "
                                 "read as octal and means 8"});
}

TEST_CASE("All debug classes are -1", "[config]") {
    CHECK(readLines("debug_level = -1\n").settings.log.debugLevel == 0xffffffffU);
}

TEST_CASE("A text that ends at a # is warned about, a number is not", "[config]") {
    const auto result = readLines("proxy_auth_passwd = ab#cd\n"
                                  "plugin_regex_pattern = ^#31\n"
                                  "rtp_timeout = 60# one minute\n");
    CHECK(texts(result) ==
          Texts{"warning a.conf:3: the value of proxy_auth_passwd ends before the '#', which "
                "starts a comment",
                "warning a.conf:4: the value of plugin_regex_pattern ends before the '#', which "
                "starts a comment"});
    CHECK(result.settings.access.proxyAuthPasswd == "ab");
    CHECK(result.settings.media.rtpTimeout.count() == 60);
}

TEST_CASE("Options of plugins are kept in order and not checked", "[config]") {
    const auto result = readLines("plugin_shortdial_akey = *00\n"
                                  "plugindir = /opt/plugins\n"
                                  "plugin_shortdial_entry = 1\n"
                                  "plugin_regex_desc = d\n"
                                  "plugin_regex_body_desc = e\n"
                                  "plugin_shortdial_entry = 2\n");
    CHECK(texts(result).empty());
    CHECK(result.settings.plugins.plugindir == "/opt/plugins/");
    const PluginOptions options(result.settings.plugins);
    REQUIRE(options.last("plugin_shortdial_entry") != nullptr);
    CHECK(options.last("plugin_shortdial_entry")->value == "2");
    CHECK(options.last("plugin_shortdial_entry")->origin.toString() == "a.conf:8");
    CHECK(options.last("plugin_shortdial") == nullptr);
    REQUIRE(options.all("plugin_shortdial_entry").size() == 2);
    CHECK(options.all("plugin_shortdial_entry")[0]->value == "1");
    CHECK(options.of("plugin_shortdial").size() == 3);
    CHECK(options.of("plugin_regex").size() == 2);
    CHECK(options.of("plugin_regex_body").size() == 1);
    CHECK(options.of("plugin_short").empty());
}

TEST_CASE("The command line wins over the file by the same rules", "[config]") {
    const auto result =
        readLines("load_plugin = a\nuser = nobody\n",
                  {"if_inbound=lo", "user = root", "load_plugin=b", "plugin_demo_string=x"});
    CHECK(texts(result).empty());
    CHECK(result.settings.network.ifInbound == "lo");
    CHECK(result.settings.where("if_inbound") == "command line");
    CHECK(result.settings.process.user == "root");
    CHECK(result.settings.plugins.loadPlugin.size() == 2);
    CHECK(result.settings.plugins.options.size() == 1);
}

TEST_CASE("Nothing on the command line is skipped in silence", "[config]") {
    for (const char* wrong : {"if_inbound", "if_inbound=", "=eth0", "", "# x", "if_inboun=eth0",
                              "sip_listen_port=0", "user=a\nif_inbound=b"}) {
        INFO(wrong);
        const auto result = readLines("", {wrong});
        CHECK_FALSE(result.ok());
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].toString().starts_with("command line: "));
    }
}

TEST_CASE("The command line can complete an empty file", "[config]") {
    CHECK(load("/dev/null", std::vector<std::string>{"if_inbound=a", "if_outbound=b"}).ok());
}

TEST_CASE("A file is read from disk and named in messages", "[config]") {
    const test::TemporaryDirectory directory;
    const auto name = directory.file("siproxd.conf");
    directory.write(name, std::string(kMinimal) + "rtp_timeout = never\n");
    const auto result = load(name);
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].toString() ==
          name + ":3: illegal format in config file, line:\"rtp_timeout = never\": an "
                              "integer is needed");
}

TEST_CASE("A file that cannot be read is an error", "[config]") {
    const auto missing = load("/nonexistent/siproxd.conf");
    CHECK(texts(missing) == Texts{"error /nonexistent/siproxd.conf: could not open config file: No "
                                  "such file or directory"});
    const auto directory = load("/");
    CHECK_FALSE(directory.ok());
    REQUIRE(directory.problems.size() == 1);
    CHECK(directory.problems[0].message == "could not read config file: Is a directory");
}

TEST_CASE("A file without end is given up", "[config]") {
    const auto endless = load("/dev/zero");
    REQUIRE(endless.problems.size() == 1);
    CHECK(endless.problems[0].message == "could not read config file: it is longer than 16 MB");
}

TEST_CASE("The file is looked for in the home directory first, if there is one (B24)", "[config]") {
    const auto path = searchPath("/home/joe");
    REQUIRE(path.size() >= 5);
    CHECK(path[0] == "/home/joe/.siproxdrc");
    CHECK(path[1] == SYSCONFDIR "/siproxd.conf");
    for (const char* home : {static_cast<const char*>(nullptr), ""}) {
        const auto homeless = searchPath(home);
        CHECK(homeless == std::vector<std::string>(path.begin() + 1, path.end()));
    }
    const std::vector<std::string> known{"/etc/siproxd.conf", "/etc/siproxd/siproxd.conf",
                                         "/usr/etc/siproxd.conf", "/usr/local/etc/siproxd.conf"};
    for (const std::string& name : known) {
        CHECK(std::count(path.begin(), path.end(), name) == 1);
    }
}

TEST_CASE("What is found must be a file, and nothing is waited for", "[config]") {
    test::TemporaryDirectory home;
    const auto name = home.file(".siproxdrc");
    const std::string before = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
    ::setenv("HOME", home.path().c_str(), 1);
    SECTION("a file") {
        test::TemporaryDirectory::write(name, kMinimal);
        CHECK(findFile() == name);
    }
    SECTION("a device, which holds no more than it says") {
        std::filesystem::create_symlink("/dev/null", name);
        CHECK(findFile() == name);
    }
    SECTION("a pipe that nobody writes to") {
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        const auto found = findFile();
        REQUIRE_FALSE(found);
        CHECK(found.error().message ==
              "could not open config file: " + name + ": not a regular file");
    }
    SECTION("a directory") {
        std::filesystem::create_directory(name);
        CHECK_FALSE(findFile());
    }
    SECTION("a name that leads nowhere is passed over") {
        std::filesystem::create_symlink(home.file("nothing"), name);
        CHECK(findFile().value_or("") != name);
    }
    ::setenv("HOME", before.c_str(), 1);
}

TEST_CASE("A choice takes its words and no other", "[config]") {
    CHECK(readLines("tls_min_version = 1.3\n").settings.tls.tlsMinVersion == "1.3");
    const auto wrong = readLines("tls_min_version = 1.1\n");
    CHECK_FALSE(wrong.ok());
    REQUIRE(texts(wrong).size() == 1);
    CHECK(texts(wrong)[0].find("tls_min_version = 1.1 is none of 1.2, 1.3") != std::string::npos);
}

TEST_CASE("A choice is taken in any case and is what the manual calls it", "[config]") {
    const auto result = readLines("nat_keepalive_method = CRLF\n");
    CHECK(texts(result).empty());
    CHECK(result.settings.registrar.natKeepaliveMethod == "crlf");
}

TEST_CASE("Who says yes to a flag is told what it takes", "[config]") {
    CHECK(texts(readLines("daemonize = yes\n")) ==
          Texts{"error a.conf:3: illegal format in config file, line:\"daemonize = yes\": 0 or 1 is "
                "needed"});
}

TEST_CASE("Who has mistyped a directive is told which one it may be", "[config]") {
    for (const auto& [written, meant] :
         {std::pair{"hosts_alow_reg", "hosts_allow_reg"}, std::pair{"Daemonize", "daemonize"},
          std::pair{"dns_tires", "dns_tries"}, std::pair{"sip_listen_prot", "sip_listen_port"}}) {
        INFO(written);
        CHECK(texts(readLines(std::string(written) + " = 1\n")) ==
              Texts{std::string("warning a.conf:3: unknown keyword in config file, line:\"") + written +
                    " = 1\", did you mean " + meant + "?"});
    }
    for (const char* strange : {"log_calls", "xyz", "usr1", "a", "pi_shortdial_akey"}) {
        INFO(strange);
        CHECK(texts(readLines(std::string(strange) + " = 1\n"))[0].find("did you mean") ==
              std::string::npos);
    }
}

TEST_CASE("The next hop is a host, and its port stands elsewhere", "[config]") {
    for (const char* good : {"proxy.example.org", "192.0.2.1", "2001:db8::1", "[2001:db8::1]",
                             "proxy.example.org;transport=TLS"}) {
        INFO(good);
        CHECK(texts(readLines(std::string("outbound_proxy_host = ") + good + "\n")).empty());
    }
    struct Case {
        const char* text;
        const char* hint;
    };
    for (const Case& c :
         {Case{"proxy.example.org:5070", "outbound_proxy_port = 5070"},
          Case{"192.0.2.1:5070;transport=tcp", "outbound_proxy_port = 5070"},
          Case{"[2001:db8::1]:5070", "outbound_proxy_port = 5070"},
          Case{"sip:proxy.example.org", "without sip:"},
          Case{"sips:proxy.example.org", ";transport=tls"},
          Case{"proxy.example.org ; lr", "only ;transport"},
          Case{"a proxy", "a host name or an IP address is needed"},
          Case{";transport=tls", "a host name or an IP address is needed"}}) {
        INFO(c.text);
        const auto found = texts(readLines(std::string("outbound_proxy_host = ") + c.text + "\n"));
        REQUIRE(found.size() == 1);
        CHECK(found[0].starts_with("error a.conf:3: outbound_proxy_host = "));
        CHECK(found[0].find(c.hint) != std::string::npos);
    }
    const auto domain = texts(readLines("outbound_domain_name = a.example\n"
                                        "outbound_domain_host = b.example:5070\n"
                                        "outbound_domain_port = 0\n"));
    REQUIRE(domain.size() == 1);
    CHECK(domain[0].starts_with("error a.conf:4: outbound_domain_host = b.example:5070: "));
    CHECK(domain[0].find("outbound_domain_port = 5070") != std::string::npos);
}

TEST_CASE("Local domains are names, and commas are between them", "[config]") {
    CHECK(texts(readLines("local_domains = a.example, b.example,\nlocal_domains = 192.0.2.1\n"))
              .empty());
    for (const char* wrong : {"a.example b.example", "*.example", "sip:a.example", "a.example:5060"}) {
        INFO(wrong);
        const auto found = texts(readLines(std::string("local_domains = ok.example, ") + wrong + "\n"));
        REQUIRE(found.size() == 1);
        CHECK(found[0].starts_with(std::string("error a.conf:3: local_domains: ") + wrong));
    }
}

TEST_CASE("The longest lifetime is not below the shortest", "[config]") {
    CHECK(texts(readLines("min_expires = 60\nmax_expires = 60\n")).empty());
    CHECK(texts(readLines("min_expires = 60\nmax_expires = 59\n")) ==
          Texts{"error a.conf:4: max_expires (59) is below min_expires (60)"});
    CHECK(texts(readLines("max_expires = 9\n")) ==
          Texts{"error a.conf:3: max_expires (9) is below min_expires (10)"});
}
