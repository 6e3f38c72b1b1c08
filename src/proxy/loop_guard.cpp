// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/loop_guard.h"

#include <string>

#include "base/keyed_hash.h"
#include "base/text.h"

namespace siproxd::proxy {

namespace {

constexpr std::uint32_t kDefaultBreadth = 60;

}  // namespace

LoopGuard::Key LoopGuard::keyOf(const sip::Message& request, Side from) {
    std::string text;
    text.reserve(512);
    const auto add = [&text](std::string_view part) {
        text += part;
        text += '\n';
    };
    add(from == Side::Inside ? "i" : "o");
    add(request.methodName());
    add(request.requestUriText());
    add(request.callId());
    add(request.fromTag());
    add(request.toTag());
    add(std::to_string(request.cseq().number));
    for (const auto& route : request.routes()) {
        add(route.uri.toString());
    }
    return Key{base::keyedHash(text)};
}

void LoopGuard::leave(Key key) {
    const auto known = underWay_.find(key);
    if (known != underWay_.end() && --known->second == 0) {
        underWay_.erase(known);
    }
}

std::uint32_t breadthOf(const sip::Message& request) {
    const auto text = request.header("Max-Breadth");
    const auto breadth = text ? base::parseUnsigned(base::trim(*text), UINT32_MAX) : std::nullopt;
    return breadth ? static_cast<std::uint32_t>(*breadth) : kDefaultBreadth;
}

}  // namespace siproxd::proxy
