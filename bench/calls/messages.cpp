// SPDX-License-Identifier: GPL-2.0-or-later
#include "messages.h"

#include <cstdlib>
#include <ranges>

namespace callbench {

namespace {

constexpr std::string_view kEnd = "\r\n";

std::string line(std::string_view name, std::string_view value) {
    return std::string(name).append(": ").append(value).append(kEnd);
}

/// Content-Length, empty line and body.
std::string closing(const std::string& body) {
    const auto type = body.empty() ? "" : line("Content-Type", "application/sdp");
    return type + line("Content-Length", std::to_string(body.size())) + "\r\n" + body;
}

std::string uri(const Party& party) {
    return "sip:" + party.user + "@" + party.host;
}

std::string opening(std::string_view method, std::string_view target, const Party& sender,
                    std::string_view callId, unsigned cseq) {
    const std::string branch =
        "z9hG4bK-" + std::to_string(cseq) + std::string(method) + "-" + std::string(callId);
    return std::string(method).append(" ").append(target).append(" SIP/2.0\r\n") +
           line("Via", "SIP/2.0/UDP " + sender.host + ":5060;rport;branch=" + branch) +
           line("Max-Forwards", "70");
}

std::string callAndSequence(std::string_view method, std::string_view callId, unsigned cseq) {
    return line("Call-ID", callId) + line("CSeq", std::to_string(cseq).append(" ").append(method));
}

std::string ownContact(const Party& party) {
    return line("Contact", "<" + uri(party) + ":5060>");
}

/// Lines that go from a request into its response as they are.
std::string echoed(const Arrived& request, std::string_view name) {
    std::string out;
    for (const auto text : request.lines(name)) {
        out.append(text).append(kEnd);
    }
    return out;
}

std::string echoedWithTag(const Arrived& request) {
    std::string to(request.value("To"));
    if (to.find(";tag=") == std::string::npos) {
        to.append(";tag=callee-").append(request.value("Call-ID").substr(0, 16));
    }
    return echoed(request, "From") + line("To", to) + echoed(request, "Call-ID") +
           echoed(request, "CSeq");
}

}  // namespace

Arrived::Arrived(std::string_view text) {
    while (!text.empty() && !text.starts_with(kEnd)) {
        const auto end = text.find(kEnd);
        lines_.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + kEnd.size());
    }
    if (!text.empty()) {
        body_ = text.substr(kEnd.size());
    }
    if (lines_.empty()) {
        lines_.emplace_back();
    }
}

int Arrived::status() const {
    const auto& first = lines_.front();
    return first.starts_with("SIP/2.0 ") ? std::atoi(first.data() + 8) : 0;
}

std::string_view Arrived::method() const {
    if (status() == 0) {
        return lines_.front().substr(0, lines_.front().find(' '));
    }
    const auto sequence = value("CSeq");
    return sequence.substr(sequence.find(' ') + 1);
}

std::string_view Arrived::value(std::string_view name) const {
    for (const auto text : lines_ | std::views::drop(1)) {
        if (text.starts_with(name) && text.substr(name.size()).starts_with(": ")) {
            return text.substr(name.size() + 2);
        }
    }
    return {};
}

std::vector<std::string_view> Arrived::lines(std::string_view name) const {
    std::vector<std::string_view> found;
    for (const auto text : lines_ | std::views::drop(1)) {
        if (text.starts_with(name) && text.substr(name.size()).starts_with(": ")) {
            found.push_back(text);
        }
    }
    return found;
}

std::string Arrived::contact() const {
    const auto text = value("Contact");
    const auto open = text.find('<');
    const auto close = text.find('>');
    return open < close ? std::string(text.substr(open + 1, close - open - 1)) : "";
}

std::string sessionDescription(const Party& party, unsigned port) {
    return "v=0\r\n"
           "o=" +
           party.user + " 3724394400 3724394400 IN IP4 " + party.host +
           "\r\n"
           "s=call\r\n"
           "c=IN IP4 " +
           party.host +
           "\r\n"
           "t=0 0\r\n"
           "m=audio " +
           std::to_string(port) +
           " RTP/AVP 8 0 9 101\r\n"
           "a=rtpmap:8 PCMA/8000\r\n"
           "a=rtpmap:0 PCMU/8000\r\n"
           "a=rtpmap:9 G722/8000\r\n"
           "a=rtpmap:101 telephone-event/8000\r\n"
           "a=fmtp:101 0-16\r\n"
           "a=ptime:20\r\n"
           "a=sendrecv\r\n";
}

std::string registerRequest(const Party& phone, const std::string& domain, const Dialog& dialog) {
    const std::string address = "<sip:" + phone.user + "@" + domain + ">";
    return opening("REGISTER", "sip:" + domain, phone, dialog.callId, dialog.cseq) +
           line("From", address + ";tag=phone-" + dialog.callId) + line("To", address) +
           callAndSequence("REGISTER", dialog.callId, dialog.cseq) + ownContact(phone) +
           line("User-Agent", "bench phone 1.0") + line("Expires", "3600") + closing("");
}

std::string inviteRequest(const Party& caller, const std::string& target, const std::string& domain,
                          const Dialog& dialog, unsigned mediaPort) {
    return opening("INVITE", target, caller, dialog.callId, dialog.cseq) +
           line("From",
                "\"Caller\" <sip:" + caller.user + "@" + domain + ">;tag=caller-" + dialog.callId) +
           line("To", "<" + target.substr(0, target.find(';')) + ">") +
           callAndSequence("INVITE", dialog.callId, dialog.cseq) + ownContact(caller) +
           line("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY") +
           line("Supported", "replaces, timer") + line("User-Agent", "bench caller 1.0") +
           closing(sessionDescription(caller, mediaPort));
}

std::string requestInDialog(std::string_view method, const Party& caller, const Arrived& ok,
                            unsigned cseq) {
    const auto callId = ok.value("Call-ID");
    std::string text = opening(method, ok.contact(), caller, callId, cseq);
    const auto routes = ok.lines("Record-Route");
    for (const auto route : routes | std::views::reverse) {
        text += line("Route", route.substr(std::string_view("Record-Route: ").size()));
    }
    return text + line("From", ok.value("From")) + line("To", ok.value("To")) +
           callAndSequence(method, callId, cseq) + ownContact(caller) +
           line("User-Agent", "bench caller 1.0") + closing("");
}

std::string response(const Arrived& request, const Party& party, std::string_view statusAndReason,
                     const std::string& body) {
    const bool dialog = request.method() == "INVITE" && !statusAndReason.starts_with("100");
    return "SIP/2.0 " + std::string(statusAndReason) + "\r\n" + echoed(request, "Via") +
           (dialog ? echoed(request, "Record-Route") : "") + echoedWithTag(request) +
           (dialog ? ownContact(party) + line("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS") : "") +
           line("Server", "bench callee 1.0") + closing(body);
}

std::string registered(const Arrived& request) {
    return "SIP/2.0 200 OK\r\n" + echoed(request, "Via") + echoedWithTag(request) +
           line("Contact", "<" + request.contact() + ">;expires=3600") +
           line("Server", "bench registrar 1.0") + closing("");
}

}  // namespace callbench
