// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "media/relay.h"
#include "proxy/addresses.h"
#include "proxy/call.h"
#include "proxy/relay_mode.h"
#include "sdp/session.h"
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
    /// A description of a call on its way.
    struct Passage {
        Call& call;
        media::Session& session;
        const sdp::Session& description;
        std::vector<std::size_t> carriers;  ///< of its media, as sdp::Session::carriers()
        const MediaWay& way;
    };
    /// Where the receiver is told to send a stream.
    struct Shown {
        base::SocketAddress rtp;
        base::SocketAddress rtcp;
        std::optional<media::IceCredentials> ice{};  ///< to be checked there with; none: no ICE
    };
    /// Of the media by index; nothing: it is refused.
    using Shows = std::vector<std::optional<Shown>>;

    [[nodiscard]] media::Session& sessionOf(Call& call, const MediaWay& way,
                                            const std::function<void()>& onSilence);
    [[nodiscard]] MediaOutcome applySession(Call& call, const sip::Message& message,
                                            sdp::Session& description, const MediaWay& way,
                                            const std::function<void()>& onSilence);
    void show(sdp::Session& description, const Passage& passage, const Shows& shows) const;
    /// ICE of ours (RFC 8839): the agent is lite, and the relay is its only candidate.
    static void showIce(sdp::Media& media, const Shown& shown);
    /// The one address that all streams are shown at; `ours` when there is none or several.
    [[nodiscard]] static base::IpAddress addressOf(const Shows& shows, const base::IpAddress& ours);
    /// What stands for us in SDP that goes this way; none: not known yet.
    [[nodiscard]] base::IpAddress announcedTo(const MediaWay& way) const;
    /// `nowhereToo`: 0.0.0.0, which is the old way to hold, else stays.
    void rewriteAddresses(sdp::Session& description, const MediaWay& way,
                          const base::IpAddress& connection, bool nowhereToo = false) const;
    void refuseStreams(sdp::Session& description, const MediaWay& way) const;
    [[nodiscard]] bool namesInside(std::string_view value) const;

    // one stream (call_stream.cpp)
    /// Opens the relay of a media that carries itself, and perhaps others. The error is why it
    /// cannot be.
    [[nodiscard]] std::expected<Shown, MediaOutcome> relayStream(const Passage& passage,
                                                                 std::size_t index);
    /// Where the sender wants it; nothing: media may not go there.
    [[nodiscard]] std::optional<media::Announced> announcedBy(const Passage& passage,
                                                              std::size_t index) const;
    /// The sender's credentials; nothing: it does not speak ICE, or nobody here is to.
    [[nodiscard]] static base::Rare<media::IceCredentials> iceOf(const Passage& passage,
                                                                const sdp::Media& media);
    /// Whether the sender speaks ICE, and is to.
    [[nodiscard]] static bool speaksIce(const Passage& passage);
    /// Whether the receiver is shown ICE: it speaks it, or is asked with an offer that has it.
    [[nodiscard]] static bool showsIce(const Passage& passage, std::size_t index);
    [[nodiscard]] std::optional<base::SocketAddress> allowed(const Call& call,
                                                             base::SocketAddress announced,
                                                             const MediaWay& way) const;
    /// The call has left us for the provider and comes back to the caller's own network: what the
    /// phone behind that relay port of ours has announced.
    [[nodiscard]] std::optional<media::Announced> neighbourBehind(
        const base::SocketAddress& relay, const Passage& passage) const;

    media::Relay& relay_;
    CallTable& calls_;
    const Addresses& addresses_;
};

}  // namespace siproxd::proxy
