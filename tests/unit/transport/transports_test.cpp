// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/transports.h"

#include <string>
#include <vector>

#include "net/udp_socket.h"
#include "stream_bench.h"
#include "support/addresses.h"
#include "support/catch.h"
#include "support/certificates.h"

using namespace siproxd;
using namespace siproxd::transport;
using namespace siproxd::test;
using base::Protocol;

namespace {

/// Ports that nobody has.
std::uint16_t freePort() { return PeerListener().address().port; }

struct Bench final : Transport::Handler {
    PacedLoop loop;
    std::vector<base::Flow> messages;
    std::vector<base::Flow> failed;
    Transports::Settings settings{.port = freePort(), .tlsPort = freePort()};
    Transports transports{loop, *this, settings};

    void onReceived(const Received& received) override { messages.push_back(received.flow); }
    void onFlowFailed(const base::Flow& flow, const base::Error&) override {
        failed.push_back(flow);
    }
    [[nodiscard]] bool until(const std::function<bool()>& done) {
        return runUntil(loop.real(), done);
    }
    [[nodiscard]] base::Flow flow(Protocol protocol, const char* from,
                                  const base::SocketAddress& remote) const {
        return {.protocol = protocol, .local = at(from, settings.port), .remote = remote};
    }
};

}  // namespace

TEST_CASE("Each address has sockets for UDP and TCP, and for TLS once there is a certificate",
          "[transport]") {
    Bench bench;
    const auto port = bench.settings.port;
    const Transports::Place udp{Protocol::Udp, at("127.0.0.1", port)};
    const Transports::Place tcp{Protocol::Tcp, at("127.0.0.1", port)};
    auto change = bench.transports.listenOn({ip("127.0.0.1")});
    CHECK(change.opened == std::vector{udp, tcp});
    CHECK(change.failed.empty());
    CHECK(bench.transports.places() == change.opened);
    CHECK(udp.toString() == "UDP 127.0.0.1:" + std::to_string(port));

    Certificates certificates;
    const auto files = certificates.make("server", {.alternativeNames = "DNS:sip.example"});
    bench.transports.setTls(*net::TlsContext::make(
        {.certificateFile = files.certificate, .keyFile = files.key}));
    change = bench.transports.listenOn({ip("127.0.0.1")});
    CHECK(change.opened == std::vector{Transports::Place{
                               Protocol::Tls, at("127.0.0.1", bench.settings.tlsPort)}});
    CHECK(change.closed.empty());
    // Without a certificate we can still connect, but not listen any more.
    bench.transports.setTls(*net::TlsContext::make({}));
    CHECK(bench.transports.listenOn({ip("127.0.0.1")}).closed.size() == 1);
}

TEST_CASE("Sockets follow the addresses, and those that stay are not touched", "[transport]") {
    Bench bench;
    const auto port = bench.settings.port;
    REQUIRE(bench.transports.listenOn({ip("127.0.0.1"), ip("127.0.0.2")}).failed.empty());
    Peer staying(at("127.0.0.1", port));
    Peer going(at("127.0.0.2", port));
    staying.send(options());
    going.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 2; }));

    const auto change = bench.transports.listenOn({ip("127.0.0.3"), ip("127.0.0.1")});
    CHECK(change.opened.size() == 2);
    CHECK(change.closed.size() == 2);
    CHECK(bench.until([&] { return going.closed(); }));
    CHECK_FALSE(staying.closed());
    REQUIRE(bench.failed.size() == 1);
    CHECK(bench.failed[0].local.ip == ip("127.0.0.2"));
    staying.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 3; }));
    CHECK_FALSE(bench.transports.send("x", bench.flow(Protocol::Udp, "127.0.0.2", at("127.0.0.1", 9))));
    CHECK(bench.transports.send("x", bench.flow(Protocol::Udp, "127.0.0.3", at("127.0.0.1", 9))));
}

TEST_CASE("Connections that we have opened are broken when their address goes", "[transport]") {
    Bench bench;
    const PeerListener provider;
    REQUIRE(bench.transports.listenOn({ip("127.0.0.2")}).failed.empty());
    const auto opened =
        bench.transports.open(bench.flow(Protocol::Tcp, "127.0.0.2", provider.address()), "");
    REQUIRE(opened);
    Peer peer = provider.accept();
    CHECK(bench.until([&] { return bench.transports.isOpen(opened->connection); }));
    bench.transports.listenOn({});
    CHECK(bench.failed == std::vector{*opened});
    CHECK_FALSE(bench.transports.isOpen(opened->connection));
    CHECK(bench.until([&] { return peer.closed(); }));
}

TEST_CASE("An address that cannot be bound keeps none of the others", "[transport]") {
    Bench bench;
    auto change = bench.transports.listenOn({ip("192.0.2.1"), ip("127.0.0.1")});
    REQUIRE(change.failed.size() == 2);
    CHECK(change.failed[0].error.message.find("192.0.2.1") != std::string::npos);
    CHECK(change.failed[0].place.address.ip == ip("192.0.2.1"));
    CHECK(change.opened.size() == 2);
    {
        const auto taken = net::TcpListener::listen(at("127.0.0.2", bench.settings.port));
        REQUIRE(taken);
        change = bench.transports.listenOn({ip("127.0.0.1"), ip("127.0.0.2")});
        REQUIRE(change.failed.size() == 1);
        CHECK(change.failed[0].place.protocol == Protocol::Tcp);
        CHECK(change.opened.size() == 1);
    }
    change = bench.transports.listenOn({ip("127.0.0.1"), ip("127.0.0.2")});
    CHECK(change.failed.empty());
    CHECK(change.opened.size() == 1);
}

TEST_CASE("Messages go by the protocol of their flow", "[transport]") {
    Bench bench;
    REQUIRE(bench.transports.listenOn({ip("127.0.0.1")}).failed.empty());
    const auto datagrams = net::UdpSocket::bind(at("127.0.0.1"));
    const PeerListener streams;
    REQUIRE(datagrams);
    const auto byUdp = bench.flow(Protocol::Udp, "127.0.0.1", datagrams->local());
    CHECK(*bench.transports.open(byUdp, "a.example") == byUdp);
    CHECK(bench.transports.send("u", byUdp));
    const auto byTcp =
        bench.transports.open(bench.flow(Protocol::Tcp, "127.0.0.1", streams.address()), "");
    REQUIRE(byTcp);
    CHECK(byTcp->connection != 0);
    CHECK(bench.transports.send("t", *byTcp));
    char buffer[10];
    net::Datagram datagram;
    CHECK(bench.until([&] {
        return datagrams->receive(buffer, datagram) == net::ReceiveStatus::Datagram;
    }));
    CHECK(buffer[0] == 'u');
    CHECK(datagram.source == at("127.0.0.1", bench.settings.port));
    Peer peer = streams.accept();
    CHECK(bench.until([&] { return peer.got() == "t"; }));
    CHECK_FALSE(bench.transports.send("x", bench.flow(Protocol::Tls, "127.0.0.1", at("127.0.0.1", 9))));
    bench.transports.close(byTcp->connection);
    CHECK(bench.until([&] { return peer.closed(); }));
}
