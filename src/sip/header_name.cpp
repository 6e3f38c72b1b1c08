// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/header_name.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace siproxd::sip {

HeaderName headerNameFrom(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, HeaderName>, 14> kNames{{
        {"Via", HeaderName::Via},
        {"From", HeaderName::From},
        {"To", HeaderName::To},
        {"Call-ID", HeaderName::CallId},
        {"CSeq", HeaderName::CSeq},
        {"Contact", HeaderName::Contact},
        {"Route", HeaderName::Route},
        {"Record-Route", HeaderName::RecordRoute},
        {"Path", HeaderName::Path},
        {"Service-Route", HeaderName::ServiceRoute},
        {"Max-Forwards", HeaderName::MaxForwards},
        {"Expires", HeaderName::Expires},
        {"Content-Type", HeaderName::ContentType},
        {"Content-Length", HeaderName::ContentLength},
    }};
    name = longHeaderName(name);
    for (const auto& [text, id] : kNames) {
        if (base::equalsIgnoreCase(text, name)) {
            return id;
        }
    }
    return HeaderName::Other;
}

std::string_view longHeaderName(std::string_view name) {
    if (name.size() != 1) {
        return name;
    }
    // The IANA registry of SIP header fields, column "compact".
    switch (name.front() | 0x20) {
        case 'a': return "Accept-Contact";
        case 'b': return "Referred-By";
        case 'c': return "Content-Type";
        case 'd': return "Request-Disposition";
        case 'e': return "Content-Encoding";
        case 'f': return "From";
        case 'i': return "Call-ID";
        case 'j': return "Reject-Contact";
        case 'k': return "Supported";
        case 'l': return "Content-Length";
        case 'm': return "Contact";
        case 'n': return "Identity-Info";
        case 'o': return "Event";
        case 'r': return "Refer-To";
        case 's': return "Subject";
        case 't': return "To";
        case 'u': return "Allow-Events";
        case 'v': return "Via";
        case 'x': return "Session-Expires";
        case 'y': return "Identity";
        default: return name;
    }
}

bool isSingleton(HeaderName name) {
    switch (name) {
        case HeaderName::From:
        case HeaderName::To:
        case HeaderName::CallId:
        case HeaderName::CSeq:
        case HeaderName::MaxForwards:
        case HeaderName::Expires:
        case HeaderName::ContentType:
        case HeaderName::ContentLength: return true;
        case HeaderName::Via:
        case HeaderName::Contact:
        case HeaderName::Route:
        case HeaderName::RecordRoute:
        case HeaderName::Path:
        case HeaderName::ServiceRoute:
        case HeaderName::Other: break;
    }
    return false;
}

bool isSingleton(std::string_view longName) {
    static constexpr std::array<std::string_view, 18> kNames{
        "Content-Disposition", "Event",       "Join",           "Min-Expires",
        "Min-SE",              "MIME-Version", "RAck",           "Refer-To",
        "Referred-By",         "Replaces",    "Retry-After",    "RSeq",
        "Session-Expires",     "SIP-ETag",    "SIP-If-Match",   "Subscription-State",
        "Target-Dialog",       "Content-Transfer-Encoding"};
    return std::ranges::any_of(
        kNames, [longName](std::string_view name) { return base::equalsIgnoreCase(name, longName); });
}

bool isSplit(HeaderName name) {
    switch (name) {
        case HeaderName::Via:
        case HeaderName::Contact:
        case HeaderName::Route:
        case HeaderName::RecordRoute:
        case HeaderName::Path:
        case HeaderName::ServiceRoute: return true;
        case HeaderName::From:
        case HeaderName::To:
        case HeaderName::CallId:
        case HeaderName::CSeq:
        case HeaderName::MaxForwards:
        case HeaderName::Expires:
        case HeaderName::ContentType:
        case HeaderName::ContentLength:
        case HeaderName::Other: break;
    }
    return false;
}

}  // namespace siproxd::sip
