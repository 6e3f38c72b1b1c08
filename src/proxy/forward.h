// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dns/locator.h"
#include "event/loop.h"
#include "plugin/chain.h"
#include "proxy/addresses.h"
#include "proxy/appearance.h"
#include "proxy/call.h"
#include "proxy/loop_guard.h"
#include "sip/message.h"
#include "transaction/layer.h"

namespace siproxd::proxy {

/// One target that a request is sent to, by one server of it after another until one answers
/// (RFC 3263 §4.3).
///
///     Waiting --its rank's turn--> Locating --servers--> Sent --final response, failure--> Done
///        |                            |                  '--> the next server: Sent         ^
///        '----------------------------'---cancelled, no server------------------------------'
struct Branch {
    enum class State : std::uint8_t { Waiting, Locating, Sent, Done };

    sip::Uri uri;                        ///< request URI for this branch
    std::vector<sip::NameAddr> routes{}; ///< towards the inside: what replaces the request's Routes
    std::unique_ptr<const sip::Uri> nextHop{};  ///< a plugin's choice
    std::uint32_t rank = 0;              ///< lower ones are tried first, equal ones in parallel
    Side towards = Side::Outside;
    std::uint32_t breadth = 0;           ///< its share of Max-Breadth (RFC 5393 §5.3)
    base::IpAddress local{};             ///< to send from; none: what reaches the peer
    /// The way to the phone whatever its Contact says: its connection, or through its NAT.
    std::optional<base::Flow> fixed{};
    bool natted = false;  ///< the phone is behind a NAT: only `fixed` reaches it
    bool isForeign = false;  ///< somebody outside has named it (3xx)
    bool isChosen = false;   ///< a plugin has named it, and not who has sent the request
    bool toPhone = false; ///< to a Contact of a phone that we know, not to whatever the URI names
    std::uint16_t absent = 0;  ///< for a user who has no phone registered: the status that we answer; 0: it is none
    bool isCounted = false;  ///< plugins have been asked whether it may be tried, and nobody has objected

    std::shared_ptr<const DialogPeer> peer{};  ///< to stay with; null: none
    std::vector<dns::Service> servers{};  ///< the best first; empty with `fixed`
    std::size_t tried = 0;                ///< how many of them have been
    base::Flow flow{};                    ///< by which it was sent last; good from Sent on
    State state = State::Waiting;
    dns::Query query{};
    transaction::ClientId client = transaction::ClientId::None;
    /// Servers tried before that had said nothing for a while: they may still answer.
    std::vector<transaction::ClientId> former{};
    /// While there is another server to try: how long this one may say nothing.
    std::unique_ptr<event::Timer> patience{};
    bool doubted = false;  ///< an ICMP error, which may be forged, has shortened it
    /// Upon what it is tried, for how long, and what else a plugin has said about it.
    struct Terms {
        /// What must have become of the rank before (bits of SIPROXD_AFTER_…); 0: anything.
        std::uint32_t after = 0;
        base::Duration ring{};  ///< after which it is given up; 0: as long as the caller waits
        std::unique_ptr<event::Timer> ringing{};
        plugin::HeaderFields headers{};  ///< to be added to the request
        /// The plugins are asked about it when its turn comes, and it gives way to what they say; null: it
        /// is what it is.
        std::unique_ptr<const plugin::Target> dialled{};
        /// Who sends it there, as far as its way depends on that; nothing: who has sent the request, by its Routes.
        std::optional<sip::Uri> sender{};
        /// What had been dialled in its place before; null: nothing.
        std::shared_ptr<const std::vector<std::string>> history{};
    };
    std::unique_ptr<Terms> terms{};  ///< null: there are none
    bool hasRung = false;        ///< a provisional response has come
    bool isUnreachable = false;  ///< nothing could be sent there, or nobody there deals with us
    /// How the requester appears there; null: as itself. Of an establishing request to a phone: how that
    /// one will appear to the requester (Appearance::isCallers).
    std::unique_ptr<Appearance> appearance{};
    /// Who answers there is the account of `appearance`.
    bool isAccount = false;
    /// The answer to the last challenge.
    struct Authorization {
        std::string header;
        std::string value;
        std::string realm;
        unsigned count = 1;  ///< of challenges that have been answered
    };
    std::unique_ptr<Authorization> authorization{};  ///< null: there was no challenge
    /// To tags of its provisional responses: early dialogs of this branch. Bounded.
    std::vector<std::string> earlyTags{};

    /// Whether it is to be tried after what has become of the rank before.
    [[nodiscard]] bool isWantedAfter(std::uint32_t outcomes) const {
        return terms == nullptr || terms->after == 0 || (terms->after & outcomes) != 0;
    }
    [[nodiscard]] bool isUnderWay() const {
        return state == State::Locating || state == State::Sent;
    }
    /// Ends what is under way, though a 2xx that is faster than a CANCEL still counts. What is to be cancelled; None: nothing
    /// has been sent.
    [[nodiscard]] transaction::ClientId retire() {
        query.cancel();
        if (state == State::Sent) {
            former.push_back(std::exchange(client, transaction::ClientId::None));
            return former.back();
        }
        return transaction::ClientId::None;
    }
    [[nodiscard]] bool hasNextServer() const { return tried < servers.size(); }
    /// No other server will be tried.
    void forgetServers() {
        std::vector<dns::Service>().swap(servers);
        tried = 0;
        patience.reset();
    }
    /// The server that it was sent to last; nullptr: a fixed way.
    [[nodiscard]] const dns::Service* server() const {
        return tried == 0 ? nullptr : &servers[tried - 1];
    }
};

/// What a final response (of us, perhaps) means for the branches of the next rank: a bit of
/// SIPROXD_AFTER_….
[[nodiscard]] std::uint32_t outcomeOf(const Branch& branch, int status);

/// A request of siproxd's own that a plugin has asked for.
struct OwnRequest {
    std::function<void(sip::Message& response, const base::Flow& from)> done;  ///< empty: nobody waits
    std::optional<std::string> contactUser;  ///< of the Contact; nothing: there is none
};

/// A Contact of a REGISTER under way.
struct RegisteringContact {
    std::string token;
    sip::Uri contact;          ///< as the phone wrote it
    sip::Uri masqueraded;
    std::uint32_t expires = 0; ///< seconds that were asked for; 0: to be removed
};

/// What a REGISTER under way asks for.
struct Registering {
    std::vector<RegisteringContact> contacts;
    bool removesAll = false;        ///< `Contact: *`
    std::vector<std::string> path;  ///< its Path fields, which stay inside
};

/// A request on its way through: what has to be remembered until its transactions are over
/// (RFC 3261 §16.7 calls it the response context).
struct Forward {
    transaction::ServerId server = transaction::ServerId::None;
    /// The way that it is taken to go: what DirectionFinder has found unless a plugin knew better.
    /// Which side it counts as coming from (fromSide()) follows from this alone, so that
    /// masquerading, calls and media agree; `from` is where its packet has really come from.
    plugin::Direction direction = plugin::Direction::Unknown;
    sip::Method method = sip::Method::Other;
    bool establishes = false;          ///< the request has no To tag: it is outside of any dialog
    bool secure = false;               ///< its URI was sips:
    base::Flow from;              ///< the request came by it
    std::optional<LoopGuard::Key> loop;  ///< entered there; nothing: the final response is given
    std::vector<std::string> vias;     ///< of the request, as they stand; responses get them back
    std::vector<sip::NameAddr> insideRoutes;  ///< Record-Routes that were kept from the outside, as
                                              ///< they stood
    sip::Uri localAor;                 ///< the address-of-record of the inside party
    /// The request as it came, but for our Routes and Max-Forwards. Gone after the final response.
    std::unique_ptr<sip::Message> request;
    std::vector<Branch> branches;
    /// The best final response so far, as it came, without our Via.
    struct Best {
        sip::Message response;
        std::size_t branch;  ///< that it came from
    };
    std::unique_ptr<Best> best;
    /// The challenges of 401 and 407 among the final responses so far: header and value. Bounded.
    std::vector<std::pair<std::string, std::string>> challenges;
    std::size_t size = 0;              ///< bytes of the request as it came
    /// obscure_loops: the Call-ID that the requester knows, where the other side has another.
    std::string callId;
    bool answered = false;             ///< a final response has been passed on
    bool cancelled = false;            ///< by the requester
    /// What is under way comes to its end, and nothing new is tried: cancelled, answered, declined
    /// for all by a 6xx, or given up.
    bool ending = false;
    std::unique_ptr<event::Timer> timerC;  ///< RFC 3261 §16.6 step 11; INVITE only

    std::unique_ptr<Registering> registering;  ///< of a REGISTER that goes outside; else null
    std::unique_ptr<OwnRequest> own;           ///< null: it is somebody else's
    /// As the requester has written them, where another has been shown; null: they are the same.
    std::unique_ptr<Parties> parties;

    [[nodiscard]] bool incoming() const { return direction == plugin::Direction::RequestIncoming; }
    /// Side that the request counts as coming from.
    [[nodiscard]] Side fromSide() const { return incoming() ? Side::Outside : Side::Inside; }
    /// Whether the branch leads to the other side: what crosses is masqueraded.
    [[nodiscard]] bool crosses(const Branch& branch) const { return branch.towards != fromSide(); }

    /// What has become of the branches of the last rank that was tried (bits of SIPROXD_AFTER_…).
    std::uint32_t outcomes = 0;

    /// Of a present or former transaction; nullptr: none.
    [[nodiscard]] Branch* branchOf(transaction::ClientId client);
    /// Whether another target or server may still be tried.
    [[nodiscard]] bool mayTryMore() const { return !answered && !ending; }
    /// Whether branches of the present rank are not done yet.
    [[nodiscard]] bool waiting() const;
    /// What the branches under way hold of Max-Breadth together.
    [[nodiscard]] std::uint32_t breadthInUse() const;
    /// Marks the branches of the lowest rank that still waits, and that is to be tried after what has
    /// become of the one before, as Locating and returns them; none when there are no more.
    [[nodiscard]] std::vector<std::size_t> nextRank();
    /// Whether another branch is tried when this one, which leads to an account, cannot be reached.
    [[nodiscard]] bool hasSubstituteFor(const Branch& branch) const;
    /// Whether a plugin has named a target for what has become of one of the present rank.
    [[nodiscard]] bool hasSubstituteAfter(std::uint32_t outcome) const;
    /// Adds a branch that is tried `place` ranks behind that of branch `index`, before all that would
    /// have come after it.
    void insertBehind(std::size_t index, std::uint32_t place, Branch branch);
    /// Puts these in the place of branch `index`, whose turn it is: their ranks count from its rank on, and what would
    /// have come after it comes after them. Marks those of the first rank as Locating and returns them.
    [[nodiscard]] std::vector<std::size_t> replace(std::size_t index, std::vector<Branch> others);
    /// Keeps `response` if it is better than what there is (RFC 3261 §16.7 step 6), and its
    /// challenges in any case.
    void offerBest(const Branch& branch, sip::Message response);
    /// Takes out the best response; when it is 401 or 407, with the challenges of all the others
    /// (step 7). There must be one.
    [[nodiscard]] Best takeBest();

private:
    void keepChallenges(const sip::Message& response);
};

}  // namespace siproxd::proxy
