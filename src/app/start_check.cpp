// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/start_check.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "app/descriptors.h"
#include "app/process.h"
#include "base/text.h"
#include "plugin/module.h"

namespace siproxd::app {

namespace {

using config::Severity;

/// 0, or why there is no such directory.
int lookForDirectory(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) {
        return errno;
    }
    return S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
}

class StartCheck {
public:
    explicit StartCheck(const config::Settings& settings) : settings_(settings) {}

    [[nodiscard]] std::vector<config::Problem> run() && {
        checkUser();
        checkJail();
        checkPorts();
        checkDescriptors();
        checkFile("registration_file", settings_.registrar.registrationFile,
                  "registrations will not be kept");
        checkFile("pid_file", settings_.process.pidFile, "it will not be written");
        checkPlugins();
        return std::move(problems_);
    }

private:
    void add(Severity severity, std::string_view key, std::string message) {
        const auto origin = settings_.origins.find(key);
        add(severity, origin == settings_.origins.end() ? config::Origin{} : origin->second,
            std::move(message));
    }
    void add(Severity severity, const config::Origin& origin, std::string message) {
        problems_.push_back({severity, origin, std::move(message)});
    }
    [[nodiscard]] bool isGiven(std::string_view key) const {
        return settings_.origins.contains(key);
    }

    void checkUser() {
        const auto& user = settings_.process.user;
        if (user.empty()) {
            return;
        }
        if (const auto identity = lookUpIdentity(user); !identity) {
            // Others than root stay who they are.
            add(isRoot_ ? Severity::Error : Severity::Warning, "user", identity.error().message);
        }
    }

    void checkJail() {
        const auto& jail = settings_.process.chrootjail;
        if (jail.empty()) {
            return;
        }
        if (const int number = lookForDirectory(jail); number != 0) {
            add(Severity::Error, "chrootjail",
                fmt::format("chrootjail = {}: {}", jail, std::strerror(number)));
        } else if (!isRoot_) {
            add(Severity::Error, "chrootjail", "chrootjail needs siproxd to be started by root");
        }
    }

    void checkPorts() {
        const auto& media = settings_.media;
        const auto sip = settings_.network.sipListenPort;
        // TLS and the debug port are TCP: these do not mind the relay.
        if (media.rtpProxyEnable && sip >= media.rtpPortLow && sip <= media.rtpPortHigh + 1) {
            add(Severity::Warning, isGiven("rtp_port_low") ? "rtp_port_low" : "sip_listen_port",
                fmt::format("sip_listen_port ({}) is one of the relay's ports ({} to {}), which has a "
                            "pair less for it",
                            sip, media.rtpPortLow, media.rtpPortHigh + 1));
        }
        const auto& tls = settings_.tls;
        if (!tls.tlsCertificate.empty() && tls.tlsListenPort == sip) {
            add(Severity::Error, isGiven("tls_listen_port") ? "tls_listen_port" : "sip_listen_port",
                fmt::format("tls_listen_port and sip_listen_port are both {}", sip));
        }
        const auto debug = settings_.log.debugPort;
        if (!settings_.log.debugBind &&
            (debug == sip || (debug == tls.tlsListenPort && !tls.tlsCertificate.empty()))) {
            add(Severity::Warning, "debug_port",
                fmt::format("debug_port ({}) is a port for SIP, so there will be none", debug));
        }
    }

    void checkDescriptors() {
        const auto wanted = descriptorsNeeded(settings_);
        const auto possible = descriptorsPossible();
        if (possible >= wanted) {
            return;
        }
        const std::string_view key = isGiven("rtp_port_high") ? "rtp_port_high" : "rtp_port_low";
        add(Severity::Warning, isGiven(key) ? key : "tcp_max_connections",
            fmt::format("{} open files are allowed and {} may be needed: beside tcp_max_connections ({}) "
                        "there is room for {} calls that are relayed (LimitNOFILE= of the service, or "
                        "ulimit -n, would allow more)",
                        possible, wanted, settings_.network.tcpMaxConnections,
                        callsPossible(settings_, possible)));
    }

    /// A file that the daemon wants to write.
    void checkFile(std::string_view key, const std::string& path, std::string_view consequence) {
        if (path.empty()) {
            return;
        }
        const auto file = settings_.process.chrootjail + path;
        const auto slash = file.rfind('/');
        const auto directory = slash == std::string::npos ? "." : file.substr(0, slash + 1);
        int number = lookForDirectory(directory);
        // A file that is there can be overwritten where a new one cannot be made.
        if (number == 0 && ::access(directory.c_str(), W_OK) != 0) {
            number = ::access(file.c_str(), W_OK) == 0 ? 0 : errno == ENOENT ? EACCES : errno;
        }
        if (number == 0 && lookForDirectory(file) == 0) {
            number = EISDIR;
        }
        if (number != 0) {
            add(Severity::Warning, key,
                fmt::format("{} = {}: {}: {}", key, path, std::strerror(number), consequence));
        }
    }

    void checkPlugins() {
        const auto& plugins = settings_.plugins;
        for (const auto& line : plugins.loadPlugin) {
            if (plugin::Module::isThere(plugins.plugindir, line.text)) {
                continue;
            }
            if (const int number = lookForDirectory(plugins.plugindir); number != 0) {
                add(Severity::Warning, isGiven("plugindir") ? "plugindir" : "load_plugin",
                    fmt::format("plugindir = {}: {}: no plugin will be loaded", plugins.plugindir,
                                std::strerror(number)));
                return;
            }
            add(Severity::Warning, line.origin,
                fmt::format("load_plugin = {}: there is no such module in {}, it will be left out",
                            base::printable(line.text), plugins.plugindir));
        }
    }

    const config::Settings& settings_;
    const bool isRoot_ = ::geteuid() == 0;
    std::vector<config::Problem> problems_;
};

}  // namespace

std::vector<config::Problem> checkStart(const config::Settings& settings) {
    return StartCheck(settings).run();
}

}  // namespace siproxd::app
