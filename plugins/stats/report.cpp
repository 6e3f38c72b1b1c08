// SPDX-License-Identifier: GPL-2.0-or-later
#include "report.h"

#include <set>
#include <string_view>

namespace stats {

using siproxd::api::Bindings;
using siproxd::api::Host;
using siproxd::api::orEmpty;
using siproxd::api::Part;

namespace {

std::string userAtHost(const Host& host, const char* uri) {
    const auto parsed = host.uri(uri == nullptr ? "" : uri);
    if (!parsed) {
        return "";
    }
    return std::string(orEmpty(parsed->part(Part::User))) + "@" +
           std::string(orEmpty(parsed->part(Part::Host)));
}

/// Without the port; IPv6 without brackets.
std::string ipOf(const char* address) {
    const std::string_view text = address == nullptr ? "" : address;
    if (text.starts_with('[')) {
        return std::string(text.substr(1, text.find(']') - 1));
    }
    return std::string(text.substr(0, text.rfind(':')));
}

/// As the C program wrote it: with an `@` behind it where it has no host.
std::string callIdOf(const char* callId) {
    std::string text(callId);
    return text.find('@') == std::string::npos ? text + "@" : text;
}

void addFlows(Report& report, const Host& host, const siproxd_call& call) {
    const bool isIncoming = call.direction == SIPROXD_REQUEST_INCOMING;
    for (std::uint32_t i = 0; i < call.stream_count; ++i) {
        const auto& stream = call.streams[i];
        if (stream.direct != 0) {
            continue;
        }
        const auto& inside = isIncoming ? stream.callee : stream.caller;
        const auto& outside = isIncoming ? stream.caller : stream.callee;
        Flow flow{userAtHost(host, isIncoming ? call.callee : call.caller), callIdOf(call.call_id), isIncoming,
                  false, orEmpty(inside.local_ip), ipOf(outside.remote)};
        report.flows.push_back(flow);
        flow.isIncoming = true;
        flow.localIp = orEmpty(outside.local_ip);
        flow.remoteIp = ipOf(inside.remote);
        report.flows.push_back(std::move(flow));
    }
}

std::string padded(const char* what, std::size_t count) {
    std::string text = what;
    text.resize(25, ' ');
    return text + std::to_string(count) + "\n";
}

}  // namespace

Report Report::of(const Host& host) {
    Report report;
    report.registeredClients = host.bindings(Bindings::All).size();
    std::set<std::string> clients;
    host.calls([&](const siproxd_call& call) {
        const auto before = report.flows.size();
        addFlows(report, host, call);
        if (report.flows.size() > before) {
            ++report.activeCalls;
            clients.insert(report.flows.back().client);
        }
        return true;
    });
    report.activeClients = clients.size();
    return report;
}

std::string Report::line() const {
    return "STATS: " + std::to_string(flows.size()) + " active Streams, " + std::to_string(activeCalls) +
           " active Calls, " + std::to_string(activeClients) + " active Clients, " +
           std::to_string(registeredClients) + " registered Clients";
}

std::string Report::text(const std::string& date, long process) const {
    std::string out = "Date: " + date + "\nPID:  " + std::to_string(process) + "\n\nSummary\n-------\n";
    out += padded("registered Clients:", registeredClients);
    out += padded("active Clients:", activeClients);
    out += padded("active Calls:", activeCalls);
    out += padded("active Streams:", flows.size());
    out += "\nRTP-Details\n-----------\n"
           "Header; Client-Id; Call-Id; Call Direction; Stream Direction; local IP; remote IP\n";
    for (const auto& flow : flows) {
        out += "Data;" + flow.client + ";" + flow.callId + ";" + (flow.isCallIncoming ? "Incoming" : "Outgoing") +
               ";" + (flow.isIncoming ? "Incoming" : "Outgoing") + ";" + flow.localIp + ";" + flow.remoteIp + "\n";
    }
    return out;
}

}  // namespace stats
