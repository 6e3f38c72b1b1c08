// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/hop_by_hop.h"

#include <utility>

namespace siproxd::transaction {

namespace {

void addField(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

/// Request line and header fields but the end of the header section.
std::string begin(std::string_view method, const sip::Message& invite, std::string_view to) {
    std::string out(method);
    out += ' ';
    out += invite.requestUriText();
    out += " SIP/2.0\r\n";
    addField(out, "Via", invite.header("Via").value_or(""));
    for (const auto& route : invite.headers("Route")) {
        addField(out, "Route", route);
    }
    addField(out, "Max-Forwards", "70");
    addField(out, "From", invite.header("From").value_or(""));
    addField(out, "To", to);
    addField(out, "Call-ID", invite.callId());
    addField(out, "CSeq", std::to_string(invite.cseq().number) + " " + std::string(method));
    return out;
}

std::string finish(std::string out) {
    addField(out, "Content-Length", "0");
    out += "\r\n";
    return out;
}

}  // namespace

std::string ackFor(const sip::Message& invite, const sip::Message& response) {
    return finish(begin("ACK", invite, response.header("To").value_or("")));
}

std::string cancelFor(const sip::Message& invite, std::string_view reason) {
    std::string out = begin("CANCEL", invite, invite.header("To").value_or(""));
    if (!reason.empty()) {
        addField(out, "Reason", reason);
    }
    return finish(std::move(out));
}

}  // namespace siproxd::transaction
