// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/flow.h"
#include "base/result.h"
#include "event/loop.h"
#include "net/tls_context.h"
#include "transport/connections.h"
#include "transport/stream_transport.h"
#include "transport/transport.h"
#include "transport/udp_transport.h"

namespace siproxd::transport {

/// UDP, TCP and TLS as one: every address of ours has a socket for each of them, and a message goes
/// by the protocol of its flow. Addresses come and go while it runs.
class Transports final : public Transport, public Connections {
public:
    struct Settings {
        UdpSettings udp{};
        StreamSettings stream{};
        std::uint16_t port = 5060;     ///< UDP and TCP
        std::uint16_t tlsPort = 5061;
    };

    /// A socket of ours.
    struct Place {
        base::Protocol protocol = base::Protocol::Udp;
        base::SocketAddress address;

        /// `UDP 10.0.0.1:5060`
        [[nodiscard]] std::string toString() const;
        friend bool operator==(const Place&, const Place&) = default;
    };
    struct Failure {
        Place place;
        base::Error error;  ///< names the address
    };
    /// What listenOn() has done.
    struct Change {
        std::vector<Place> opened;
        std::vector<Place> closed;
        std::vector<Failure> failed;  ///< tried again by the next listenOn()
    };

    /// Loop and handler must outlive it.
    Transports(event::Loop& loop, Transport::Handler& handler, const Settings& settings,
               StreamTransport::Admission admission = {});

    /// Listens on these addresses and no others, on TLS where there is a certificate. Sockets that
    /// stay are not touched; connections from and to addresses that go are broken.
    Change listenOn(const std::vector<base::IpAddress>& addresses);

    /// Certificates and trust for the connections that begin from now on; listenOn() makes the
    /// sockets fit.
    void setTls(net::TlsContext context) { streams_.setTls(std::move(context)); }

    /// New timeouts and limits of connections.
    void configure(const StreamSettings& settings) { streams_.configure(settings); }

    /// All sockets, in the order they were opened.
    [[nodiscard]] std::vector<Place> places() const;

    // Transport
    [[nodiscard]] base::Result<void> send(std::string_view bytes,
                                          const base::Flow& flow) override;

    // Connections; for UDP there are none and open() gives the flow back.
    [[nodiscard]] base::Result<base::Flow> open(const base::Flow& flow,
                                                std::string_view name) override;
    bool alias(std::uint64_t connection, std::uint16_t port) override;
    void keep(std::uint64_t connection) override;
    void close(std::uint64_t connection) override;
    void drop(const Selection& unwanted) override;
    [[nodiscard]] bool isOpen(std::uint64_t connection) const override;

    [[nodiscard]] const UdpTransport& udp() const { return udp_; }
    [[nodiscard]] const StreamTransport& streams() const { return streams_; }

private:
    [[nodiscard]] std::vector<Place> wantedOn(const base::IpAddress& ip) const;
    [[nodiscard]] base::Result<void> add(const Place& place);
    void remove(const Place& place);

    std::uint16_t port_;
    std::uint16_t tlsPort_;
    UdpTransport udp_;
    StreamTransport streams_;
    std::vector<base::IpAddress> addresses_;
    std::vector<Place> places_;
};

}  // namespace siproxd::transport
