// SPDX-License-Identifier: GPL-2.0-or-later
#include <optional>
#include <string>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// `sip:user@host` of that and of `"Display" <sip:user@host>`.
std::string_view uriIn(std::string_view contact) {
    const auto open = contact.find('<');
    if (open == std::string_view::npos) {
        return contact;
    }
    const auto close = contact.find('>', open);
    return close == std::string_view::npos ? std::string_view()
                                           : contact.substr(open + 1, close - open - 1);
}

/// user@host, as the line in the log always had it; IPv6 hosts in brackets.
std::string nameOf(const Message& message, At at) {
    const auto part = [&](Part which) {
        return std::string(message.uri(at, which).value_or("*NULL*"));
    };
    const std::string host = part(Part::Host);
    return part(Part::User) + "@" + (host.find(':') == std::string::npos ? host : "[" + host + "]");
}

/// Calls from outside for nobody go to the target that the administrator has chosen.
class DefaultTarget {
public:
    static constexpr const char* kDescription = "Redirects unknown calls to a default target";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget);
    static constexpr Option kOptions[] = {
        stringOption("target", "Who gets the calls: sip:user@host[:port]"),
        integerOption("log", "1: each such call leaves a line in the log", "0", 0, 0),
        stringOption("mode",
                     "redirect: the caller is told by 302; retarget: the call is sent there",
                     "redirect"),
    };

    static std::unique_ptr<DefaultTarget> create(Host host) {
        auto plugin = std::make_unique<DefaultTarget>(host);
        return plugin->configure() ? std::move(plugin) : nullptr;
    }

    explicit DefaultTarget(Host host) : host_(host) {}

    Verdict process(Stage, Message& message) {
        if (message.direction() != Direction::Unknown || message.method() != "INVITE" ||
            message.param(At::To, "tag") || isTarget(message)) {
            return Verdict::Continue;
        }
        if (logs_) {
            host_.info("Unknown Target [rcvd IP=" + std::string(message.source()) +
                       "], From: " + nameOf(message, At::From) +
                       ", redirecting To: " + nameOf(message, At::To) + " -> " + contact_);
        }
        return retargets_ ? message.retarget(uri_) : message.redirect(contact_);
    }

private:
    bool configure() {
        const auto mode = host_.choice("mode", {"redirect", "retarget"});
        retargets_ = mode == 1U;
        logs_ = host_.integer("log").value_or(0) != 0;
        contact_ = orEmpty(host_.string("target"));
        if (contact_.empty()) {
            host_.optionError("target", 0, "plugin_defaulttarget needs a target");
            return false;
        }
        const auto uri = host_.uri(uriIn(contact_));
        const auto scheme = uri ? orEmpty(uri->part(Part::Scheme)) : "";
        const bool isSip = scheme == "sip" || scheme == "sips";
        if (!isSip && (retargets_ || scheme != "tel")) {
            const auto lines = host_.list("target").size();
            host_.optionError("target", lines - 1, "sip:user@host[:port] is needed");
            return false;
        }
        uri_ = uri->toString();
        user_ = orEmpty(uri->part(Part::User));
        hostName_ = orEmpty(uri->part(Part::Host));
        return mode.has_value();
    }

    /// Nobody is there either: it would go round in circles.
    [[nodiscard]] bool isTarget(const Message& message) const {
        return orEmpty(message.uri(At::RequestUri, Part::User)) == user_ &&
               equals(orEmpty(message.uri(At::RequestUri, Part::Host)), hostName_);
    }

    Host host_;
    std::string contact_;
    std::string uri_;
    std::string user_;
    std::string hostName_;
    bool logs_ = false;
    bool retargets_ = false;
};

}  // namespace

SIPROXD_PLUGIN(plugin_defaulttarget, DefaultTarget)
