// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "event/loop.h"
#include "net/tls_context.h"
#include "transport/connection.h"
#include "transport/connections.h"
#include "transport/stream_settings.h"
#include "transport/transport.h"

namespace siproxd::net {
struct Accepted;
}

namespace siproxd::transport {

/// SIP over TCP and TLS (RFC 3261 §18): a listening socket for each local address, and the
/// connections of both directions, which are reused. Connections are numbered, and no number comes
/// twice; those that we open carry the tag of the listener on the address they leave from.
class StreamTransport final : public Transport, public Connections, private Connection::Owner {
public:
    /// Asked for each connection that is accepted, before anything is read from it or sent. The
    /// interface is the one that it came by; 0: unknown.
    using Admission = std::function<Standing(const base::Flow&, unsigned interfaceIndex)>;

    /// Loop and handler must outlive it. No `admission`: all are strangers.
    StreamTransport(event::Loop& loop, Handler& handler, const StreamSettings& settings,
                    Admission admission = {});
    ~StreamTransport() override;

    /// Starts to listen for Tcp or Tls. Returns the address with the port that the kernel chose
    /// where 0 was given; the error says which address and why. Tls needs setTls() first.
    [[nodiscard]] base::Result<base::SocketAddress> add(base::Protocol protocol,
                                                        const base::SocketAddress& local,
                                                        SocketTag tag);

    /// Stops listening there and breaks that protocol's connections from and to that IP address,
    /// as when the address has gone. False when nothing listened there.
    bool remove(base::Protocol protocol, const base::SocketAddress& local);

    /// Breaks all connections from and to that address of ours: it has gone.
    void leave(const base::IpAddress& local);

    /// The addresses it listens on, in the order they were added.
    [[nodiscard]] std::vector<base::SocketAddress> addresses(base::Protocol protocol) const;

    /// Certificates and trust for the connections that begin from now on.
    void setTls(net::TlsContext context);
    /// Whether Tls can be listened on.
    [[nodiscard]] bool canServeTls() const { return tls_ && tls_->canServe(); }

    /// New timeouts and limits; those of framing hold for new connections.
    void configure(const StreamSettings& settings) { settings_ = settings; }

    /// Sends by connection `flow.connection`; where that is 0, by what open() gives for the flow
    /// without a name. Bytes wait until the connection is open.
    [[nodiscard]] base::Result<void> send(std::string_view bytes,
                                          const base::Flow& flow) override;

    // Connections
    [[nodiscard]] base::Result<base::Flow> open(const base::Flow& flow,
                                                std::string_view name) override;
    bool alias(std::uint64_t connection, std::uint16_t port) override;
    void keep(std::uint64_t connection) override;
    void close(std::uint64_t connection) override;
    void drop(const Selection& unwanted) override;
    [[nodiscard]] bool isOpen(std::uint64_t connection) const override;

    [[nodiscard]] std::size_t connections() const { return connections_.size(); }
    [[nodiscard]] const StreamCounters& counters() const { return counters_; }

private:
    class Listener;

    /// Under what a connection is found when the sender names none.
    struct PeerKey {
        base::Protocol protocol;
        base::IpAddress local;
        base::SocketAddress remote;
        std::string name;  ///< lower case; empty on TCP
        friend bool operator==(const PeerKey&, const PeerKey&) = default;
    };
    struct PeerKeyHash {
        [[nodiscard]] std::size_t operator()(const PeerKey& key) const;
    };

    struct Entry {
        std::shared_ptr<Connection> connection;
        std::vector<PeerKey> keys;
        /// Among those that may be closed to make room.
        std::optional<std::list<std::uint64_t>::iterator> unproven;
        base::IpAddress counted;  ///< in perAddress_; none: not counted
        std::size_t partial = 0;  ///< bytes of it in partial_
        unsigned interfaceIndex = 0;  ///< 0: unknown, or opened by us
    };

    void onOpened(Connection& connection) override;
    void onMessage(Connection& connection, std::string_view bytes) override;
    void onMalformed(Connection& connection, std::string_view bytes, const Frame& frame) override;
    void onPartial(Connection& connection, std::size_t bytes) override;
    void onEnded(Connection& connection, const Connection::Ending& ending) override;

    void accept(const std::shared_ptr<Listener>& listener);
    void admit(const Listener& listener, net::Accepted accepted);
    [[nodiscard]] bool mayCome(const base::IpAddress& address, Standing standing) const;
    [[nodiscard]] bool makeRoom();
    [[nodiscard]] base::Result<net::TlsSession> session(base::Protocol protocol) const;
    [[nodiscard]] base::Result<Entry*> connect(const base::Flow& flow, PeerKey key);
    [[nodiscard]] base::Result<Entry*> find(const base::Flow& flow, std::string_view name);
    [[nodiscard]] SocketTag tagFor(base::Protocol protocol, const base::IpAddress& local) const;
    [[nodiscard]] Entry& insert(const base::Flow& flow, SocketTag tag, Connection::Opener opener,
                                bool stranger = false);
    void index(Entry& entry, PeerKey key);
    void prove(Entry& entry);
    void endHoarder();
    void endLater(const std::shared_ptr<Connection>& connection, std::string_view reason);
    void breakAll(const std::function<bool(const base::Flow&)>& concerned);
    [[nodiscard]] Received received(const Connection& connection, std::string_view bytes) const;

    event::Loop& loop_;
    Handler& handler_;
    StreamSettings settings_;
    Admission admission_;
    StreamCounters counters_;
    std::optional<net::TlsContext> tls_;
    // Shared, because a handler may remove the listener whose connection it is being handed.
    std::vector<std::shared_ptr<Listener>> listeners_;
    std::unordered_map<std::uint64_t, Entry> connections_;
    std::unordered_map<PeerKey, std::uint64_t, PeerKeyHash> peers_;
    std::unordered_map<base::IpAddress, std::size_t, base::AddressHash> perAddress_;
    std::list<std::uint64_t> unproven_;  ///< the oldest first
    std::size_t partial_ = 0;  ///< bytes of messages not complete yet, of the unproven
    std::uint64_t last_ = 0;
};

}  // namespace siproxd::transport
