// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins read and change of URIs, in messages and apart from them.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "plugin/handles.h"

namespace siproxd::plugin {

namespace {

using sip::NameAddr;
using sip::Uri;

// ---- parts of a URI

int hexDigit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size();
        const int high = escape ? hexDigit(text[i + 1]) : -1;
        const int low = escape ? hexDigit(text[i + 2]) : -1;
        if (high >= 0 && low >= 0 && high + low > 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// A user part as RFC 3261 §25.1 lets it stand in a URI.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string_view("-_.!~*'()&=+$,;?/").find(c) != std::string_view::npos;
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

/// nullptr: it has none.
const char* lendPart(Lender& lender, const Uri& uri, int part) {
    const auto some = [&lender](std::string_view text) {
        return text.empty() ? nullptr : lender.lend(text);
    };
    switch (part) {
        case SIPROXD_URI_TEXT: return lender.lend(uri.toString());
        case SIPROXD_URI_SCHEME: return some(uri.scheme);
        case SIPROXD_URI_USER: return some(uri.user);
        case SIPROXD_URI_USER_PLAIN: return some(unescaped(uri.user));
        case SIPROXD_URI_PASSWORD: return some(uri.password);
        case SIPROXD_URI_HOST: return some(uri.host);
        case SIPROXD_URI_PORT: return uri.port == 0 ? nullptr : lender.lend(std::to_string(uri.port));
        case SIPROXD_URI_OPAQUE: return some(uri.opaque);
        default: return nullptr;
    }
}

std::optional<std::uint16_t> portFrom(std::string_view text) {
    const auto port = base::parseUnsigned(text, 65535);
    return port ? std::optional(static_cast<std::uint16_t>(*port)) : std::nullopt;
}

/// Whether the URI reads back as what it is: nothing in one part has broken out into another.
bool isSound(const Uri& uri) {
    return Uri::parse(uri.toString()) == uri;
}

bool setPart(Uri& uri, int part, std::string_view value) {
    Uri changed = uri;
    switch (part) {
        case SIPROXD_URI_TEXT: {
            auto parsed = Uri::parse(value);
            if (!parsed) {
                return false;
            }
            changed = std::move(*parsed);
            break;
        }
        case SIPROXD_URI_SCHEME: changed.scheme = base::toLower(value); break;
        case SIPROXD_URI_USER: changed.user = std::string(value); break;
        case SIPROXD_URI_USER_PLAIN: changed.user = escaped(value); break;
        case SIPROXD_URI_PASSWORD: changed.password = value; break;
        case SIPROXD_URI_HOST: changed.host = std::string(value); break;
        case SIPROXD_URI_PORT: {
            const auto port = value.empty() ? std::optional<std::uint16_t>(0) : portFrom(value);
            if (!port) {
                return false;
            }
            changed.port = *port;
            break;
        }
        case SIPROXD_URI_OPAQUE: changed.opaque = value; break;
        default: return false;
    }
    if (!isSound(changed)) {
        return false;
    }
    uri = std::move(changed);
    return true;
}

const char* lendParam(Lender& lender, const sip::Params& params, const char* name) {
    const sip::Param* param = params.find(view(name));
    return param == nullptr ? nullptr : lender.lend(param->value ? std::string_view(*param->value) : "");
}

// ---- addresses of a message

/// HeaderName::Other: that place is no header field of addresses.
sip::HeaderName headerOf(int at) {
    switch (at) {
        case SIPROXD_AT_FROM: return sip::HeaderName::From;
        case SIPROXD_AT_TO: return sip::HeaderName::To;
        case SIPROXD_AT_CONTACT: return sip::HeaderName::Contact;
        case SIPROXD_AT_ROUTE: return sip::HeaderName::Route;
        case SIPROXD_AT_RECORD_ROUTE: return sip::HeaderName::RecordRoute;
        default: return sip::HeaderName::Other;
    }
}

/// What stands there, to look at; nullptr: nothing.
const NameAddr* shown(siproxd_message* message, int at, std::size_t index) {
    const auto name = headerOf(at);
    return message->context.message == nullptr || name == sip::HeaderName::Other
               ? nullptr
               : message->context.message->addressAt(name, index);
}

const Uri* shownUri(siproxd_message* message, int at, std::size_t index) {
    if (at == SIPROXD_AT_REQUEST_URI) {
        const auto* text = message->context.message;
        return text == nullptr || !text->isRequest() || index > 0 ? nullptr : &text->requestUri();
    }
    const auto* address = shown(message, at, index);
    return address == nullptr ? nullptr : &address->uri;
}

/// To be changed and stored.
std::optional<NameAddr> address(siproxd_message* message, int at, std::size_t index) {
    if (const auto* known = shown(message, at, index)) {
        return *known;
    }
    const auto* uri = shownUri(message, at, index);
    return uri == nullptr ? std::nullopt : std::optional(NameAddr{{}, *uri, {}});
}

std::size_t addressCount(siproxd_message* message, int at) noexcept {
    std::size_t count = 0;
    while (shownUri(message, at, count) != nullptr) {
        ++count;
    }
    return count;
}

/// Writes the address back; nothing removes it, an index behind the last one adds it.
int store(siproxd_message* message, int at, std::size_t index, std::optional<NameAddr> value) {
    if (message->context.message == nullptr) {
        return kNotDone;
    }
    const auto count = addressCount(message, at);
    const bool isList =
        at == SIPROXD_AT_CONTACT || at == SIPROXD_AT_ROUTE || at == SIPROXD_AT_RECORD_ROUTE;
    if (index > count || (index == count && !(isList && value)) || (!isList && !value)) {
        return kNotDone;
    }
    sip::Message& text = *message->context.message;
    if (isList) {
        auto all = text.addresses(headerOf(at));
        if (index == count) {
            all.emplace_back();
        }
        if (value) {
            all[index] = std::move(*value);
        } else {
            all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
        }
        text.setAddresses(headerOf(at), all);
    } else if (at == SIPROXD_AT_REQUEST_URI) {
        text.setRequestUri(value->uri);
    } else if (at == SIPROXD_AT_FROM) {
        text.setFrom(*value);
    } else {
        text.setTo(*value);
    }
    message->lender.recall();
    return kDone;
}

const char* uriPart(siproxd_message* message, int at, std::size_t index, int part) noexcept {
    const auto* uri = shownUri(message, at, index);
    return uri == nullptr ? nullptr : lendPart(message->lender, *uri, part);
}

const char* uriParam(siproxd_message* message, int at, std::size_t index,
                     const char* name) noexcept {
    const auto* uri = shownUri(message, at, index);
    return uri == nullptr ? nullptr : lendParam(message->lender, uri->params, name);
}

int setUriPart(siproxd_message* message, int at, std::size_t index, int part,
               const char* value) noexcept {
    auto found = address(message, at, index);
    if (!found || !setPart(found->uri, part, view(value))) {
        return kNotDone;
    }
    return store(message, at, index, std::move(found));
}

int setUri(siproxd_message* message, int at, std::size_t index, const char* uri) noexcept {
    return setUriPart(message, at, index, SIPROXD_URI_TEXT, uri);
}

const char* addressText(siproxd_message* message, int at, std::size_t index) noexcept {
    if (at == SIPROXD_AT_REQUEST_URI) {
        return uriPart(message, at, index, SIPROXD_URI_TEXT);
    }
    const auto* found = shown(message, at, index);
    return found == nullptr ? nullptr : message->lender.lend(found->toString());
}

int setAddress(siproxd_message* message, int at, std::size_t index, const char* text) noexcept {
    auto parsed = text == nullptr ? std::nullopt : NameAddr::parse(text);
    if (message->context.message == nullptr || (text != nullptr && !parsed)) {
        return kNotDone;
    }
    return store(message, at, index, std::move(parsed));
}

const char* addressParam(siproxd_message* message, int at, std::size_t index,
                         const char* name) noexcept {
    const auto* found = shown(message, at, index);
    return found == nullptr ? nullptr : lendParam(message->lender, found->params, name);
}

// ---- URIs apart from messages

siproxd_uri* parseUri(siproxd_self*, const char* text) noexcept {
    auto uri = Uri::parse(view(text));
    return uri ? new siproxd_uri{std::move(*uri)} : nullptr;
}

void freeUri(siproxd_uri* uri) noexcept {
    delete uri;
}

const char* ownUriPart(siproxd_uri* uri, int part) noexcept {
    return lendPart(uri->lender, uri->uri, part);
}

int setOwnUriPart(siproxd_uri* uri, int part, const char* value) noexcept {
    if (!setPart(uri->uri, part, view(value))) {
        return kNotDone;
    }
    uri->lender.recall();
    return kDone;
}

const char* ownUriParam(siproxd_uri* uri, const char* name) noexcept {
    return lendParam(uri->lender, uri->uri.params, name);
}

int setOwnUriParam(siproxd_uri* uri, const char* name, const char* value) noexcept {
    Uri changed = uri->uri;
    changed.params.set(view(name),
                       value == nullptr ? std::nullopt : std::optional(std::string(value)));
    if (view(name).empty() || !changed.isSip() || !isSound(changed)) {
        return kNotDone;
    }
    uri->uri = std::move(changed);
    uri->lender.recall();
    return kDone;
}

int removeOwnUriParam(siproxd_uri* uri, const char* name) noexcept {
    const bool removed = uri->uri.params.remove(view(name));
    uri->lender.recall();
    return removed ? 1 : 0;
}

}  // namespace

void fillAddressFunctions(siproxd_host& table) {
    table.msg_address_count = addressCount;
    table.msg_uri_part = uriPart;
    table.msg_uri_param = uriParam;
    table.msg_set_uri = setUri;
    table.msg_set_uri_part = setUriPart;
    table.msg_address = addressText;
    table.msg_set_address = setAddress;
    table.msg_address_param = addressParam;
    table.uri_parse = parseUri;
    table.uri_free = freeUri;
    table.uri_part = ownUriPart;
    table.uri_set_part = setOwnUriPart;
    table.uri_param = ownUriParam;
    table.uri_set_param = setOwnUriParam;
    table.uri_remove_param = removeOwnUriParam;
}

}  // namespace siproxd::plugin
