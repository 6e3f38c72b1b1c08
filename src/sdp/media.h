// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "sdp/section.h"

namespace siproxd::sdp {

/// What a=rtcp says (RFC 3605).
struct RtcpAddress {
    std::uint16_t port = 0;
    std::optional<NetAddress> address;  ///< none: that of the media
};

/// What an a=rtpmap line says: `96 opus/48000/2`. The view holds until the body is edited.
struct RtpMap {
    std::uint8_t type = 0;    ///< payload type, 0–127
    std::string_view name;    ///< of the encoding
    std::uint32_t clock = 0;  ///< Hz, 1–900,000
};

/// A media description: an m= line and what belongs to it.
class Media : public Section {
public:
    /// `line` is the m= line.
    [[nodiscard]] static base::Result<Media> parse(Line line);

    [[nodiscard]] std::string_view type() const;      ///< `audio`, `video`, `image`...
    [[nodiscard]] std::uint16_t port() const { return port_; }  ///< 0: refused or taken down
    [[nodiscard]] unsigned portCount() const { return portCount_; }  ///< n of `port/n`, else 1
    [[nodiscard]] std::string_view protocol() const;  ///< `RTP/AVP`, `udptl`, `TCP/MSRP`...
    [[nodiscard]] std::vector<std::string_view> formats() const;

    /// The a=rtpmap lines (RFC 8866 §6.6) that can be read, in order.
    [[nodiscard]] std::vector<RtpMap> rtpMaps() const;

    /// Carried in RTP packets over UDP, in the clear or not.
    [[nodiscard]] bool isRtp() const;
    /// Carried over UDP: RTP and T.38's udptl.
    [[nodiscard]] bool isUdp() const;

    /// Replaces the port (and a `/n` behind it).
    void setPort(std::uint16_t port);

    /// Gives this media a c= of its own or replaces the one it has.
    void setConnection(const base::IpAddress& address);

    /// Nothing when there is no a=rtcp or it cannot be read.
    [[nodiscard]] std::optional<RtcpAddress> rtcp() const;
    void setRtcp(std::uint16_t port) { set("rtcp", std::to_string(port)); }
    void setRtcp(std::uint16_t port, const base::IpAddress& address);
    void removeRtcp() { remove("rtcp"); }

    /// RFC 5761.
    [[nodiscard]] bool rtcpMux() const { return has("rtcp-mux"); }

private:
    [[nodiscard]] std::string_view field(std::size_t index) const;

    std::uint16_t port_ = 0;
    unsigned portCount_ = 1;
};

}  // namespace siproxd::sdp
