// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins read and change of a message's bytes, first line, headers and body.
#include <algorithm>

#include "base/text.h"
#include "plugin/handles.h"

namespace siproxd::plugin {

int protocolNumber(base::Protocol protocol) {
    switch (protocol) {
        case base::Protocol::Tcp: return SIPROXD_PROTOCOL_TCP;
        case base::Protocol::Tls: return SIPROXD_PROTOCOL_TLS;
        default: return SIPROXD_PROTOCOL_UDP;
    }
}

bool isHeaderName(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
    });
}

bool isHeaderValue(std::string_view value) {
    return std::none_of(value.begin(), value.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && byte != '\t') || byte == 0x7F;
    });
}

namespace {

using sip::HeaderName;

sip::Message* of(siproxd_message* message) {
    return message->context.message;
}

const char* source(siproxd_message* message) noexcept {
    return message->lender.lend(message->context.flow.remote.toString());
}

const char* sourceIp(siproxd_message* message) noexcept {
    return message->lender.lend(message->context.flow.remote.ip.toString());
}

std::uint32_t sourcePort(siproxd_message* message) noexcept {
    return message->context.flow.remote.port;
}

const char* localIp(siproxd_message* message) noexcept {
    return message->lender.lend(message->context.flow.local.ip.toString());
}

std::uint32_t localPort(siproxd_message* message) noexcept {
    return message->context.flow.local.port;
}

int protocol(siproxd_message* message) noexcept {
    return protocolNumber(message->context.flow.protocol);
}

const char* label(siproxd_message* message) noexcept {
    const auto& text = message->context.label;
    return text.empty() ? nullptr : message->lender.lend(text);
}

const char* user(siproxd_message* message) noexcept {
    const auto& text = message->context.user;
    return text.empty() ? nullptr : message->lender.lend(text);
}

int direction(siproxd_message* message) noexcept {
    return static_cast<int>(message->context.direction);
}

int setDirection(siproxd_message* message, int value) noexcept {
    const bool incomingOrOutgoing =
        of(message) != nullptr &&
        (of(message)->isRequest()
             ? value == SIPROXD_REQUEST_INCOMING || value == SIPROXD_REQUEST_OUTGOING
             : value == SIPROXD_RESPONSE_INCOMING || value == SIPROXD_RESPONSE_OUTGOING);
    if (!incomingOrOutgoing) {
        return kNotDone;
    }
    message->context.direction = static_cast<Direction>(value);
    return kDone;
}

const char* raw(siproxd_message* message, std::size_t* size) noexcept {
    const std::string* bytes = message->context.raw;
    if (size != nullptr) {
        *size = bytes == nullptr ? 0 : bytes->size();
    }
    return bytes == nullptr ? nullptr : bytes->c_str();
}

int setRaw(siproxd_message* message, const char* data, std::size_t size) noexcept {
    if (message->context.raw == nullptr || (data == nullptr && size > 0)) {
        return kNotDone;
    }
    // The plugin may give back a part of the very bytes that are replaced.
    std::string bytes(data, size);
    *message->context.raw = std::move(bytes);
    return kDone;
}

const char* method(siproxd_message* message) noexcept {
    return of(message) == nullptr ? nullptr : message->lender.lend(of(message)->methodName());
}

int status(siproxd_message* message) noexcept {
    return of(message) == nullptr ? 0 : of(message)->status();
}

const char* reason(siproxd_message* message) noexcept {
    return of(message) == nullptr || of(message)->isRequest()
               ? nullptr
               : message->lender.lend(of(message)->reason());
}

const char* callId(siproxd_message* message) noexcept {
    return of(message) == nullptr ? nullptr : message->lender.lend(of(message)->callId());
}

std::uint32_t cseq(siproxd_message* message) noexcept {
    return of(message) == nullptr ? 0 : of(message)->cseq().number;
}

/// Whether the header field can be written as text: what the proxy relies on must stay what it is.
bool mayWrite(std::string_view name, std::string_view value) {
    if (!isHeaderName(name) || !isHeaderValue(value)) {
        return false;
    }
    switch (sip::headerNameFrom(name)) {
        case HeaderName::CSeq:
        case HeaderName::ContentLength: return false;
        case HeaderName::CallId: return !base::trim(value).empty();
        case HeaderName::Via: return sip::Via::parse(value).has_value();
        case HeaderName::Contact:
            return base::trim(value) == "*" || sip::NameAddr::parse(value).has_value();
        case HeaderName::From:
        case HeaderName::To:
        case HeaderName::Route:
        case HeaderName::RecordRoute:
        case HeaderName::Path:
        case HeaderName::ServiceRoute: return sip::NameAddr::parse(value).has_value();
        case HeaderName::MaxForwards:
        case HeaderName::Expires:
            return base::parseUnsigned(base::trim(value), UINT32_MAX).has_value();
        case HeaderName::ContentType:
        case HeaderName::Other: break;
    }
    return true;
}

bool isMandatory(HeaderName name) {
    return name == HeaderName::Via || name == HeaderName::From || name == HeaderName::To ||
           name == HeaderName::CallId || name == HeaderName::CSeq ||
           name == HeaderName::ContentLength;
}

std::size_t headerCount(siproxd_message* message, const char* name) noexcept {
    return of(message) == nullptr ? 0 : of(message)->headerCount(view(name));
}

const char* header(siproxd_message* message, const char* name, std::size_t index) noexcept {
    if (of(message) == nullptr) {
        return nullptr;
    }
    if (sip::headerNameFrom(view(name)) == HeaderName::ContentLength) {
        return index == 0 ? message->lender.lend(std::to_string(of(message)->body().size())) : nullptr;
    }
    const auto value = of(message)->headerAt(view(name), index);
    return value ? message->lender.lend(*value) : nullptr;
}

int setHeader(siproxd_message* message, const char* name, const char* value) noexcept {
    if (of(message) == nullptr || !mayWrite(view(name), view(value))) {
        return kNotDone;
    }
    of(message)->setHeader(view(name), view(value));
    message->lender.recall();
    return kDone;
}

int addHeader(siproxd_message* message, const char* name, const char* value) noexcept {
    if (of(message) == nullptr || !mayWrite(view(name), view(value)) ||
        (sip::isSingleton(sip::headerNameFrom(view(name))) &&
         of(message)->header(view(name)).has_value())) {
        return kNotDone;
    }
    of(message)->addHeader(view(name), view(value));
    message->lender.recall();
    return kDone;
}

std::size_t removeHeader(siproxd_message* message, const char* name, const char* value) noexcept {
    if (of(message) == nullptr || isMandatory(sip::headerNameFrom(view(name)))) {
        return 0;
    }
    const std::string key(view(name));
    std::vector<std::string> kept;
    if (value != nullptr) {
        kept = of(message)->headers(key);
        std::erase_if(kept, [wanted = base::trim(value)](const std::string& one) {
            return base::equalsIgnoreCase(base::trim(one), wanted);
        });
    }
    const std::size_t removed = of(message)->removeHeader(key) - kept.size();
    for (const std::string& one : kept) {
        of(message)->addHeader(key, one);
    }
    message->lender.recall();
    return removed;
}

const char* history(siproxd_message* message, std::size_t index) noexcept {
    const auto& all = message->context.history;
    return all == nullptr || index >= all->size() ? nullptr : (*all)[index].c_str();
}

const char* body(siproxd_message* message, std::size_t* size) noexcept {
    const std::string_view bytes =
        of(message) == nullptr ? std::string_view() : of(message)->body();
    if (size != nullptr) {
        *size = bytes.size();
    }
    return bytes.empty() ? nullptr : bytes.data();
}

const char* contentType(siproxd_message* message) noexcept {
    if (of(message) == nullptr) {
        return nullptr;
    }
    const std::string type = of(message)->contentType();
    return type.empty() ? nullptr : message->lender.lend(type);
}

int setBody(siproxd_message* message, const char* type, const char* data,
            std::size_t size) noexcept {
    if (of(message) == nullptr || (data == nullptr && size > 0) || !isHeaderValue(view(type))) {
        return kNotDone;
    }
    std::string bytes(data, size);
    if (type == nullptr) {
        of(message)->setBody(std::move(bytes));
    } else {
        of(message)->setBody(std::string(type), std::move(bytes));
    }
    message->lender.recall();
    return kDone;
}

}  // namespace

void fillMessageFunctions(siproxd_host& table) {
    table.msg_source = source;
    table.msg_label = label;
    table.msg_user = user;
    table.msg_history = history;
    table.msg_source_ip = sourceIp;
    table.msg_source_port = sourcePort;
    table.msg_local_ip = localIp;
    table.msg_local_port = localPort;
    table.msg_protocol = protocol;
    table.msg_direction = direction;
    table.msg_set_direction = setDirection;
    table.msg_raw = raw;
    table.msg_set_raw = setRaw;
    table.msg_method = method;
    table.msg_status = status;
    table.msg_reason = reason;
    table.msg_call_id = callId;
    table.msg_cseq = cseq;
    table.msg_header_count = headerCount;
    table.msg_header = header;
    table.msg_set_header = setHeader;
    table.msg_add_header = addHeader;
    table.msg_remove_header = removeHeader;
    table.msg_body = body;
    table.msg_content_type = contentType;
    table.msg_set_body = setBody;
}

}  // namespace siproxd::plugin
