// SPDX-License-Identifier: GPL-2.0-or-later
#include "selection.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>

#include <algorithm>

#include "siproxd/plugin.hpp"

namespace capture {

using siproxd::api::equals;

namespace {


constexpr int kSnap = 262'144;
constexpr std::size_t kLongestCallId = 256;

/// Of a line, which may end with CRLF.
std::string_view trim(std::string_view text) { return siproxd::api::trim(text, " \t\r"); }

/// For one address nobody writes a mask in a hurry.
std::string withMask(const std::string& text) {
    char bytes[16];
    return text + (::inet_pton(AF_INET, text.c_str(), bytes) == 1    ? "/32"
                   : ::inet_pton(AF_INET6, text.c_str(), bytes) == 1 ? "/128"
                                                                     : "");
}

}  // namespace

void Filter::Free::operator()(::bpf_program* program) const {
    ::pcap_freecode(program);
    delete program;
}

std::optional<Filter> Filter::compile(const std::string& text, std::string& why) {
    Filter filter;
    if (trim(text).empty()) {
        return filter;
    }
    auto* dead = ::pcap_open_dead(DLT_RAW, kSnap);
    if (dead == nullptr) {
        why = "out of memory";
        return std::nullopt;
    }
    auto program = std::make_unique<::bpf_program>();
    const bool good = ::pcap_compile(dead, program.get(), text.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0;
    why = good ? "" : ::pcap_geterr(dead);
    ::pcap_close(dead);
    if (!good) {
        return std::nullopt;
    }
    filter.program_.reset(program.release());
    return filter;
}

bool Filter::lets(std::string_view packet) const {
    if (program_ == nullptr) {
        return true;
    }
    ::pcap_pkthdr header{};
    header.caplen = header.len = static_cast<::bpf_u_int32>(packet.size());
    return ::pcap_offline_filter(program_.get(), &header, reinterpret_cast<const ::u_char*>(packet.data())) != 0;
}

Wish wishIn(std::string_view text) {
    Wish wish;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto space = std::min(line.find_first_of(" \t"), line.size());
        const auto what = line.substr(0, space);
        const auto value = std::string(trim(line.substr(space)));
        if (equals(what, "call-id") && !value.empty()) {
            wish.callIds.push_back(value);
        } else if (equals(what, "address") && !value.empty()) {
            wish.addresses += (wish.addresses.empty() ? "" : ",") + withMask(value);
        } else if (equals(what, "filter") && !value.empty()) {
            wish.filter = value;
        } else if (wish.complaint.empty()) {
            wish.complaint = std::string(line.substr(0, 100)) + ": call-id, address or filter is needed";
        }
    }
    return wish;
}

std::string_view callIdIn(std::string_view message) {
    while (!message.empty()) {
        const auto end = message.find('\n');
        const auto line = message.substr(0, end);
        if (trim(line).empty()) {
            return {};  // the body follows
        }
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && colon < 12) {
            const auto name = trim(line.substr(0, colon));
            if (equals(name, "call-id") || equals(name, "i")) {
                return trim(line.substr(colon + 1)).substr(0, kLongestCallId);
            }
        }
        message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
    }
    return {};
}

void FollowedCalls::follow(std::string_view callId) {
    if (callId.empty()) {
        return;
    }
    if (const auto known = index_.find(std::string(callId)); known != index_.end()) {
        order_.splice(order_.begin(), order_, known->second);
        return;
    }
    order_.emplace_front(callId);
    index_.emplace(order_.front(), order_.begin());
    if (order_.size() > kMost) {
        index_.erase(order_.back());
        order_.pop_back();
    }
}

void FollowedCalls::clear() {
    order_.clear();
    index_.clear();
}

}  // namespace capture
