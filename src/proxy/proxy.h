// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "access/policy.h"
#include "base/text.h"
#include "config/settings.h"
#include "dns/dead_servers.h"
#include "dns/locator.h"
#include "event/loop.h"
#include "media/relay.h"
#include "plugin/chain.h"
#include "proxy/accounts.h"
#include "proxy/addresses.h"
#include "proxy/arrival.h"
#include "proxy/call.h"
#include "proxy/call_media.h"
#include "proxy/datagram_waits.h"
#include "proxy/direction.h"
#include "proxy/forward.h"
#include "proxy/gate.h"
#include "proxy/local_registrar.h"
#include "proxy/loop_guard.h"
#include "proxy/masquerade.h"
#include "proxy/nat_keeper.h"
#include "proxy/next_hop.h"
#include "proxy/renewal.h"
#include "proxy/unproven_requests.h"
#include "registrar/contact_alias.h"
#include "registrar/location_table.h"
#include "transaction/layer.h"
#include "transport/connections.h"
#include "transport/transport.h"

namespace siproxd::proxy {

/// What the proxy works with. Everything must outlive it.
struct Parts {
    event::Loop& loop;
    base::Random& random;
    transaction::Sender& sender;
    transport::Connections* connections;  ///< null: UDP only
    dns::Locator& locator;
    dns::DeadServers& dead;
    registrar::LocationTable& locations;
    registrar::ContactAliases& aliases;
    media::Relay* relay;  ///< null: rtp_proxy_enable = 0
    plugin::Chain& chain;
};

/// The slices of the configuration that the proxy works by. Those given to Proxy::setOptions()
/// count for what comes from then on; only `timings` of transactions stay as they were at the
/// start.
struct Options {
    config::ProxySettings proxy;
    std::chrono::seconds defaultExpires{600};  ///< of a REGISTER that names none
    std::vector<config::MaskedHost> maskedHosts{};
    Gate::Options gate;
    LocalRegistrar::Options registrar;
    NatKeeper::Options nat;
    transaction::Timings timings;
    std::chrono::seconds timerC{181};  ///< RFC 3261 §16.6 step 11: larger than three minutes
};

/// Decides about every message: takes bytes from the transport, admits or drops, asks the plugins,
/// and passes requests and responses on between inside and outside. Lives in the signalling thread.
class Proxy final : public transport::Transport::Handler,
                    private transaction::User,
                    private NatKeeper::Outlet,
                    private registrar::LocationTable::Listener,
                    private access::BanList::Listener {
public:
    Proxy(const Parts& parts, Options options, Addresses addresses, access::Policy policy);
    ~Proxy() override;
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    void onReceived(const transport::Received& received) override;
    void onMalformed(const transport::Received& received, int status,
                     std::string_view reason) override;
    void onFlowFailed(const base::Flow& flow, const base::Error& error) override;
    void onUnreachable(const base::Flow& flow, std::string_view quoted,
                       const base::Error& error) override;
    void onConnectionClosed(const base::Flow& flow) override;
    /// Somebody connects, by that interface.
    [[nodiscard]] transport::Standing admitConnection(const base::Flow& flow,
                                                      unsigned interfaceIndex);

    /// The interfaces or host_outbound have changed. New messages use the new addresses at once.
    /// Calls whose media goes by an address that has gone end, at once when another address has come
    /// in its place, else if it does not come back within seconds. Providers that know phones by an
    /// old address are told the new one, as far as they believe that without a new password.
    void setAddresses(Addresses addresses);
    /// A reload. Connections of those to whom the new lists allow nothing are closed, once the
    /// names in them are resolved.
    void setPolicy(access::Policy policy);
    /// Names in the lists have been resolved, perhaps to other addresses.
    void listsResolved();
    [[nodiscard]] access::Policy& policy() { return gate_.policy(); }
    [[nodiscard]] Gate& gate() { return gate_; }
    /// All lists of the configuration, to resolve the names in them.
    [[nodiscard]] std::vector<access::AddressList*> lists();
    void setOptions(Options options);

    /// Sends a request that a plugin has made, to `nextHop` or by its URI, as `identity` says (which must
    /// have a label). `done` gets the final response, one of our own making when nobody answers; not
    /// from inside this call.
    [[nodiscard]] transaction::ServerId sendOwn(sip::Message request,
                                                const std::optional<sip::Uri>& nextHop,
                                                std::shared_ptr<const plugin::Identity> identity,
                                                OwnRequest own);
    /// OwnRequest::done will not be called any more.
    void forgetOwn(transaction::ServerId id);

    /// As plugin::Services::sendDatagram() says; `done` may be empty.
    [[nodiscard]] std::uint64_t sendDatagram(const base::SocketAddress& to, std::string_view bytes,
                                             base::Duration patience, plugin::DatagramCallback done);
    void forgetDatagram(std::uint64_t id) { datagrams_.forget(id); }

    /// The registrations of that address-of-record, here or at a provider.
    [[nodiscard]] std::vector<const registrar::Binding*> bindingsOf(const sip::Uri& aor) const;
    /// As siproxd_host.own_user(); empty: it is none.
    [[nodiscard]] std::string ownUser(const sip::Uri& uri) const;

    /// All calls, until `each` says false.
    void showCalls(const std::function<bool(const plugin::CallView&)>& each) const;
    /// As siproxd_host.call_end(), from the loop.
    bool endCallSoon(std::uint64_t id, int status, std::string_view reason);
    /// siproxd ends: the plugins are told so of every call.
    void tellEnd(std::string_view reason);

    /// Housekeeping; to be called every few seconds.
    void tick();

    [[nodiscard]] std::size_t callCount() const { return calls_.size(); }
    /// Logs what the media of each call is like so far, of a hundred at most, as that of a call which
    /// `event` (`goes on for`) so many seconds.
    void logCalls(std::string_view event) const;
    /// Everything that is kept for requests under way and for their retransmissions; 0 when idle.
    [[nodiscard]] std::size_t pendingCount() const {
        return layer_.serverCount() + layer_.clientCount() + forwards_.size() + clients_.size() +
               suspended_.size() + suspendedDialled_.size() + waitingAcks_.size();
    }

    struct Counters {
        std::uint64_t denied = 0;     ///< by the access lists
        std::uint64_t malformed = 0;  ///< not a message
        std::uint64_t unknown = 0;    ///< requests for nobody: 408
        std::uint64_t requests = 0;
        std::uint64_t responses = 0;
    };
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    // access::BanList::Listener
    void onBanned(const access::Ban& ban) override;
    // transaction::User
    void onRequest(transaction::ServerId id, sip::Message request,
                   const base::Flow& from) override;
    void onAck(sip::Message ack, const base::Flow& from) override;
    void onCancel(transaction::ServerId invite, const sip::Message& cancel) override;
    void onResponse(transaction::ClientId id, sip::Message response,
                    const base::Flow& from) override;
    void onFailure(transaction::ClientId id, transaction::ClientFailure failure) override;
    void onDoubt(transaction::ClientId id) override;
    void onStrayResponse(sip::Message response, const base::Flow& from) override;
    bool mayBeTold(const base::Flow& from) override;
    void onServerAnswered(transaction::ServerId id, int status) override;
    void onServerEnded(transaction::ServerId id) override;
    void onClientEnded(transaction::ClientId id) override;

    // registrar::LocationTable::Listener
    void bindingChanged(std::uint64_t, const registrar::Binding&, base::TimePoint) override {}
    void bindingGone(std::uint64_t, const registrar::Binding& binding) override {
        parts_.aliases.adopt(binding);
        renewal_.forget(binding.token);
    }

    // NatKeeper::Outlet (far_end.cpp)
    void sendKeepalive(std::string_view bytes, const base::Flow& flow) override;
    transaction::ClientId sendPing(const registrar::Binding& binding) override;
    /// Gives what comes from behind a NAT a Contact that leads back there.
    void maskFarContacts(sip::Message& message, const base::Flow& from);

    // receiving (receive.cpp)
    void closeUnlisted();
    /// The interface by which a message came, or where its connection leaves us; 0: unknown.
    [[nodiscard]] unsigned interfaceOf(const transport::Received& received) const;
    void handleMalformed(const sip::ParseFailure& failure, std::string_view bytes,
                         const base::Flow& from);
    /// Whether a request comes from an address of ours that somebody else may have put there.
    [[nodiscard]] bool isForged(const sip::Message& request, const base::Flow& from);
    [[nodiscard]] bool admit(const sip::Message& request, const base::Flow& from);
    [[nodiscard]] bool admitAck(const sip::Message& ack, const base::Flow& from);
    [[nodiscard]] Gate::Question questionOf(const sip::Message& request, const base::Flow& from,
                                            const Located& located);
    /// Does what the gate says; false: the request does not go on.
    [[nodiscard]] bool passes(transaction::ServerId id, const Gate::Verdict& verdict);
    /// False: there are too many requests of sources that have proven nothing.
    [[nodiscard]] bool admitUnproven(transaction::ServerId id);
    [[nodiscard]] bool takesPlace(Arrival& arrival, const Gate::Question& question);
    /// The answer when the request is for a user of ours who is not there; 0: it is not.
    [[nodiscard]] int absentUser(const sip::Message& request, const plugin::Context& context) const;
    [[nodiscard]] bool refuseEarly(transaction::ServerId id, const sip::Message& request);
    static void traceDirection(const Arrival& arrival);
    /// OPTIONS to the proxy itself.
    [[nodiscard]] bool isForUs(const sip::Message& request) const;
    void noteAlias(const sip::Message& request, const base::Flow& from);
    [[nodiscard]] bool answerOptions(transaction::ServerId id, const sip::Message& request);

    // request path (request_path.cpp)
    void goOn(std::unique_ptr<Arrival> arrival);
    /// A plugin has said where a request for nobody goes.
    void goesToChosen(Arrival& arrival);
    /// Responses go where the topmost Via says now, which a plugin may have mended.
    void answerByVia(const Arrival& arrival);
    [[nodiscard]] bool obey(std::unique_ptr<Arrival>& arrival, plugin::Outcome outcome);
    void forward(Arrival& arrival);
    [[nodiscard]] static Branch branchTo(InsideTarget target);

    // targets that plugins have chosen (retarget.cpp)
    /// Those registered as that address-of-record, here or at a provider.
    [[nodiscard]] std::vector<InsideTarget> phonesOf(const sip::Uri& aor) const;
    [[nodiscard]] std::vector<Branch> branchesToPhones(const plugin::Target& target) const;
    /// The phones that a plugin's choice names, or whoever it names; at least one.
    [[nodiscard]] std::vector<Branch> branchesNamed(const plugin::Target& target,
                                                    const sip::Message& request,
                                                    plugin::Direction direction, bool isOnlyOne);
    /// At least one. `isOnlyOne`: of the plugin's targets.
    [[nodiscard]] std::vector<Branch> branchesTo(const plugin::Target& target,
                                                 const sip::Message& request,
                                                 plugin::Direction direction, bool isOnlyOne);
    /// Branch::Terms::ring counts from now on, once.
    void limitRinging(Forward& forward, std::size_t index);

    // targets as if they had been dialled (dialling.cpp)
    /// Asks the plugins about a branch with Branch::Terms::dialled.
    void dial(Forward& forward, std::size_t index);
    void settleDialled(std::unique_ptr<Dialled> dialled, plugin::Outcome outcome);
    /// Whether the request still waits for what it leads to.
    [[nodiscard]] bool isWanted(const Dialled& dialled);
    void replaceBranch(Forward& forward, const Dialled& dialled, const std::vector<plugin::Target>& targets);

    // under another name, with credentials of ours (challenges.cpp)
    /// Who sends it, if that is somebody whom a plugin deals with; null: it is not.
    [[nodiscard]] const Account* accountOf(const sip::Message& request, const base::Flow& from);
    /// A request within a call: its sender appears as it has so far.
    void adoptAppearance(const Forward& forward, Branch& branch);
    void shapeParties(Forward& forward, const Branch& branch, sip::Message& request);
    /// The one who answers is the account.
    void learnAccount(const Branch& branch, const base::Flow& from);
    /// Sends the request of a branch again with what its challenge asks for; false: the challenge is
    /// not ours to answer, or the password is wrong.
    [[nodiscard]] bool answerChallenge(Forward& forward, std::size_t index,
                                       const sip::Message& response, const base::Flow& from);
    /// A challenge of an account that could not be met: nobody else is to answer it.
    static void withholdChallenge(Branch& branch, sip::Message& response);
    /// The password has been taken.
    void rememberRealm(const Branch& branch);
    void followAppearance(const Forward& forward, const Branch& branch,
                          const sip::Message& response);

    // requests of our own (own_request.cpp)
    void shapeOwn(const Forward& forward, const Branch& branch, sip::Message& request);
    void deliver(Forward& forward, sip::Message& response, const base::Flow& from);

    // what a request looks like on its way out (request_shape.cpp)
    /// `call` may be null.
    [[nodiscard]] MediaWay mediaWay(const Forward& forward, const Branch& branch, const Call* call,
                                    bool response) const;
    [[nodiscard]] RelayMode relayMode(const Forward& forward) const;
    [[nodiscard]] std::optional<int> applyMedia(const Forward& forward, const Branch& branch,
                                                sip::Message& request);
    [[nodiscard]] SentBy shownBy(const Forward& forward, const Branch& branch) const;
    void obscureCallId(Forward& forward, sip::Message& request);
    void masqueradeRequest(Forward& forward, const Branch& branch, sip::Message& request);
    void addRecordRoute(const Forward& forward, const Branch& branch, sip::Message& request) const;
    void shapeRequest(Forward& forward, const Branch& branch, sip::Message& request);
    [[nodiscard]] sip::Via ownVia(Side towards, const base::Flow& flow,
                                  const std::string& branch) const;

    // targets and their servers (branching.cpp)
    void startNextRank(Forward& forward);
    void startBranch(Forward& forward, std::size_t index);
    [[nodiscard]] NextHop hopOf(const Forward& forward, const Branch& branch) const;
    [[nodiscard]] dns::Wanted wantedBy(const Forward& forward, const Branch& branch) const;
    /// Whether the request is too long for a datagram to that target (RFC 3261 §18.1.1).
    [[nodiscard]] static bool isLarge(const Forward& forward, const Branch& branch);
    void preferServerOfCall(const Forward& forward, Branch& branch);
    /// Nobody is led by strangers, or by name servers, to programs of this machine or to the inside.
    [[nodiscard]] bool mayGoTo(const Forward& forward, const Branch& branch,
                               const base::IpAddress& server) const;
    /// The next server of the branch that it may go to; null: there is none.
    [[nodiscard]] const dns::Service* nextServer(const Forward& forward, Branch& branch) const;
    [[nodiscard]] std::optional<base::Flow> flowOf(const Branch& branch,
                                                   const dns::Service& server);
    /// The Warning when one of the request and the phone insists on sips: and the other cannot have it
    /// (RFC 5630); empty: they fit.
    [[nodiscard]] std::string schemeMismatch(const Forward& forward, const Branch& branch) const;
    [[nodiscard]] bool isUsable(const base::Flow& flow) const;
    void tryNextServer(Forward& forward, std::size_t index);
    void sendBranch(Forward& forward, std::size_t index);
    void awaitServer(Forward& forward, std::size_t index);
    void tryNextServerAfter(Forward& forward, std::size_t index, std::string_view what);
    /// Tries the next server of a branch whose present one has failed; false: there is none.
    [[nodiscard]] bool failsOver(Forward& forward, std::size_t index, std::string_view what);
    /// The status of a branch that nothing could be sent to.
    [[nodiscard]] static int unreachable(const Forward& forward);
    void markDead(const Branch& branch, std::optional<base::Duration> period = std::nullopt);
    void branchFailed(Forward& forward, std::size_t index, int status, std::string_view reason,
                      std::string_view header = {}, std::string_view value = {});

    // ACK for 2xx (ack.cpp)
    void locateForAck(Forward forward);
    void ackLocated(Forward& forward, const dns::Located& located);
    void mediaOfAck(const Forward& forward, const Branch& branch, sip::Message& ack);
    void sendAck(Forward& forward);

    // response path (response_path.cpp)
    /// A response to a request whose server had said nothing for too long: whether it counts.
    [[nodiscard]] bool adoptFormer(Forward& forward, Branch& branch, transaction::ClientId id,
                                   const sip::Message& response, const base::Flow& from);
    /// 503: true when another server is tried; else the response has become what goes upstream, a
    /// 500.
    [[nodiscard]] bool serverRefuses(Forward& forward, std::size_t index, sip::Message& response);
    static void rememberEarlyDialog(Branch& branch, const sip::Message& response);
    void endEarlyDialogs(Forward& forward, const Branch& branch, int status);
    void finishBranch(Forward& forward, const Branch& branch, sip::Message response);
    void passOn(Forward& forward, const Branch& branch, sip::Message response,
                const base::Flow& from);
    void toInside(Forward& forward, sip::Message& response, const base::Flow& from);
    void toOutside(Forward& forward, sip::Message& response, const base::Flow& from);
    void mediaOfResponse(const Forward& forward, const Branch& branch, sip::Message& response);
    void dropResponse(Forward& forward, const sip::Message& response);
    void respond(transaction::ServerId id, int status, std::string_view reason = {},
                 std::string_view header = {}, std::string_view value = {});
    /// Gives a final response of our own. What is refused to the outside goes out once for each time
    /// that the request comes, and nothing is kept of it: providers' addresses can be forged, too.
    void give(transaction::ServerId id, const sip::Message& response);
    /// The To tag of our own answers to a request: always the same (RFC 3261 §8.2.7).
    [[nodiscard]] std::string ownTag(const sip::Message& request) const;

    // redirections (redirect.cpp)
    /// 3xx: whether its targets are tried (follow_redirects).
    [[nodiscard]] bool followRedirect(Forward& forward, std::size_t index,
                                      const sip::Message& response);
    [[nodiscard]] std::optional<Branch> redirected(const sip::Uri& uri, Side from);

    // what is not wanted any more (cancel.cpp; onCancel() is there, too)
    /// Ends all that is under way; from now on nothing new is tried. `reason` becomes the Reason of
    /// the CANCELs when it is not empty.
    void cancelBranches(Forward& forward, std::string_view reason);
    /// Declined for all by a 6xx: ends what is under way, and nobody is left but whom a plugin has named for this very
    /// outcome (a bit of SIPROXD_AFTER_…).
    void endRankFor(Forward& forward, std::uint32_t outcome, int status);
    /// Timer C: the time for an answer is over.
    void giveUp(Forward& forward);

    // what requests and responses mean for their call (call_following.cpp)
    void followInvite(const Forward& forward, const sip::Message& request);
    void followCall(const Forward& forward, const Branch& branch, const sip::Message& response);
    void followSessionTimer(Call& call, const sip::Message& response);

    // what plugins hear of calls (call_events.cpp)
    [[nodiscard]] plugin::CallView viewOf(const Call& call) const;
    /// What the plugins say. `label`: of the target that it is about; empty: the call's own.
    int tell(plugin::CallEvent event, const Call& call, std::string_view label = {},
             std::string_view reason = {});
    /// False: a plugin has refused it, and it is answered.
    [[nodiscard]] bool beginCall(Forward& forward, std::string_view dialled,
                                 const std::string& user, Call& call);
    void refuseCall(Call& call, Forward& forward, int status, std::string_view reason);
    /// Whether no plugin has anything against the target.
    [[nodiscard]] bool mayTry(const Forward& forward, const Branch& branch);
    void hasLeft(const Forward& forward, const Branch& branch);
    [[nodiscard]] bool announces(const Forward& forward, const Branch& branch) const;

    // calls that are ended here (hang_up.cpp)
    /// A request of a call, as its sender has written it.
    void noteRequest(Call& call, const sip::Message& request) const;
    /// Where a request of a relayed call goes; one of a call that leads to nobody but its two
    /// parties is changed to go to the other one.
    [[nodiscard]] Located inRelayedCall(sip::Message& request);
    /// What a response says of the way to who has sent it; `establishes`: the dialog as well.
    void noteWay(DialogEnds::End& end, bool establishes, const sip::Message& response) const;
    /// A provisional response of a call that a plugin has sent outside: requests of its early dialog
    /// (PRACK, UPDATE) go to who has sent it.
    void noteRinging(Call& call, const sip::Message& response) const;
    /// A 2xx to an INVITE or UPDATE, as it came.
    void noteAnswer(Call& call, const Forward& forward, const Branch& branch,
                    const sip::Message& response) const;
    /// Says BYE to both parties of an answered call, as far as its dialog is known; `reason` is the
    /// Reason (RFC 3326).
    void hangUp(const Call& call, std::string_view reason);
    void sendBye(const Call& call, bool toCaller, std::string_view reason);
    [[nodiscard]] Branch branchToEnd(const sip::Uri& target, Side side,
                                     std::vector<sip::NameAddr> routes);
    /// The Record-Routes of proxies between us and the sender, as they stand.
    [[nodiscard]] std::vector<std::string> routesBehindUs(const sip::Message& message) const;
    void dropOrphans();

    // when addresses change (readdress.cpp)
    void endStrandedCalls();
    void endCallsOf(const base::IpAddress& local);
    void renewRegistrations();
    void renewSome();
    void renew(const std::string& token);
    void endRenewals();
    /// What a REGISTER and its answer mean for later renewals.
    void noteRegistration(Forward& forward, int status);
    void removeOldContacts(const Forward& forward, std::vector<sip::NameAddr>& contacts) const;

    // REGISTER (registration.cpp)
    /// A REGISTER that turns out to be for us when its way has been found.
    void answerRegister(transaction::ServerId id, const sip::Message& request,
                        const base::Flow& from);
    [[nodiscard]] bool isForOwnRegistrar(const sip::Message& request) const;
    void registerHere(transaction::ServerId id, const sip::Message& request, const base::Flow& from,
                      const std::string& user);
    /// Whether a REGISTER that goes that way may change a binding that is there.
    [[nodiscard]] bool mayChange(const registrar::Binding& binding, const Forward& forward,
                                 const Branch& branch) const;
    [[nodiscard]] bool masqueradeRegister(Forward& forward, const Branch& branch,
                                          sip::Message& request);
    /// The provider has answered, by that flow.
    void registered(Forward& forward, sip::Message& response, const base::Flow& provider);
    void keepConnection(const base::Flow& flow);
    [[nodiscard]] std::uint32_t requestedExpires(const sip::Message& request,
                                                 const sip::NameAddr& contact) const;

    [[nodiscard]] Forward* find(transaction::ServerId id);
    [[nodiscard]] Forward* find(transaction::ClientId id);
    [[nodiscard]] std::function<void()> onSilence(Call& call);
    /// How a call has come to its end.
    struct CallEnd {
        plugin::EndedBy by = plugin::EndedBy::Proxy;
        std::string_view reason = {};  ///< of the proxy
    };
    /// `why` is for the log; empty: no line but the verdict.
    void endCall(Call& call, std::string_view why, const CallEnd& end);
    /// `event`: what stands before the seconds since the call was answered. Not answered: nothing.
    void logVerdict(const Call& call, std::string_view event) const;
    void leaveLoopGuard(Forward& forward);
    /// For a request of our own, which has no sender and so no server transaction: an id that is
    /// none of the layer's.
    [[nodiscard]] transaction::ServerId ownRequestId();
    /// Forgets a request whose fate is settled.
    void release(transaction::ServerId id);

    Parts parts_;
    Options options_;
    Addresses addresses_;
    LocalRegistrar registrar_;
    Accounts accounts_;
    Gate gate_;
    CallTable calls_;
    LoopGuard loops_;
    Masquerade masquerade_;
    DirectionFinder directions_;
    std::unique_ptr<CallMedia> media_;  ///< null: rtp_proxy_enable = 0
    Counters counters_;
    Renewal renewal_;
    std::vector<std::string> toRenew_;  ///< tokens, the next one at the end
    std::unique_ptr<event::Timer> renewalTimer_;
    std::optional<base::TimePoint> listsChanged_;  ///< since when closeUnlisted() has to be done
    std::optional<base::TimePoint> stranded_;  ///< since when calls may be on an address that has gone
    unsigned arrivalInterface_ = 0;  ///< of the message that is being received
    std::size_t arrivalSize_ = 0;    ///< likewise
    std::unordered_map<transaction::ServerId, std::unique_ptr<Forward>> forwards_;
    std::unordered_map<transaction::ClientId, transaction::ServerId> clients_;
    SuspendedArrivals suspended_;
    std::unordered_map<plugin::Token, std::unique_ptr<Dialled>> suspendedDialled_;
    UnprovenRequests unproven_;
    std::string tagSecret_;
    std::uint64_t lastOwnId_ = 0;
    std::unordered_set<transaction::ServerId> orphans_;  ///< requests of our own, without a sender
    std::list<Forward> waitingAcks_;  ///< for a name server
    transaction::Layer layer_;
    NatKeeper nat_;
    DatagramWaits datagrams_;
};

}  // namespace siproxd::proxy
