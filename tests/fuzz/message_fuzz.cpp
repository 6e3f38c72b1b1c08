// SPDX-License-Identifier: GPL-2.0-or-later
#include "demand.h"
#include "sip/message.h"

using namespace siproxd;
using fuzz::demand;

namespace {

sip::Message again(const sip::Message& message, const char* what) {
    auto parsed = sip::Message::parse(message.serialize());
    demand(parsed.has_value(), what);
    return std::move(*parsed);
}

/// Everything that is read on demand, read and written back.
void touchAll(sip::Message message) {
    const auto vias = message.vias();
    demand(vias.size() == message.viaCount() && !vias.empty(), "every Via can be read");
    message.setVias(message.headers("Via"));
    message.setFrom(message.from());
    message.setTo(message.to());
    if (!message.contactIsStar()) {
        message.setContacts(message.contacts());
    }
    message.setRoutes(message.routes());
    message.setRecordRoutes(message.recordRoutes());
    if (message.isRequest()) {
        const auto uri = message.requestUri();
        message.setRequestUri(uri);
        demand(message.requestUri() == uri, "a request URI stays what it is");
    }
    message.setMaxForwards(message.maxForwards().value_or(70));
    message.pushVia(vias.front());
    const auto copy = again(message, "an edited message is a message");
    demand(copy.viaCount() == vias.size() + 1, "no Via is lost");
    demand(copy.callId() == message.callId() && copy.fromTag() == message.fromTag() &&
               copy.toTag() == message.toTag() && copy.cseq() == message.cseq(),
           "the dialog stays the same");
    demand(copy.contacts() == message.contacts(), "Contacts stay the same");
    demand(copy.body() == message.body(), "the body stays the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = fuzz::text(data, size);
    if (size > 16 * 1024) {
        return 0;  // near the limits a message may outgrow them by getting its long header names
    }
    const auto message = sip::Message::parse(bytes);
    if (!message) {
        const auto& failure = message.error();
        demand(failure.status == 0 || failure.status >= 400, "a failure is an error");
        if (const auto answer = sip::answerUnparsed(bytes, failure.status, failure.reason)) {
            demand(answer->starts_with("SIP/2.0 "), "an answer is a response");
            demand(answer->find("\r\n\r\n") == answer->size() - 4, "an answer has no body");
        }
        return 0;
    }
    const auto copy = again(*message, "a message can be read again");
    demand(copy.serialize() == message->serialize(), "a message stays what it is");
    touchAll(message->clone());
    if (message->isRequest()) {
        const auto response = sip::Message::response(*message, 200, "", "tag");
        const auto parsed = again(response, "a response is a message");
        demand(!parsed.toTag().empty() && parsed.viaCount() == message->viaCount(),
               "a response fits its request");
    }
    return 0;
}
