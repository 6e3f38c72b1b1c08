// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

std::string orNull(std::string_view text) {
    return text.empty() ? "*NULL*" : std::string(text);
}

std::string orNull(const Text& text) {
    return orNull(text.value_or(std::string_view()));
}

/// `user@host`; IPv6 hosts in brackets, as in a URI.
std::string userAtHost(const Message& message, At at) {
    std::string host = orNull(message.uri(at, Part::Host));
    if (host.find(':') != std::string::npos) {
        host = "[" + host + "]";
    }
    return orNull(message.uri(at, Part::User)) + "@" + host;
}

/// `number@host` of a Call-ID; it need not have a host.
std::string callId(const Message& message) {
    const std::string_view whole = message.callId();
    const auto at = whole.find('@');
    const auto host = at == std::string_view::npos ? std::string_view() : whole.substr(at + 1);
    return orNull(whole.substr(0, at)) + "@" + orNull(host);
}

/// How the line begins; empty for requests that are none of a call's.
std::string_view kindOf(const Message& message) {
    const std::string_view method = message.method();
    if (method == "INVITE") {
        return message.direction() == Direction::RequestIncoming ? "Incoming (INVITE)"
                                                                 : "Outgoing (INVITE)";
    }
    if (method == "ACK") {
        return "Acknowledging (ACK)";
    }
    if (method == "BYE") {
        return "Ending (BYE)";
    }
    return method == "CANCEL" ? "Ending (CANCEL)" : "";
}

/// Writes a line for each request that belongs to a call. Log watchers know its form by heart.
class LogCall {
public:
    static constexpr const char* kDescription = "Logs calls to syslog";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::PreProxy);

    explicit LogCall(Host host) : host_(host) {}

    Verdict process(Stage, Message& message) {
        const std::string_view kind = message.isRequest() ? kindOf(message) : "";
        if (!kind.empty()) {
            host_.info(
                std::string(kind) + " Call: " + userAtHost(message, At::From) + " -> " +
                userAtHost(message, At::To) + " [Req: " + userAtHost(message, At::RequestUri) +
                "] [IP: " + std::string(message.source()) + "] [CID: " + callId(message) + "]");
        }
        return Verdict::Continue;
    }

private:
    Host host_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_logcall, LogCall)
