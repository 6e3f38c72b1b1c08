// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/resolver.h"
#include "event/loop.h"
#include "plugin/chain.h"
#include "proxy/addresses.h"
#include "proxy/loop_guard.h"
#include "sip/message.h"
#include "transaction/layer.h"

namespace siproxd::proxy {

/// One place that a request is sent to.
///
///     Waiting --its rank's turn--> Resolving --address--> Sent --final response, failure--> Done
///        '---------------------------'---cancelled, no address-----------------------------> Done
struct Branch {
    enum class State : std::uint8_t { Waiting, Resolving, Sent, Done };

    sip::Uri uri;                        ///< request URI for this branch
    std::vector<sip::NameAddr> routes{}; ///< towards the inside: what replaces the request's Routes
    std::optional<sip::Uri> nextHop{};   ///< a plugin's choice
    std::uint32_t rank = 0;              ///< lower ones are tried first, equal ones in parallel
    Side towards = Side::Outside;
    std::uint32_t breadth = 0;           ///< its share of Max-Breadth (RFC 5393 §5.3)
    base::SocketAddress local{};         ///< socket to send from; none: the one that reaches the peer
    base::Flow flow{};                   ///< by which it was sent; good from Sent on
    State state = State::Waiting;
    dns::Query query{};
    transaction::ClientId client = transaction::ClientId::None;
    /// To tags of its provisional responses: early dialogs of this branch. Bounded.
    std::vector<std::string> earlyTags{};
};

/// A Contact of a REGISTER under way.
struct RegisteringContact {
    std::string token;
    sip::Uri contact;          ///< as the phone wrote it
    sip::Uri masqueraded;
    std::uint32_t expires = 0; ///< seconds that were asked for; 0: to be removed
};

/// A request on its way through: what has to be remembered until its transactions are over
/// (RFC 3261 §16.7 calls it the response context).
struct Forward {
    transaction::ServerId server = transaction::ServerId::None;
    plugin::Direction direction = plugin::Direction::Unknown;
    sip::Method method = sip::Method::Other;
    bool establishes = false;          ///< the request has no To tag: it is outside of any dialog
    base::Flow from;              ///< the request came by it
    std::optional<LoopGuard::Key> loop;  ///< entered there; nothing: the final response is given
    std::vector<sip::Via> vias;        ///< of the request; every response gets them back
    std::vector<sip::NameAddr> insideRoutes;  ///< Record-Routes that were kept from the outside, as
                                              ///< they stood
    sip::Uri localAor;                 ///< the address-of-record of the inside party
    /// The request as it came, but for our Routes and Max-Forwards. Gone after the final response.
    std::optional<sip::Message> request;
    std::vector<Branch> branches;
    /// The best final response so far, as it came, without our Via.
    struct Best {
        sip::Message response;
        std::size_t branch;  ///< that it came from
    };
    std::optional<Best> best;
    bool answered = false;             ///< a final response has been passed on
    bool cancelled = false;
    std::unique_ptr<event::Timer> timerC;  ///< RFC 3261 §16.6 step 11; INVITE only

    // REGISTER only
    std::vector<RegisteringContact> registering;
    bool removesAll = false;  ///< `Contact: *`

    [[nodiscard]] bool incoming() const { return direction == plugin::Direction::RequestIncoming; }
    /// Side that the request came from.
    [[nodiscard]] Side fromSide() const { return incoming() ? Side::Outside : Side::Inside; }

    [[nodiscard]] Branch* branchOf(transaction::ClientId client);
    /// Whether branches of the present rank are not done yet.
    [[nodiscard]] bool waiting() const;
    /// Marks the branches of the lowest rank that still waits as Resolving and returns them; none
    /// when there are no more.
    [[nodiscard]] std::vector<std::size_t> nextRank();
    /// Keeps `response` if it is better than what there is (RFC 3261 §16.7 step 6).
    void offerBest(const Branch& branch, sip::Message response);
};

}  // namespace siproxd::proxy
