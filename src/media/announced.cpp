// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/announced.h"

namespace siproxd::media {

namespace {

bool isPublic(const base::IpAddress& ip) {
    return ip && !ip.isPrivate() && !ip.isLinkLocal() && !ip.isLoopback() && !ip.isUnspecified();
}

bool isBehindNat(const Announced& announced) {
    if (announced.natted) {
        return static_cast<bool>(announced.sipSource);
    }
    const auto& ip = announced.rtp.ip;
    return (ip.isPrivate() || ip.isLinkLocal()) && isPublic(announced.sipSource);
}

Expectation expected(const Announced& announced, const base::SocketAddress& address) {
    const bool checked = announced.ice.has_value();
    if (announced.rtp.ip.isUnspecified()) {
        return {{}, announced.sipSource, true, checked};
    }
    if (isBehindNat(announced)) {
        return {{}, announced.sipSource, false, checked};
    }
    // An address without a port is no place to send to.
    return {address ? address : base::SocketAddress{}, address.ip, false, checked};
}

}  // namespace

Expectation expectedRtp(const Announced& announced) {
    return expected(announced, announced.rtp);
}

Expectation expectedRtcp(const Announced& announced) {
    if (announced.rtcp.ip) {
        return expected(announced, announced.rtcp);
    }
    const auto& [ip, port] = announced.rtp;
    const auto next = static_cast<std::uint16_t>(port == 0 ? 0 : port + 1);
    return expected(announced, {ip, next});
}

bool sendingIsLimited(const Announced& announced) {
    const bool elsewhere = announced.rtcp.ip && announced.rtcp.ip != announced.rtp.ip;
    return !announced.trusted && (announced.rtp.ip != announced.sipSource || elsewhere);
}

}  // namespace siproxd::media
