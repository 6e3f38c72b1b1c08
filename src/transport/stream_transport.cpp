// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/stream_transport.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "net/tcp_socket.h"
#include "transport/trace.h"

namespace siproxd::transport {

namespace {

constexpr std::size_t kAcceptsPerWakeUp = 16;
constexpr std::size_t kMostKeys = 8;
constexpr base::Duration kExhaustedPause = std::chrono::seconds(1);

/// Whom a connection is counted for: who has one IPv6 address has the whole /64.
base::IpAddress sourceOf(const base::IpAddress& address) {
    return address.isV6() ? base::Network(address, 64).address() : address;
}

base::Error sendFailure(const base::Flow& flow, const std::string& reason) {
    return {"cannot send by " + flow.toString() + ": " + reason};
}

}  // namespace

class StreamTransport::Listener {
public:
    Listener(net::TcpListener opened, base::Protocol speaks, SocketTag mark)
        : socket(std::move(opened)), protocol(speaks), tag(mark) {}

    net::TcpListener socket;
    base::Protocol protocol;
    SocketTag tag;
    bool closed = false;
    std::unique_ptr<event::Watch> watch;
    std::unique_ptr<event::Timer> pause;  ///< while there are no descriptors
};

std::size_t StreamTransport::PeerKeyHash::operator()(const PeerKey& key) const {
    const base::AddressHash hash;
    std::size_t value = hash(key.remote);
    for (const std::size_t more : {hash(key.local), base::StringHash{}(key.name),
                                   static_cast<std::size_t>(key.protocol)}) {
        value ^= more + 0x9e3779b97f4a7c15U + (value << 6U) + (value >> 2U);
    }
    return value;
}

StreamTransport::StreamTransport(event::Loop& loop, Handler& handler,
                                 const StreamSettings& settings, Admission admission)
    : loop_(loop), handler_(handler), settings_(settings), admission_(std::move(admission)) {}

StreamTransport::~StreamTransport() = default;

base::Result<base::SocketAddress> StreamTransport::add(base::Protocol protocol,
                                                       const base::SocketAddress& local,
                                                       SocketTag tag) {
    if (protocol == base::Protocol::Tls && (!tls_ || !tls_->canServe())) {
        return base::fail("cannot listen on TLS " + local.toString() +
                          ": there is no certificate");
    }
    auto socket = net::TcpListener::listen(local);
    if (!socket) {
        return std::unexpected(std::move(socket.error()));
    }
    auto listener = std::make_shared<Listener>(std::move(*socket), protocol, tag);
    listener->watch = loop_.watch(listener->socket.fd(), event::kReadable,
                                  [this, weak = std::weak_ptr(listener)](std::uint8_t) {
                                      if (const auto woken = weak.lock()) {
                                          accept(woken);
                                      }
                                  });
    listener->pause = loop_.timer([weak = std::weak_ptr(listener)] {
        if (const auto paused = weak.lock()) {
            paused->watch->setInterest(event::kReadable);
        }
    });
    listeners_.push_back(std::move(listener));
    return listeners_.back()->socket.local();
}

bool StreamTransport::remove(base::Protocol protocol, const base::SocketAddress& local) {
    const auto found = std::ranges::find_if(listeners_, [&](const auto& listener) {
        return listener->protocol == protocol && listener->socket.local() == local;
    });
    if (found == listeners_.end()) {
        return false;
    }
    (*found)->closed = true;
    listeners_.erase(found);
    breakAll([&](const base::Flow& flow) {
        return flow.protocol == protocol &&
               (flow.local.ip == local.ip || local.ip.isUnspecified());
    });
    return true;
}

void StreamTransport::leave(const base::IpAddress& local) {
    breakAll([&](const base::Flow& flow) { return flow.local.ip == local; });
}

void StreamTransport::breakAll(const std::function<bool(const base::Flow&)>& concerned) {
    // A list first, for those that end leave the table.
    std::vector<std::shared_ptr<Connection>> breaking;
    for (const auto& [id, entry] : connections_) {
        if (concerned(entry.connection->flow())) {
            breaking.push_back(entry.connection);
        }
    }
    for (const auto& connection : breaking) {
        connection->end("its address is no longer used", true);
    }
}

std::vector<base::SocketAddress> StreamTransport::addresses(base::Protocol protocol) const {
    std::vector<base::SocketAddress> result;
    for (const auto& listener : listeners_) {
        if (listener->protocol == protocol) {
            result.push_back(listener->socket.local());
        }
    }
    return result;
}

void StreamTransport::setTls(net::TlsContext context) { tls_ = std::move(context); }

base::Result<void> StreamTransport::send(std::string_view bytes, const base::Flow& flow) {
    auto entry = find(flow, {});
    if (!entry) {
        ++counters_.sendErrors;
        return std::unexpected(sendFailure(flow, entry.error().message));
    }
    if (!(*entry)->connection->send(bytes)) {
        ++counters_.sendErrors;
        return std::unexpected(sendFailure(flow, "too much is waiting to be sent"));
    }
    ++counters_.sent;
    counters_.sentBytes += bytes.size();
    return {};
}

base::Result<base::Flow> StreamTransport::open(const base::Flow& flow, std::string_view name) {
    auto entry = find(flow, name);
    if (!entry) {
        return std::unexpected(sendFailure(flow, entry.error().message));
    }
    return (*entry)->connection->flow();
}

base::Result<StreamTransport::Entry*> StreamTransport::find(const base::Flow& flow,
                                                            std::string_view name) {
    if (flow.connection != 0) {
        const auto found = connections_.find(flow.connection);
        if (found == connections_.end() || !found->second.connection->usable()) {
            return base::fail("the connection is closed");
        }
        return &found->second;
    }
    PeerKey key{.protocol = flow.protocol,
                .local = flow.local.ip,
                .remote = flow.remote,
                .name = {}};
    if (flow.protocol == base::Protocol::Tls) {
        key.name = name.empty() ? flow.remote.ip.toString() : base::toLower(name);
    }
    if (const auto known = peers_.find(key); known != peers_.end()) {
        Entry& entry = connections_.at(known->second);
        if (entry.connection->usable()) {
            return &entry;
        }
    }
    return connect(flow, std::move(key));
}

base::Result<StreamTransport::Entry*> StreamTransport::connect(const base::Flow& flow,
                                                               PeerKey key) {
    net::TlsSession tls;
    if (flow.protocol == base::Protocol::Tls) {
        if (!tls_) {
            return base::fail("TLS is not set up");
        }
        auto made = tls_->clientSession(key.name);
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        tls = std::move(*made);
    }
    auto fd = net::connectTcp(flow.local.ip, flow.remote);
    if (!fd) {
        ++counters_.failed;
        return std::unexpected(std::move(fd.error()));
    }
    if (!makeRoom()) {
        return base::fail("there are too many connections");
    }
    net::tuneForMessages(fd->get(), flow.remote.ip.family(), settings_.dscp);
    const base::Flow used{.protocol = flow.protocol,
                          .local = net::localAddress(fd->get()),
                          .remote = flow.remote,
                          .connection = ++last_};
    const SocketTag tag = tagFor(flow.protocol, used.local.ip);
    Entry& entry = insert(used, tag, Connection::Opener::Us);
    index(entry, std::move(key));
    entry.connection->start(std::move(*fd), tls.release());
    return &entry;
}

SocketTag StreamTransport::tagFor(base::Protocol protocol, const base::IpAddress& local) const {
    const auto found = std::ranges::find_if(listeners_, [&](const auto& listener) {
        const base::IpAddress& ip = listener->socket.local().ip;
        return listener->protocol == protocol &&
               (ip == local || (ip.isUnspecified() && ip.family() == local.family()));
    });
    return found == listeners_.end() ? SocketTag{} : (*found)->tag;
}

void StreamTransport::accept(const std::shared_ptr<Listener>& listener) {
    for (std::size_t i = 0; i < kAcceptsPerWakeUp && !listener->closed; ++i) {
        net::Accepted accepted;
        switch (listener->socket.accept(accepted)) {
            case net::AcceptStatus::Empty:
                return;
            case net::AcceptStatus::Exhausted:
                log::warningFromPeer("no descriptors left for connections to {}",
                                     listener->socket.local().toString());
                listener->watch->setInterest(0);
                listener->pause->start(kExhaustedPause);
                return;
            case net::AcceptStatus::Error:
                break;
            case net::AcceptStatus::Accepted:
                admit(*listener, std::move(accepted));
                break;
        }
    }
}

bool StreamTransport::mayCome(const base::IpAddress& address, Standing standing) const {
    const auto found = perAddress_.find(sourceOf(address));
    return found == perAddress_.end() || found->second < settings_.perAddress ||
           standing == Standing::Ourselves;
}

void StreamTransport::admit(const Listener& listener, net::Accepted accepted) {
    const base::IpAddress& from = accepted.remote.ip;
    const base::Flow flow{.protocol = listener.protocol,
                          .local = accepted.local,
                          .remote = accepted.remote,
                          .connection = last_ + 1};
    const Standing standing =
        admission_ ? admission_(flow, accepted.interfaceIndex) : Standing::Stranger;
    if (standing == Standing::Refused) {
        ++counters_.refused;
        return;
    }
    if (!mayCome(from, standing)) {
        ++counters_.refused;
        log::warningFromPeer("{} has too many connections, another one is refused",
                             from.toString());
        return;
    }
    if (!makeRoom()) {
        ++counters_.refused;
        log::warningFromPeer("too many connections, one from {} is refused", from.toString());
        return;
    }
    net::TlsSession tls;
    if (listener.protocol == base::Protocol::Tls) {
        auto made = tls_->serverSession();
        if (!made) {
            log::warningFromPeer("{}", made.error().message);
            return;
        }
        tls = std::move(*made);
    }
    ++counters_.accepted;
    net::tuneForMessages(accepted.fd.get(), from.family(), settings_.dscp);
    ++last_;
    const bool stranger = standing == Standing::Stranger;
    Entry& entry = insert(flow, listener.tag, Connection::Opener::Peer, stranger);
    entry.interfaceIndex = accepted.interfaceIndex;
    entry.counted = sourceOf(from);
    ++perAddress_[entry.counted];
    if (stranger) {
        entry.unproven = unproven_.insert(unproven_.end(), flow.connection);
    }
    if (listener.protocol == base::Protocol::Tcp) {
        index(entry, {flow.protocol, flow.local.ip, flow.remote, {}});
    }
    entry.connection->start(std::move(accepted.fd), tls.release());
}

bool StreamTransport::makeRoom() {
    if (connections_.size() < settings_.connections) {
        return true;
    }
    if (unproven_.empty()) {
        return false;
    }
    ++counters_.evicted;
    Entry& oldest = connections_.at(unproven_.front());
    prove(oldest);
    endLater(oldest.connection, "closed to make room");
    return true;
}

/// Later, because the handler is told and may be the one that is just sending.
void StreamTransport::endLater(const std::shared_ptr<Connection>& connection,
                               std::string_view reason) {
    loop_.post([weak = std::weak_ptr(connection), reason] {
        if (const auto ending = weak.lock()) {
            ending->end(reason, false);
        }
    });
}

void StreamTransport::drop(const Selection& unwanted) {
    for (const auto& [id, entry] : connections_) {
        const auto& connection = entry.connection;
        if (connection->opener() == Connection::Opener::Peer &&
            unwanted(connection->flow(), entry.interfaceIndex)) {
            ++counters_.dropped;
            endLater(connection, "its peer is not admitted any more");
        }
    }
}

void StreamTransport::onPartial(Connection& connection, std::size_t bytes) {
    Entry& entry = connections_.at(connection.id());
    if (!entry.unproven) {
        return;
    }
    partial_ += bytes - entry.partial;
    entry.partial = bytes;
    if (partial_ > settings_.partialBytes) {
        endHoarder();
    }
}

void StreamTransport::endHoarder() {
    const auto most = *std::ranges::max_element(unproven_, {}, [this](std::uint64_t id) {
        return connections_.at(id).partial;
    });
    Entry& hoarder = connections_.at(most);
    ++counters_.hoarded;
    log::warningFromPeer("{} bytes of messages not complete yet, closing {}", partial_,
                         hoarder.connection->flow().toString());
    prove(hoarder);
    endLater(hoarder.connection, "too much is half sent");
}

StreamTransport::Entry& StreamTransport::insert(const base::Flow& flow, SocketTag tag,
                                                Connection::Opener opener, bool stranger) {
    Connection::Owner& owner = *this;
    Entry& entry = connections_[flow.connection];
    entry.connection =
        std::make_shared<Connection>(loop_, owner, settings_, counters_, flow, tag, opener,
                                     stranger);
    return entry;
}

void StreamTransport::index(Entry& entry, PeerKey key) {
    if (std::ranges::find(entry.keys, key) == entry.keys.end()) {
        entry.keys.push_back(key);
    }
    peers_.insert_or_assign(std::move(key), entry.connection->id());
}

bool StreamTransport::alias(std::uint64_t connection, std::uint16_t port) {
    const auto found = connections_.find(connection);
    if (found == connections_.end() || !found->second.connection->usable() || port == 0) {
        return false;
    }
    Entry& entry = found->second;
    const base::Flow& flow = entry.connection->flow();
    std::vector<std::string> names{{}};
    if (flow.protocol == base::Protocol::Tls) {
        names = net::verifiedDomains(entry.connection->tls());
    }
    if (names.empty() || entry.keys.size() + names.size() > kMostKeys) {
        return false;
    }
    for (auto& name : names) {
        index(entry, {flow.protocol, flow.local.ip, {flow.remote.ip, port}, std::move(name)});
    }
    return true;
}

void StreamTransport::prove(Entry& entry) {
    if (entry.unproven) {
        unproven_.erase(*entry.unproven);
        entry.unproven.reset();
        partial_ -= std::exchange(entry.partial, 0);
    }
}

void StreamTransport::keep(std::uint64_t connection) {
    if (const auto found = connections_.find(connection); found != connections_.end()) {
        prove(found->second);
        found->second.connection->know();
        found->second.connection->keepAlive();
    }
}

void StreamTransport::close(std::uint64_t connection) {
    if (const auto found = connections_.find(connection); found != connections_.end()) {
        const auto closing = found->second.connection;
        closing->finish();
    }
}

bool StreamTransport::isOpen(std::uint64_t connection) const {
    const auto found = connections_.find(connection);
    return found != connections_.end() &&
           found->second.connection->state() == Connection::State::Open;
}

Received StreamTransport::received(const Connection& connection, std::string_view bytes) const {
    return {.bytes = bytes,
            .flow = connection.flow(),
            .interfaceIndex = connections_.at(connection.id()).interfaceIndex,
            .openedByUs = connection.opener() == Connection::Opener::Us,
            .tag = connection.tag(),
            .time = loop_.now()};
}

void StreamTransport::onOpened(Connection& connection) {
    const bool ours = connection.opener() == Connection::Opener::Us;
    counters_.opened += ours ? 1 : 0;
    log::debug(log::Class::Net, "connection {} {}: {}", connection.id(),
               ours ? "opened" : "accepted", connection.flow().toString());
}

void StreamTransport::onMessage(Connection& connection, std::string_view bytes) {
    ++counters_.received;
    counters_.receivedBytes += bytes.size();
    trace(Direction::In, connection.flow(), bytes);
    handler_.onReceived(received(connection, bytes));
}

void StreamTransport::onMalformed(Connection& connection, std::string_view bytes,
                                  const Frame& frame) {
    log::warningFromPeer("{} cannot be framed, closing it: {}", connection.flow().toString(),
                         frame.reason);
    handler_.onMalformed(received(connection, bytes), frame.status, frame.reason);
}

void StreamTransport::onEnded(Connection& connection, const Connection::Ending& ending) {
    const base::Flow flow = connection.flow();
    const auto found = connections_.find(connection.id());
    Entry entry = std::move(found->second);
    connections_.erase(found);
    prove(entry);
    for (const auto& key : entry.keys) {
        // Another connection may have taken the place since.
        if (const auto known = peers_.find(key);
            known != peers_.end() && known->second == flow.connection) {
            peers_.erase(known);
        }
    }
    if (entry.counted) {
        const auto source = perAddress_.find(entry.counted);
        if (--source->second == 0) {
            perAddress_.erase(source);
        }
    }
    log::debug(log::Class::Net, "connection {} ended: {}: {}", flow.connection, flow.toString(),
               ending.reason);
    const bool ours = connection.opener() == Connection::Opener::Us;
    if (ending.failed) {
        ++(ending.wasOpen ? counters_.broken : counters_.failed);
        if (ours || ending.wasOpen) {
            // The name explains what a certificate was not good for.
            const bool named = ours && flow.protocol == base::Protocol::Tls && !entry.keys.empty();
            handler_.onFlowFailed(
                flow, {flow.toString() + (named ? " (" + entry.keys.front().name + ")" : "") + ": " +
                       std::string(ending.reason)});
        }
    }
    if (ending.wasOpen) {
        handler_.onConnectionClosed(flow);
    }
}

}  // namespace siproxd::transport
