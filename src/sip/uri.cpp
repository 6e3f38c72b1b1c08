// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/uri.h"

#include <osipparser2/osip_uri.h>

#include <algorithm>
#include <memory>

#include "base/character_set.h"
#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

constexpr std::size_t kMaxUri = 2048;

/// White space, control characters and what delimits URIs.
constexpr auto kForeign = base::CharacterSet("<>\"\x7f").with(0, ' ');

struct OsipUriFree {
    void operator()(osip_uri_t* uri) const { ::osip_uri_free(uri); }
};
using OsipUri = std::unique_ptr<osip_uri_t, OsipUriFree>;

std::string text(const char* value) {
    return value == nullptr ? std::string() : std::string(value);
}

/// libosip2 undoes escapes, which would lose what the wire said (and end a string at %00). With
/// every `%` escaped once more its result is the text as it came.
std::string protectEscapes(std::string_view uri) {
    if (uri.find('%') == std::string_view::npos) {
        return std::string(uri);
    }
    std::string out;
    out.reserve(uri.size() + 16);
    for (const char c : uri) {
        out += c;
        if (c == '%') {
            out += "25";
        }
    }
    return out;
}

Params paramsOf(const osip_list_t& list) {
    Params params;
    osip_list_iterator_t it;
    for (auto* entry = static_cast<osip_uri_param_t*>(::osip_list_get_first(&list, &it));
         osip_list_iterator_has_elem(it);
         entry = static_cast<osip_uri_param_t*>(::osip_list_get_next(&it))) {
        params.add({text(entry->gname),
                    entry->gvalue == nullptr ? std::nullopt : std::optional(text(entry->gvalue))});
    }
    return params;
}

/// Where the part behind the user information begins. That may hold `?`, `;` and `:` unescaped, while
/// nothing behind it may hold `@` (RFC 3261 §25.1).
std::size_t hostStart(std::string_view whole) {
    const auto at = whole.rfind('@');
    return at != std::string_view::npos ? at + 1 : whole.find(':') + 1;
}

/// Host and port between the user and the parameters.
std::optional<HostPort> hostPortAt(std::string_view rest) {
    const auto host = rest.substr(0, rest.find('?'));
    return readHostPort(host.substr(0, host.find(';')));
}

/// These decide where a request goes: readers must not be able to take different ones.
bool isUnambiguous(const Params& params) {
    for (const char* name : {"transport", "maddr", "lr"}) {
        if (std::ranges::count_if(params, [name](const Param& param) {
                return base::equalsIgnoreCase(param.name, name);
            }) > 1) {
            return false;
        }
    }
    return true;
}

std::optional<Uri> parseSip(std::string scheme, std::string_view whole) {
    const auto start = hostStart(whole);
    const auto question = whole.find('?', start);
    auto hostPort = hostPortAt(whole.substr(start));
    const bool hasUser = whole[start - 1] == '@';
    if (!hostPort || !isEscaped(whole) || question + 1 == whole.size() ||
        (hasUser && whole.find('@') != start - 1)) {
        return std::nullopt;
    }
    osip_uri_t* raw = nullptr;
    if (::osip_uri_init(&raw) != 0) {
        return std::nullopt;
    }
    const OsipUri osip(raw);
    if (::osip_uri_parse(raw, protectEscapes(whole.substr(0, question)).c_str()) != 0) {
        return std::nullopt;
    }
    Uri uri;
    uri.scheme = std::move(scheme);
    uri.user = text(osip->username);
    uri.password = text(osip->password);
    uri.host = std::move(hostPort->host);
    uri.port = hostPort->port;
    uri.params = paramsOf(osip->url_params);
    if (!isUnambiguous(uri.params)) {
        return std::nullopt;
    }
    for (const auto& param : uri.params) {
        if (param.name.find('@') != std::string::npos ||
            (param.value && param.value->find('@') != std::string::npos)) {
            return std::nullopt;  // libosip2 has taken another `@` than the last for the user's
        }
    }
    if (question != std::string_view::npos) {
        uri.headers = whole.substr(question + 1);
    }
    return uri;
}

}  // namespace

std::optional<Uri> Uri::parse(std::string_view whole) {
    const auto colon = whole.find(':');
    if (whole.size() > kMaxUri || colon == std::string_view::npos || colon == 0 ||
        !isToken(whole.substr(0, colon)) || colon + 1 == whole.size() || kForeign.hasAnyOf(whole)) {
        return std::nullopt;
    }
    std::string scheme = base::toLower(whole.substr(0, colon));
    if (scheme == "sip" || scheme == "sips") {
        return parseSip(std::move(scheme), whole);
    }
    Uri uri;
    uri.scheme = std::move(scheme);
    uri.opaque = whole.substr(colon + 1);
    return uri;
}

std::string Uri::hostText() const {
    return host.find(':') != std::string::npos ? "[" + host + "]" : host;
}

std::string Uri::toString() const {
    std::string out;
    out.reserve(lengthHint());
    appendTo(out);
    return out;
}

std::size_t Uri::lengthHint() const {
    constexpr std::size_t kPort = 6;         // ":65535"
    constexpr std::size_t kSeparators = 6;  // `:` `:` `@` `[` `]` `?`
    return scheme.size() + user.size() + password.view().size() + host.size() + kPort +
           params.length() + headers.view().size() + opaque.view().size() + kSeparators;
}

void Uri::appendTo(std::string& out) const {
    out += scheme;
    out += ':';
    if (!isSip()) {
        out += opaque.view();
        return;
    }
    if (!user.empty()) {
        out += user;
        if (!password.empty()) {
            out += ':';
            out += password.view();
        }
        out += '@';
    }
    appendHost(out, host);
    if (port != 0) {
        out += ':';
        out += std::to_string(port);
    }
    params.appendTo(out);
    if (!headers.empty()) {
        out += '?';
        out += headers.view();
    }
}

std::string Uri::userAtHost() const {
    return isSip() ? user + "@" + hostText() : std::string(opaque);
}

bool Uri::sameAddress(const Uri& other) const {
    if (isSip() != other.isSip()) {
        return false;
    }
    if (!isSip()) {
        return scheme == other.scheme && opaque == other.opaque;
    }
    return user == other.user && base::equalsIgnoreCase(host, other.host) &&
           portOrDefault() == other.portOrDefault();
}

}  // namespace siproxd::sip
