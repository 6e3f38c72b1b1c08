// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/layer.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "base/keyed_hash.h"
#include "base/log.h"
#include "base/text.h"
#include "transaction/invite_client.h"
#include "transaction/invite_server.h"
#include "transaction/matching.h"
#include "transaction/non_invite_client.h"
#include "transaction/non_invite_server.h"
#include "transaction/peer_index.h"
#include "transaction/return_path.h"
#include "transaction/table.h"

namespace siproxd::transaction {

namespace {

constexpr std::string_view kRetryAfter = "10";  // seconds
constexpr std::string_view kInvite = "INVITE";
constexpr std::string_view kCancel = "CANCEL";

template <class Id>
std::uint64_t number(Id id) {
    return static_cast<std::uint64_t>(id);
}

}  // namespace

struct Layer::Impl final : Transaction::Owner {
    /// Something to tell the user when no call of theirs is on the stack.
    struct Notice {
        enum class Kind : std::uint8_t {
            ServerAnswered,
            ServerEnded,
            ClientEnded,
            Timeout,
            TransportError,
            Doubt
        };
        Kind kind;
        std::uint64_t id;
        int status = 0;  ///< of the answer
    };

    /// One call into the layer from below (a message, a timer). At the end of the outermost one the
    /// user gets the notices and ended transactions are destroyed: so neither the user nor a state
    /// machine sees anything vanish under its feet.
    class Scope {
    public:
        explicit Scope(Impl& impl) : impl_(impl) { ++impl_.depth; }
        ~Scope() {
            if (impl_.depth == 1) {
                impl_.settle();
            }
            --impl_.depth;
        }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        Impl& impl_;
    };

    Impl(event::Loop& loop, base::Random& randomSource, Sender& sender, User& theUser,
         const Timings& timings, std::size_t maximum)
        : random(randomSource), user(theUser), maxTransactions(maximum),
          environment{loop, sender, *this, timings, {}} {}

    // --- Transaction::Owner
    void timerFired(Transaction& transaction) override;
    void ended(ServerId id) override;
    void ended(ClientId id) override;
    void failed(ClientId id, ClientFailure failure) override;
    void sendCancel(std::string_view branch, std::string bytes,
                    const base::Flow& to) override;

    // --- messages from the network
    void receiveRequest(sip::Message request, const base::Flow& from);
    void receiveAck(sip::Message ack, const sip::Via& topVia, const base::Flow& from);
    void receiveCancel(const sip::Message& cancel, const sip::Via& topVia,
                       const base::Flow& from);
    void openServer(std::string key, sip::Message request, const sip::Via& topVia,
                    const base::Flow& from);
    void refuse(const sip::Message& request, std::string_view key, const base::Flow& to);
    void receiveResponse(sip::Message response, const base::Flow& from);

    ClientId openClient(std::string key, bool invite, std::string bytes,
                        const base::Flow& to, bool ours);
    ClientId refuseToSend(std::string_view why, bool ours);
    void flowFailed(const base::Flow& flow);
    void unreachable(const base::Flow& flow, std::string_view quoted);

    [[nodiscard]] bool full() const {
        return servers.size() + clients.size() >= maxTransactions;
    }
    /// Ids of transactions that the user must not hear of are odd: the layer's own CANCELs, and
    /// those of others.
    [[nodiscard]] std::uint64_t nextId(bool ours) { return (lastId += 2) | (ours ? 1U : 0U); }
    [[nodiscard]] static bool isOurs(std::uint64_t id) { return (id & 1U) != 0; }

    void notify(Notice::Kind kind, std::uint64_t id, int status = 0);
    /// Makes sure that settle() will run.
    void settleLater();
    void settle();
    void tell(const Notice& notice);

    base::Random& random;
    User& user;
    std::size_t maxTransactions;
    Transaction::Environment environment;
    std::uint64_t lastId = 0;
    Table<ServerId, ServerTransaction> servers;
    Table<ClientId, ClientTransaction> clients;
    PeerIndex clientsByPeer;
    int depth = 0;
    bool posted = false;
    std::vector<Notice> notices;
    std::vector<std::unique_ptr<Transaction>> ending;
    // Shared with what has been posted to the loop, which may outlive the layer.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

void Layer::Impl::timerFired(Transaction& transaction) {
    const Scope scope(*this);
    transaction.fire();
}

void Layer::Impl::ended(ServerId id) {
    ending.push_back(servers.take(id));
    notify(Notice::Kind::ServerEnded, number(id));
}

void Layer::Impl::ended(ClientId id) {
    clientsByPeer.remove(clients.find(id)->peer(), id);
    ending.push_back(clients.take(id));
    notify(Notice::Kind::ClientEnded, number(id));
}

void Layer::Impl::failed(ClientId id, ClientFailure failure) {
    notify(failure == ClientFailure::Timeout ? Notice::Kind::Timeout
                                             : Notice::Kind::TransportError,
           number(id));
}

void Layer::Impl::notify(Notice::Kind kind, std::uint64_t id, int status) {
    if (!isOurs(id)) {
        notices.push_back({kind, id, status});
    }
    settleLater();
}

void Layer::Impl::settleLater() {
    if (depth > 0 || posted) {
        return;
    }
    posted = true;
    environment.loop.post([this, watch = std::weak_ptr(alive)] {
        if (!watch.expired()) {
            posted = false;
            const Scope scope(*this);
        }
    });
}

void Layer::Impl::settle() {
    while (!notices.empty()) {
        for (const auto& notice : std::exchange(notices, {})) {
            tell(notice);
        }
    }
    ending.clear();
}

void Layer::Impl::tell(const Notice& notice) {
    switch (notice.kind) {
        case Notice::Kind::ServerAnswered:
            user.onServerAnswered(ServerId{notice.id}, notice.status);
            break;
        case Notice::Kind::ServerEnded: user.onServerEnded(ServerId{notice.id}); break;
        case Notice::Kind::ClientEnded: user.onClientEnded(ClientId{notice.id}); break;
        case Notice::Kind::Timeout:
            user.onFailure(ClientId{notice.id}, ClientFailure::Timeout);
            break;
        case Notice::Kind::TransportError:
            user.onFailure(ClientId{notice.id}, ClientFailure::Transport);
            break;
        case Notice::Kind::Doubt: user.onDoubt(ClientId{notice.id}); break;
    }
}

// --- requests

void Layer::Impl::receiveRequest(sip::Message request, const base::Flow& from) {
    const auto topVia = request.via();
    if (!topVia) {
        return;  // the parser lets none through
    }
    stampSource(request, *topVia, from);
    if (request.method() == sip::Method::Ack) {
        receiveAck(std::move(request), *topVia, from);
        return;
    }
    if (request.method() == sip::Method::Cancel) {
        receiveCancel(request, *topVia, from);
        return;
    }
    std::string key = serverKey(request, *topVia, request.methodName());
    if (auto* known = servers.find(key)) {
        known->onRetransmission();
    } else if (full()) {
        if (user.mayBeTold(from)) {
            refuse(request, key, responsePeer(*topVia, from));
        }
    } else {
        openServer(std::move(key), std::move(request), *topVia, from);
    }
}

void Layer::Impl::receiveAck(sip::Message ack, const sip::Via& topVia,
                             const base::Flow& from) {
    auto* invite = servers.find(serverKey(ack, topVia, kInvite));
    if (invite == nullptr || !invite->onAck()) {
        user.onAck(std::move(ack), from);
    }
}

void Layer::Impl::receiveCancel(const sip::Message& cancel, const sip::Via& topVia,
                                const base::Flow& from) {
    std::string key = serverKey(cancel, topVia, kCancel);
    if (auto* known = servers.find(key)) {
        known->onRetransmission();
        return;
    }
    const auto* invite = servers.find(serverKey(cancel, topVia, kInvite));
    const auto answer =
        sip::Message::response(cancel, invite != nullptr ? 200 : 481, "", random.hex(8));
    const bool pending = invite != nullptr && !invite->answered();
    const auto inviteId = invite != nullptr ? invite->id() : ServerId::None;
    auto peer = responsePeer(topVia, from);
    if (invite != nullptr && !topVia.params.has("rport") && !base::isReliable(from.protocol) &&
        invite->peer().protocol == from.protocol &&
        invite->peer().remote.ip == peer.remote.ip) {
        peer = invite->peer();  // somebody may have known better than its Via
    }
    if (invite == nullptr && !user.mayBeTold(from)) {
        return;
    }
    if (invite == nullptr || full()) {
        // Nothing that would be worth a transaction, or no memory for one.
        static_cast<void>(environment.sender.send(answer.serialize(), peer));
    } else {
        const auto id = ServerId{nextId(true)};
        servers.add(std::move(key),
                    std::make_unique<NonInviteServer>(environment, id, peer,
                                                      topVia.portOrDefault(), nullptr));
        servers.find(id)->respond(answer);
    }
    if (pending) {
        user.onCancel(inviteId, cancel);
    }
}

void Layer::Impl::openServer(std::string key, sip::Message request, const sip::Via& topVia,
                             const base::Flow& from) {
    const auto id = ServerId{nextId(false)};
    const auto peer = responsePeer(topVia, from);
    if (log::wants(log::Level::Debug, log::Class::Sip)) {
        log::debug(log::Class::Sip, "server transaction {}: new {} by {}, Call-ID {}", number(id),
                   request.methodName(), from.toString(), base::printable(request.callId()));
    }
    std::unique_ptr<ServerTransaction> transaction;
    if (request.method() == sip::Method::Invite) {
        transaction = std::make_unique<InviteServer>(environment, id, peer,
                                                      topVia.portOrDefault(), request.clone());
    } else {
        transaction = std::make_unique<NonInviteServer>(
            environment, id, peer, topVia.portOrDefault(),
            std::make_unique<sip::Message>(request.clone()));
    }
    servers.add(std::move(key), std::move(transaction));
    user.onRequest(id, std::move(request), from);
    if (auto* still = servers.find(id)) {
        still->onHandedOver();
    }
}

void Layer::Impl::refuse(const sip::Message& request, std::string_view key,
                         const base::Flow& to) {
    ++environment.counters.refused;
    log::warningFromPeer("{} transactions at once: {} from {} refused with 503",
                         servers.size() + clients.size(), request.methodName(),
                         to.remote.toString());
    // RFC 3261 §8.2.7: who keeps no state gives all retransmissions the same tag.
    const auto tag = fmt::format("{:016x}", base::keyedHash(key));
    auto answer = sip::Message::response(request, 503, "", tag);
    answer.setHeader("Retry-After", kRetryAfter);
    static_cast<void>(environment.sender.send(answer.serialize(), to));
}

// --- responses and our own requests

void Layer::Impl::receiveResponse(sip::Message response, const base::Flow& from) {
    const auto topVia = response.via();
    auto* client = topVia ? clients.find(clientKey(topVia->branch(), response.methodName()))
                          : nullptr;
    if (client == nullptr) {
        user.onStrayResponse(std::move(response), from);
        return;
    }
    const auto id = client->id();
    if (client->onResponse(response) && !isOurs(number(id))) {
        user.onResponse(id, std::move(response), from);
    }
}

void Layer::Impl::sendCancel(std::string_view branch, std::string bytes,
                             const base::Flow& to) {
    openClient(clientKey(branch, kCancel), false, std::move(bytes), to, true);
}

ClientId Layer::Impl::openClient(std::string key, bool invite, std::string bytes,
                                 const base::Flow& to, bool ours) {
    const auto id = ClientId{nextId(ours)};
    std::unique_ptr<ClientTransaction> transaction;
    if (invite) {
        transaction = std::make_unique<InviteClient>(environment, id, to, std::move(bytes));
    } else {
        transaction = std::make_unique<NonInviteClient>(environment, id, to, std::move(bytes));
    }
    auto& client = *transaction;
    if (!clients.add(std::move(key), std::move(transaction))) {
        return refuseToSend("its branch is in use", ours);
    }
    clientsByPeer.add(to, id);
    client.start();
    return id;
}

void Layer::Impl::unreachable(const base::Flow& flow, std::string_view quoted) {
    using Quoted = ClientTransaction::Quoted;
    for (const auto id : clientsByPeer.clientsOf(flow)) {
        auto* client = clients.find(id);
        if (client == nullptr || client->isHeard()) {
            continue;
        }
        switch (client->isQuoted(quoted)) {
            case Quoted::Yes: client->onFlowFailed(); break;
            case Quoted::Perhaps: notify(Notice::Kind::Doubt, number(id)); break;
            case Quoted::No: break;
        }
    }
}

void Layer::Impl::flowFailed(const base::Flow& flow) {
    for (const auto id : clientsByPeer.clientsOf(flow)) {
        auto* client = clients.find(id);
        if (client == nullptr) {
            continue;
        }
        const auto connection = client->peer().connection;
        if (connection == 0 || flow.connection == 0 || connection == flow.connection) {
            client->onFlowFailed();
        }
    }
}

ClientId Layer::Impl::refuseToSend(std::string_view why, bool ours) {
    const auto id = ClientId{nextId(ours)};
    log::error("client transaction {}: request not sent: {}", number(id), why);
    notify(Notice::Kind::TransportError, number(id));
    notify(Notice::Kind::ClientEnded, number(id));
    return id;
}

// --- Layer

Layer::Layer(event::Loop& loop, base::Random& random, Sender& sender, User& user,
             const Timings& timings, std::size_t maxTransactions)
    : impl_(std::make_unique<Impl>(loop, random, sender, user, timings, maxTransactions)) {}

Layer::~Layer() = default;

void Layer::receive(sip::Message message, const base::Flow& from) {
    const Impl::Scope scope(*impl_);
    if (message.isRequest()) {
        impl_->receiveRequest(std::move(message), from);
    } else {
        impl_->receiveResponse(std::move(message), from);
    }
}

void Layer::flowFailed(const base::Flow& flow) {
    const Impl::Scope scope(*impl_);
    impl_->flowFailed(flow);
}

void Layer::unreachable(const base::Flow& flow, std::string_view quoted) {
    const Impl::Scope scope(*impl_);
    impl_->unreachable(flow, quoted);
}

void Layer::respond(ServerId id, const sip::Message& response) {
    auto* transaction = impl_->servers.find(id);
    if (transaction == nullptr) {
        return;
    }
    const bool isFinal = response.status() >= 200 && !transaction->answered();
    transaction->respond(response);
    if (isFinal && impl_->servers.find(id) != nullptr) {
        impl_->notify(Impl::Notice::Kind::ServerAnswered, number(id), response.status());
    }
}

void Layer::answerStateless(ServerId id, const sip::Message& response) {
    auto* transaction = impl_->servers.find(id);
    if (transaction == nullptr || transaction->hasSent() ||
        base::isReliable(transaction->peer().protocol)) {
        respond(id, response);
        return;
    }
    [[maybe_unused]] const auto sent = sendStateless(response, transaction->peer());
    transaction->abandon();
}

void Layer::answerOnce(ServerId id) {
    if (auto* transaction = impl_->servers.find(id)) {
        transaction->answerOnce();
    }
}

void Layer::sendTrying(ServerId id) {
    if (auto* transaction = impl_->servers.find(id)) {
        transaction->sendTrying();
    }
}

void Layer::abandon(ServerId id) {
    if (auto* transaction = impl_->servers.find(id)) {
        transaction->abandon();
    }
}

ClientId Layer::send(sip::Message request, const base::Flow& to) {
    const auto topVia = request.via();
    if (!topVia || topVia->branch().empty() || request.method() == sip::Method::Ack) {
        return impl_->refuseToSend("an ACK, or without a branch", false);
    }
    const bool invite = request.method() == sip::Method::Invite;
    auto key = clientKey(topVia->branch(), request.methodName());
    return impl_->openClient(std::move(key), invite, request.serialize(), to, false);
}

void Layer::cancel(ClientId id, std::string_view reason) {
    if (auto* transaction = impl_->clients.find(id)) {
        transaction->cancel(reason);
    }
}

bool Layer::isHeard(ClientId id) const {
    const auto* client = impl_->clients.find(id);
    return client == nullptr || client->isHeard();
}

base::Result<void> Layer::sendStateless(const sip::Message& message, const base::Flow& to) {
    return impl_->environment.sender.send(message.serialize(), to);
}

std::string Layer::newBranch() {
    return std::string(sip::kBranchCookie) + impl_->random.hex(16);
}

const sip::Message* Layer::serverRequest(ServerId id) const {
    const auto* transaction = impl_->servers.find(id);
    return transaction == nullptr ? nullptr : transaction->request();
}

std::optional<base::Flow> Layer::serverPeer(ServerId id) const {
    const auto* transaction = impl_->servers.find(id);
    return transaction == nullptr ? std::nullopt : std::optional(transaction->peer());
}

void Layer::setServerPeer(ServerId id, const base::Flow& peer) {
    auto* transaction = impl_->servers.find(id);
    if (transaction != nullptr && !base::isReliable(transaction->peer().protocol)) {
        transaction->setPeer(peer);
    }
}

bool Layer::serverAnswered(ServerId id) const {
    const auto* transaction = impl_->servers.find(id);
    return transaction == nullptr || transaction->answered();
}

std::optional<base::Flow> Layer::clientPeer(std::string_view branch,
                                            std::string_view method) const {
    const auto* transaction = impl_->clients.find(clientKey(branch, method));
    return transaction == nullptr ? std::nullopt : std::optional(transaction->peer());
}

std::size_t Layer::serverCount() const { return impl_->servers.size(); }

std::size_t Layer::clientCount() const { return impl_->clients.size(); }

const Layer::Counters& Layer::counters() const { return impl_->environment.counters; }

}  // namespace siproxd::transaction
