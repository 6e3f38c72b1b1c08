// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/options.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "app/version.h"
#include "base/text.h"
#include "config/suggestion.h"

namespace siproxd::app {

namespace {

constexpr std::string_view kLongOptions[] = {
    "--help",         "--version",      "--config",       "--pid-file",           "--debug",
    "--check-config", "--dump-config", "--check-plugin", "--route-test", "--suggest-interfaces",
    "--show-firewall"};

std::optional<std::uint32_t> debugLevelFrom(const std::string& text) {
    // Decimal, hexadecimal with 0x, or -1 for everything.
    char* end = nullptr;
    errno = 0;
    const long long value = std::strtoll(text.c_str(), &end, 0);
    if (errno != 0 || end == text.c_str() || *end != '\0' || value < -1 || value > UINT32_MAX) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(value);
}

/// Walks through the arguments; options take their value as `--name value` or `--name=value`.
class Arguments {
public:
    Arguments(int argc, char* argv[]) : rest_(argv + 1, argv + argc) {}

    [[nodiscard]] bool next() {
        if (at_ == rest_.size()) {
            return false;
        }
        current_ = rest_[at_++];
        inlineValue_.reset();
        const auto equals = current_.find('=');
        if (current_.starts_with("--") && equals != std::string::npos) {
            inlineValue_ = current_.substr(equals + 1);
            current_.resize(equals);
        }
        return true;
    }
    [[nodiscard]] bool is(std::string_view shortName, std::string_view longName) const {
        return current_ == shortName || current_ == longName;
    }
    [[nodiscard]] const std::string& current() const { return current_; }
    [[nodiscard]] base::Result<std::string> value() {
        if (inlineValue_) {
            return *inlineValue_;
        }
        if (at_ == rest_.size()) {
            return base::fail("option " + current_ + " needs an argument");
        }
        return rest_[at_++];
    }

private:
    std::vector<std::string> rest_;
    std::size_t at_ = 0;
    std::string current_;
    std::optional<std::string> inlineValue_;
};

base::Result<void> take(Arguments& arguments, Options& options) {
    const auto text = [&arguments](std::string& into) -> base::Result<void> {
        auto value = arguments.value();
        if (!value) {
            return std::unexpected(value.error());
        }
        into = std::move(*value);
        return {};
    };
    if (arguments.is("-h", "--help")) {
        options.action = Action::Help;
    } else if (arguments.is("-V", "--version")) {
        options.action = Action::Version;
    } else if (arguments.is("-c", "--config")) {
        return text(options.configFile);
    } else if (arguments.is("-p", "--pid-file")) {
        return text(options.pidFile);
    } else if (arguments.is("-d", "--debug")) {
        std::string level;
        if (auto read = text(level); !read) {
            return read;
        }
        options.debugLevel = debugLevelFrom(level);
        if (!options.debugLevel) {
            return base::fail("debug pattern " + level + " is not a number");
        }
    } else if (arguments.is("--check-config", "--check-config")) {
        options.action = Action::CheckConfig;
    } else if (arguments.is("--dump-config", "--dump-config")) {
        options.action = Action::DumpConfig;
    } else if (arguments.is("--check-plugin", "--check-plugin")) {
        options.action = Action::CheckPlugin;
        return text(options.plugin);
    } else if (arguments.is("--route-test", "--route-test")) {
        options.action = Action::RouteTest;
        auto number = text(options.number);
        return number ? text(options.caller) : std::move(number);
    } else if (arguments.is("--suggest-interfaces", "--suggest-interfaces")) {
        options.action = Action::SuggestInterfaces;
    } else if (arguments.is("--show-firewall", "--show-firewall")) {
        options.showFirewall = true;
    } else if (!arguments.current().starts_with("-") &&
               arguments.current().find('=') != std::string::npos) {
        options.overrides.push_back(arguments.current());
    } else if (arguments.current().starts_with("--") && arguments.current().size() > 2) {
        const auto meant = config::suggest(arguments.current(), kLongOptions);
        return base::fail("unknown option " + base::printable(arguments.current()) +
                          (meant ? ", did you mean " + std::string(*meant) + "?" : ""));
    } else {
        options.unknown.push_back(arguments.current());
    }
    return {};
}

}  // namespace

base::Result<Options> parseOptions(int argc, char* argv[]) {
    Options options;
    Arguments arguments(argc, argv);
    while (arguments.next()) {
        if (auto taken = take(arguments, options); !taken) {
            return std::unexpected(taken.error());
        }
    }
    return options;
}

std::string helpText() {
    return versionText() +
           "\n"
           "A SIP masquerading proxy for the machine that does the NAT.\n"
           "\n"
           "usage: siproxd [options] [directive=value ...]\n"
           "\n"
           "options:\n"
           "  -h, --help                 this text\n"
           "  -V, --version              version\n"
           "  -c, --config FILE          configuration file; else the first of $HOME/.siproxdrc,\n"
           "                             " SYSCONFDIR "/siproxd.conf, /etc/siproxd.conf,\n"
           "                             /etc/siproxd/siproxd.conf, /usr/etc/siproxd.conf,\n"
           "                             /usr/local/etc/siproxd.conf\n"
           "  -p, --pid-file FILE        write the process id there\n"
           "  -d, --debug PATTERN        debug classes to log (see debug_level); -1: all\n"
           "      --check-config         say what is wrong with the configuration, then exit\n"
           "      --dump-config          print all directives with their values, then exit\n"
           "      --check-plugin FILE    say whether a plugin can be loaded, then exit\n"
           "      --route-test NUMBER FROM  say what becomes of a number that user@domain FROM\n"
           "                             dials, then exit\n"
           "      --suggest-interfaces   print if_inbound and if_outbound for this machine, then exit\n"
           "      --show-firewall        print what is listened on and the firewall rules for it\n"
           "\n"
           "directive=value replaces a directive of the configuration file; siproxd.conf(5) has all.\n";
}

}  // namespace siproxd::app
