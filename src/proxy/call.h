// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <forward_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "access/call_limits.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/flow.h"
#include "base/text.h"
#include "media/session.h"
#include "plugin/call_view.h"
#include "proxy/addresses.h"
#include "proxy/appearance.h"
#include "proxy/relay_mode.h"
#include "sip/message.h"
#include "transaction/layer.h"

namespace siproxd::proxy {

/// The server outside that a dialog was made with: one of several that a name stands for, or at the
/// other end of a connection. Requests of the dialog that lead to its address stay with it. Certificates
/// are for names, but dialogs name addresses (RFC 3261 §8.1.1.8): who has proven to be the server of the
/// name is believed for the dialog, too.
struct DialogPeer {
    base::Flow flow;         ///< by which the dialog was made
    std::uint16_t port = 0;  ///< that the server listens on
    std::string name;        ///< that its certificate is for; empty: it has come to us

    [[nodiscard]] bool isAt(base::Protocol protocol, const base::SocketAddress& address) const {
        return flow.protocol == protocol && flow.remote.ip == address.ip && port == address.port;
    }
};

/// What it takes to say BYE to both parties of a call (RFC 3261 §15), besides its CallState. Texts,
/// because there are thousands of them and hardly any is ever read.
struct DialogEnds {
    struct End {
        std::string uri;                  ///< of From or To of the first INVITE
        std::string target;               ///< its Contact, unless CallState::insideContact is that
        std::vector<std::string> routes;  ///< towards it, nearest to us first; as `target`
        std::uint32_t cseq = 0;           ///< of its last request
    };
    /// Somebody whose phone rings, by the tag of his early dialog (RFC 3261 §12.1).
    struct Early {
        std::string tag;
        End end;
    };
    End caller;
    End callee;
    /// Of a call that a plugin has sent outside (CallState::isChosen), until it is answered.
    std::forward_list<Early> early;
    Side calleeSide = Side::Outside;
    /// Not for the BYE, but for reports: request URI of the first INVITE when it is not the To URI.
    sip::RareText dialled;
    sip::RareText user;  ///< likewise: the caller, as it has authenticated; empty: it was not asked
};

/// What is worth keeping of a call: a plain value, apart from timers and sockets.
struct CallState {
    std::uint64_t id = 0;  ///< never used again
    std::string callId;
    std::string initiatorTag;  ///< From tag of the first INVITE
    Side initiator = Side::Inside;  ///< where the first INVITE came from
    /// The inside party's own Contact, of two inside the caller's; an empty host: unknown.
    sip::Uri insideContact;
    std::vector<sip::NameAddr> insideRoutes;  ///< its proxies, nearest to us first
    bool isRelayed = false;         ///< both parties are outside, and one of them is a user of ours
    /// Relayed for a caller who may be a stranger, to somebody outside whom a plugin has chosen:
    /// nobody but these two is reached by it.
    bool isChosen = false;
    RelayMode relayMode = RelayMode::External;  ///< as it was when the call began
    bool iceLite = false;                       ///< likewise: rtp_ice = lite
    base::IpAddress initiatorSource{};  ///< that the first INVITE came from
    bool answered = false;          ///< a 2xx has passed
    base::TimePoint answeredAt{};   ///< when
    base::TimePoint startedAt{};    ///< the first INVITE has come
    transaction::ServerId invite = transaction::ServerId::None;  ///< the first one
    int status = 0;                 ///< of the final response to it; 0: none yet
    plugin::EndedBy endedBy = plugin::EndedBy::NotYet;
    std::string answererTag;        ///< To tag of the first 2xx; another one is of a fork that lost
    /// For a call that has to be ended in the name of its parties; null: no INVITE of the caller
    /// was seen, or its texts are longer than those of real ones.
    std::unique_ptr<DialogEnds> ends;
    /// How one of the parties appears to the other; null: as itself.
    std::unique_ptr<Appearance> appearance;
    /// Where the outside party's requests go when there is something to stay with; null: there is
    /// nothing, whatever its URIs name is as good.
    std::shared_ptr<const DialogPeer> peer;
};

/// The addresses of ours that the two parties of a call talk to.
struct Crossing {
    base::IpAddress initiator;
    base::IpAddress answerer;

    friend bool operator==(const Crossing&, const Crossing&) = default;
};

/// A call through this proxy: from its INVITE to the answer to its BYE. Owns the media: destroying
/// the call frees the ports. A call that crosses the proxy twice (phone to provider to phone) is two
/// of these.
///
/// Forks of a call may lead to phones on several interfaces, or by both IP versions: there is one
/// session for each pair of our addresses until the call is answered. Leg A of all is the initiator.
class Call {
public:
    /// Calls by the end of their session.
    using Ends = std::multimap<base::TimePoint, Call*>;

    explicit Call(CallState state) : state_(std::move(state)) {}

    /// Whether the message is of a dialog that a second 2xx has made besides the call's own: its
    /// media and its end are none of the call's (RFC 3261 §13.2.2.4).
    [[nodiscard]] bool isOfOtherDialog(const sip::Message& message) const;

    /// Whether the sender of a request is the one who has sent the first INVITE.
    [[nodiscard]] bool isInitiator(const sip::Message& request) const {
        return request.fromTag() == state_.initiatorTag;
    }
    /// Whether CallState::insideContact, if there is one, is the caller's.
    [[nodiscard]] bool keepsCaller() const { return state_.initiator == Side::Inside; }

    [[nodiscard]] CallState& state() { return state_; }
    [[nodiscard]] const CallState& state() const { return state_; }

    /// The session of a message that takes this way; null: there is none yet. Once the call has been
    /// answered all messages are for the one session that is left.
    [[nodiscard]] media::Session* media(const Crossing& crossing);
    [[nodiscard]] media::Session& addMedia(const Crossing& crossing,
                                           std::unique_ptr<media::Session> session);
    /// The call has been answered that way: the other sessions and their ports go.
    void keepMedia(const Crossing& crossing);
    /// Whether its media is bound to this address of ours.
    [[nodiscard]] bool isOn(const base::IpAddress& local) const;
    /// The addresses of ours that its media is bound to; some may be there twice.
    [[nodiscard]] std::vector<base::IpAddress> localAddresses() const;
    /// Whether media should flow in any of them.
    [[nodiscard]] bool mediaFlows() const;
    /// What has come on the streams of all its sessions, those that were closed last.
    [[nodiscard]] std::vector<media::StreamReport> mediaReports() const;
    /// Likewise, each with the addresses of ours that it goes by.
    struct LocatedReport {
        Crossing crossing;
        media::StreamReport report;
    };
    [[nodiscard]] std::vector<LocatedReport> locatedReports() const;
    /// Packets that have come from the caller (leg A) and from the called one.
    [[nodiscard]] media::PerLeg<std::size_t> packets() const;
    /// Whether one of them uses this relay port on one of its legs.
    [[nodiscard]] bool usesPort(std::uint16_t port) const;
    /// As media::Session::opposite(), of all sessions.
    [[nodiscard]] std::optional<media::Session::Opposite> opposite(
        const base::SocketAddress& relay) const;

    /// The place that the call takes among those that there may be.
    void hold(access::CallLimits::Ticket ticket) { ticket_ = std::move(ticket); }

    void touch(base::TimePoint now) { lastSignal_ = now; }
    [[nodiscard]] base::TimePoint lastSignal() const { return lastSignal_; }
    /// When the session ends unless it is refreshed (RFC 4028 §10); nothing: it has no timer.
    [[nodiscard]] std::optional<base::TimePoint> sessionEnd() const {
        return sessionEnd_ ? std::optional((*sessionEnd_)->first) : std::nullopt;
    }

private:
    struct Media {
        Crossing crossing;
        std::unique_ptr<media::Session> session;
    };

    CallState state_;
    access::CallLimits::Ticket ticket_;
    std::vector<Media> media_;
    base::TimePoint lastSignal_{};
    std::optional<Ends::iterator> sessionEnd_;

    friend class CallTable;  // whose queue sessionEnd_ is a place in
};

/// All calls, found by Call-ID, tags and side.
class CallTable {
public:
    /// The call whose dialog a request or response that comes from `side` belongs to; null: none.
    [[nodiscard]] Call* find(const sip::Message& message, Side from);

    /// A new call, or the one that is there already.
    Call& obtain(const sip::Message& invite, Side from);

    void remove(Call& call);

    /// Remembers that the call has announced this relay port to the outside.
    void ownsPort(std::uint16_t outsidePort, const Call& call);

    /// The call that has announced this relay port to the outside: that is where a call that comes back
    /// through the provider finds its media. Null: there is none.
    [[nodiscard]] const Call* ownerOf(std::uint16_t outsidePort) const;

    [[nodiscard]] std::size_t size() const { return calls_.size(); }
    /// Up to `most` calls, any of them.
    [[nodiscard]] std::vector<const Call*> some(std::size_t most) const;

    /// The calls whose media is bound to this address of ours.
    [[nodiscard]] std::vector<Call*> callsOn(const base::IpAddress& local) const;
    /// All addresses of ours that media is bound to.
    [[nodiscard]] std::set<base::IpAddress> localAddresses() const;

    /// The two ends have agreed to refresh the session until then, or not to any more.
    void setSessionEnd(Call& call, std::optional<base::TimePoint> end);
    /// A call whose session has run out; nullptr: there is none (any more).
    [[nodiscard]] Call* takeExpired(base::TimePoint now);
    /// Calls whose session has an end.
    [[nodiscard]] std::size_t sessionEnds() const { return sessionEnds_.size(); }

    /// Calls that have had no signalling since `before` and whose media does not flow. Linear.
    [[nodiscard]] std::vector<Call*> idle(base::TimePoint before) const;
    /// nullptr: there is none (any more).
    [[nodiscard]] Call* byId(std::uint64_t id) const;
    /// All of them, in no order. Linear.
    [[nodiscard]] std::vector<const Call*> all() const { return some(calls_.size()); }

private:
    /// What calls are found by.
    struct Key {
        std::string_view callId;
        std::string_view initiatorTag;
        Side initiator;

        friend bool operator==(const Key&, const Key&) = default;
    };
    static Key keyOf(const Key& key) { return key; }
    static Key keyOf(const Call& call) {
        const auto& state = call.state();
        return {state.callId, state.initiatorTag, state.initiator};
    }
    static Key keyOf(const std::unique_ptr<Call>& call) { return keyOf(*call); }
    struct Hash {
        using is_transparent = void;
        [[nodiscard]] std::size_t operator()(const auto& call) const { return hashOf(keyOf(call)); }
    };
    struct Equal {
        using is_transparent = void;
        [[nodiscard]] bool operator()(const auto& a, const auto& b) const { return keyOf(a) == keyOf(b); }
    };
    [[nodiscard]] static std::size_t hashOf(const Key& key);
    [[nodiscard]] Call* lookUp(const Key& key);

    std::unordered_set<std::unique_ptr<Call>, Hash, Equal> calls_;
    Call* last_ = nullptr;  ///< found last: one message is looked up several times
    std::uint64_t lastId_ = 0;
    std::unordered_map<std::uint64_t, Call*> byId_;
    /// Numbers of calls by port; one entry a port at most, checked when it is used.
    std::unordered_map<std::uint16_t, std::uint64_t> portOwners_;
    Call::Ends sessionEnds_;  ///< one entry a call at most
};

}  // namespace siproxd::proxy
