// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/call_id.h"

namespace siproxd::proxy {

namespace {

constexpr std::string_view kMark = "-siproxd";

}  // namespace

std::string obscuredCallId(std::string_view callId, std::string_view tag) {
    std::string out(callId);
    out += kMark;
    out += tag;
    return out;
}

std::optional<std::string> plainCallId(std::string_view callId, std::string_view tag) {
    if (tag.empty() || callId.size() <= kMark.size() + tag.size() || !callId.ends_with(tag)) {
        return std::nullopt;
    }
    callId.remove_suffix(tag.size());
    if (!callId.ends_with(kMark)) {
        return std::nullopt;
    }
    callId.remove_suffix(kMark.size());
    return std::string(callId);
}

}  // namespace siproxd::proxy
