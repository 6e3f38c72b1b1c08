// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

std::string_view orNull(const Text& text) {
    return text && !text->empty() ? *text : "*NULL*";
}

/// `user@host`; IPv6 hosts in brackets, as in a URI.
void addUserAtHost(std::string& line, const Message& message, At at) {
    const auto host = orNull(message.uri(at, Part::Host));
    const bool isIpv6 = host.find(':') != std::string_view::npos;
    line.append(orNull(message.uri(at, Part::User))).append(isIpv6 ? "@[" : "@").append(host).append(isIpv6 ? "]" : "");
}

/// `number@host` of a Call-ID; it need not have a host.
void addCallId(std::string& line, const Message& message) {
    const std::string_view whole = message.callId();
    const auto at = whole.find('@');
    line.append(orNull(whole.substr(0, at))).append("@");
    line.append(orNull(at == std::string_view::npos ? Text() : whole.substr(at + 1)));
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
            std::string line(kind);
            line.reserve(256);
            line += " Call: ";
            addUserAtHost(line, message, At::From);
            line += " -> ";
            addUserAtHost(line, message, At::To);
            line += " [Req: ";
            addUserAtHost(line, message, At::RequestUri);
            line.append("] [IP: ").append(message.source()).append("] [CID: ");
            addCallId(line, message);
            line += ']';
            host_.info(line);
        }
        return Verdict::Continue;
    }

private:
    Host host_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_logcall, LogCall)
