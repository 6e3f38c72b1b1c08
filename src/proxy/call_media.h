// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/result.h"
#include "media/relay.h"
#include "sdp/session.h"
#include "proxy/addresses.h"
#include "proxy/call.h"
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

/// Joins the SDP of offers and answers to the media session of a call: allocates relay ports, tells
/// the relay who wants media where, and edits the body in place so that each side sees only us.
/// Leg A of every session is the inside, leg B the outside.
class CallMedia {
public:
    CallMedia(media::Relay& relay, CallTable& calls, const Addresses& addresses)
        : relay_(relay), calls_(calls), addresses_(addresses) {}

    /// Handles the SDP of a message on its way from `from` to the other side. `sipSource` is where
    /// the message came from. `onSilence` is for a session that has to be opened.
    [[nodiscard]] MediaOutcome apply(Call& call, sip::Message& message, Side from,
                                     const base::SocketAddress& sipSource,
                                     const std::function<void()>& onSilence);

    /// For an INVITE without an offer: makes sure that there will be ports for one audio stream.
    [[nodiscard]] MediaOutcome reserve(Call& call, const std::function<void()>& onSilence);

    /// For SDP outside of calls (an answer to OPTIONS): hides the addresses, relays nothing.
    void hideAddresses(sip::Message& message, Side towards) const;

    /// For an answer that cannot be used any more: hides the addresses and refuses every stream.
    void disable(sip::Message& message, Side towards) const;

    [[nodiscard]] static bool hasSdp(const sip::Message& message) {
        return !message.body().empty() && message.contentType() == "application/sdp";
    }

private:
    [[nodiscard]] media::Session& sessionOf(Call& call, const std::function<void()>& onSilence);
    [[nodiscard]] MediaOutcome applyStream(Call& call, std::size_t index,
                                           const sdp::Session& description, sdp::Media& media,
                                           Side from, const base::SocketAddress& sipSource,
                                           bool refusable);
    [[nodiscard]] std::optional<base::SocketAddress> allowed(const Call& call,
                                                             base::SocketAddress announced,
                                                             Side from);
    void rewriteAddresses(sdp::Session& description, Side towards) const;
    [[nodiscard]] bool namesInside(std::string_view value) const;

    media::Relay& relay_;
    CallTable& calls_;
    const Addresses& addresses_;
};

}  // namespace siproxd::proxy
