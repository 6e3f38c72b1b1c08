// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/appearance.h"

#include <fmt/format.h>

#include "base/text.h"

namespace siproxd::proxy {

namespace {

void setFromUri(sip::Message& message, const sip::Uri& uri) {
    auto from = message.from();
    from.uri = uri;
    message.setFrom(from);
}

void setToUri(sip::Message& message, const sip::Uri& uri) {
    auto to = message.to();
    to.uri = uri;
    message.setTo(to);
}

/// RAck (RFC 3262 §7.2) names the INVITE: number of the response, number and method of the request.
void shiftRAck(sip::Message& prack, const Appearance& appearance) {
    const auto field = prack.header("RAck");
    const auto parts = field ? base::split(*field, ' ') : std::vector<std::string_view>{};
    if (parts.size() == 3 && parts[1] == std::to_string(appearance.inviteGiven)) {
        prack.setHeader("RAck",
                        fmt::format("{} {} {}", parts[0], appearance.inviteSent, parts[2]));
    }
}

}  // namespace

Parties Parties::of(const sip::Message& request) {
    return {request.from().uri, request.to().uri, request.cseq().number};
}

void Parties::restore(sip::Message& response) const {
    setFromUri(response, from);
    setToUri(response, to);
    auto number = response.cseq();
    number.number = cseq;
    response.setCSeq(number);
}

void Appearance::show(sip::Message& request) const {
    if (identity->from) {
        setFromUri(request, *identity->from);
    }
    if (identity->to) {
        setToUri(request, *identity->to);
    }
    auto cseq = request.cseq();
    if (request.method() == sip::Method::Ack && cseq.number == inviteGiven) {
        cseq.number = inviteSent;
    } else {
        cseq.number += shift;
    }
    request.setCSeq(cseq);
    if (request.method() == sip::Method::Prack) {
        shiftRAck(request, *this);
    }
    if (identity->hasCredentials()) {
        request.removeHeader("Authorization");
        request.removeHeader("Proxy-Authorization");
    }
}

void Appearance::hide(sip::Message& request, const sip::Uri& local, const sip::Uri& remote) const {
    if (identity->to) {
        setFromUri(request, remote);
    }
    if (identity->from) {
        setToUri(request, local);
    }
}

}  // namespace siproxd::proxy
