// SPDX-License-Identifier: GPL-2.0-or-later
// One header field in a good request: what is read of it alone. The input is `name: value`.
#include <algorithm>
#include <string>

#include "base/text.h"
#include "demand.h"
#include "sip/message.h"
#include "sip/scan.h"

using namespace siproxd;
using fuzz::demand;

namespace {

struct Line {
    const char* name;
    const char* text;
};

constexpr Line kGood[] = {
    {"Via", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"},
    {"Max-Forwards", "Max-Forwards: 70\r\n"},
    {"From", "From: <sip:a@example.org>;tag=1\r\n"},
    {"To", "To: <sip:b@example.org>\r\n"},
    {"Call-ID", "Call-ID: c\r\n"},
    {"CSeq", "CSeq: 1 MESSAGE\r\n"},
    {"Content-Type", "Content-Type: text/plain\r\n"},
};

/// The good request with the field in the place of its own one.
std::string request(std::string_view field) {
    const auto name = sip::longHeaderName(base::trim(field.substr(0, field.find(':'))));
    std::string text = "MESSAGE sip:b@example.org SIP/2.0\r\n";
    text += std::string(field) + "\r\n";
    for (const auto& line : kGood) {
        if (!base::equalsIgnoreCase(name, line.name)) {
            text += line.text;
        }
    }
    return text + "\r\nbody";
}

/// All typed access, and what must hold for it.
void look(const sip::Message& message) {
    demand(message.cseq().method == "MESSAGE", "a CSeq has the method of its request");
    demand(!message.callId().empty() && message.callId().find(' ') == std::string_view::npos,
           "a Call-ID is one word");
    demand(message.maxForwards().value_or(70) <= 255, "hops are in their range");
    demand(message.via()->responseAddress() == message.via()->responseAddress(),
           "a Via has one address");
    demand(message.body().size() <= 4, "a body does not grow");
    demand(!message.contactIsStar() || message.contacts().empty(), "a star stands alone");
    static_cast<void>(message.expires());
    static_cast<void>(message.contentType());
    for (const auto& list : {message.contacts(), message.routes(), message.recordRoutes()}) {
        for (const auto& one : list) {
            const auto again = sip::NameAddr::parse(one.toString());
            demand(again && *again == one, "an address stays what it is");
        }
    }
    for (const auto& via : message.vias()) {
        const auto again = sip::Via::parse(via.toString());
        demand(again && *again == via, "a Via stays what it is");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto field = fuzz::text(data, size);
    if (size > 4096) {
        return 0;
    }
    const auto message = sip::Message::parse(request(field));
    if (!message) {
        demand(message.error().status >= 400, "a broken request deserves an answer");
        return 0;
    }
    look(*message);
    const auto written = message->serialize();
    const auto again = sip::Message::parse(written);
    demand(again.has_value() && again->serialize() == written, "a message stays what it is");
    look(*again);
    const auto name = base::trim(field.substr(0, field.find(':')));
    if (field.find("\r\n") == std::string_view::npos && !base::equalsIgnoreCase(name, "l") &&
        !base::equalsIgnoreCase(name, "Content-Length")) {
        demand(again->header(name).has_value(), "a field is not lost");
    }
    if (const auto place = sip::readHostPort(field)) {
        const bool v6 = place->host.find(':') != std::string::npos;
        auto text = v6 ? "[" + place->host + "]" : place->host;
        text += place->port != 0 ? ":" + std::to_string(place->port) : "";
        demand(sip::readHostPort(text) == place, "a place stays where it is");
    }
    return 0;
}
