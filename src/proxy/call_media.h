// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/result.h"
#include "media/relay.h"
#include "sdp/session.h"
#include "proxy/addresses.h"
#include "proxy/call.h"
#include "proxy/relay_mode.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// What became of the SDP in a message.
enum class MediaOutcome : std::uint8_t {
    Untouched,  ///< there was none, or it is none of ours
    Rewritten,
    NoPorts,     ///< the relay has no ports left: 503
    Refused,     ///< names an address that media may not go to: 488
    Unreadable,  ///< cannot be parsed: 400
};

/// The way of a message with SDP between two parties.
struct MediaWay {
    bool byInitiator = true;  ///< of the call: it is the sender
    Side from = Side::Inside;
    base::IpAddress fromLocal;      ///< our address that the sender talks to
    base::SocketAddress sipSource;  ///< the sender's
    Side to = Side::Outside;
    base::IpAddress toLocal;  ///< our address that the receiver talks to
    /// The sender is behind a NAT: what it names on our networks is on its own.
    bool fromNatted = false;
    RelayMode mode = RelayMode::External;

    /// Their media needs no help, or is to have none: SDP stays as it is.
    [[nodiscard]] bool isDirect() const {
        const bool neighbours = from == Side::Inside && to == Side::Inside && fromLocal == toLocal;
        return mode == RelayMode::Off || (mode == RelayMode::External && neighbours);
    }
    [[nodiscard]] Crossing crossing() const {
        return byInitiator ? Crossing{fromLocal, toLocal} : Crossing{toLocal, fromLocal};
    }
    [[nodiscard]] media::Leg senderLeg() const {
        return byInitiator ? media::Leg::A : media::Leg::B;
    }
};

/// Joins the SDP of offers and answers to the media session of a call: allocates relay ports, tells
/// the relay who wants media where, and edits the body in place so that each side sees only us.
class CallMedia {
public:
    CallMedia(media::Relay& relay, CallTable& calls, const Addresses& addresses)
        : relay_(relay), calls_(calls), addresses_(addresses) {}

    /// Handles the SDP of a message. `onSilence` is for a session that has to be opened.
    [[nodiscard]] MediaOutcome apply(Call& call, sip::Message& message, const MediaWay& way,
                                     const std::function<void()>& onSilence);

    /// For an INVITE without an offer: makes sure that there will be ports for one audio stream.
    [[nodiscard]] MediaOutcome reserve(Call& call, const MediaWay& way,
                                       const std::function<void()>& onSilence);

    /// For SDP outside of calls (an answer to OPTIONS): hides the addresses, relays nothing.
    void hideAddresses(sip::Message& message, const MediaWay& way) const;

    /// For an answer that cannot be used any more: hides the addresses and refuses every stream.
    void disable(sip::Message& message, const MediaWay& way) const;

private:
    [[nodiscard]] MediaOutcome applySession(Call& call, sip::Message& message,
                                            sdp::Session& description, const MediaWay& way,
                                            const std::function<void()>& onSilence);
    [[nodiscard]] media::Session& sessionOf(Call& call, const MediaWay& way,
                                            const std::function<void()>& onSilence);
    [[nodiscard]] MediaOutcome applyStream(Call& call, media::Session& session, std::size_t index,
                                           const sdp::Session& description, sdp::Media& media,
                                           const MediaWay& way, bool refusable);
    [[nodiscard]] std::optional<base::SocketAddress> allowed(const Call& call,
                                                             base::SocketAddress announced,
                                                             const MediaWay& way);
    /// What stands for us in SDP that goes this way; none: not known yet.
    [[nodiscard]] base::IpAddress announcedTo(const MediaWay& way) const;
    void rewriteAddresses(sdp::Session& description, const MediaWay& way) const;
    void refuseStreams(sdp::Session& description, const MediaWay& way) const;
    [[nodiscard]] bool namesInside(std::string_view value) const;

    media::Relay& relay_;
    CallTable& calls_;
    const Addresses& addresses_;
};

}  // namespace siproxd::proxy
