// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "net/tls_context.h"
#include "stream_bench.h"
#include "support/certificates.h"

using namespace siproxd;
using namespace siproxd::transport;
using namespace siproxd::test;
using base::Protocol;

namespace {

net::TlsContext context(const net::TlsSettings& settings) {
    auto made = net::TlsContext::make(settings);
    if (!made) {
        FAIL(made.error().message);
    }
    return std::move(*made);
}

/// Two proxies that trust one authority: one connects, the other has a certificate.
struct Pair {
    Certificates certificates;
    StreamBench here;
    StreamBench there;
    base::SocketAddress address;

    explicit Pair(const std::string& names, bool selfSigned = false,
                  net::ClientCertificate demand = net::ClientCertificate::Off) {
        const auto files = certificates.make("server", {.alternativeNames = names}, selfSigned);
        there.transport.setTls(context({.certificateFile = files.certificate,
                                        .keyFile = files.key,
                                        .caPath = certificates.authority(),
                                        .clientCertificate = demand}));
        here.transport.setTls(context({.caPath = certificates.authority()}));
        address = there.listen(Protocol::Tls);
    }

    [[nodiscard]] base::Flow flow() const { return StreamBench::to(address, Protocol::Tls); }

    /// Runs both loops.
    [[nodiscard]] bool until(const std::function<bool()>& done) {
        return here.until([&] {
            there.loop.real().post([&] { there.loop.stop(); });
            there.loop.run();
            return done();
        });
    }
};

}  // namespace

TEST_CASE("Messages go over TLS to a provider that proves its name", "[transport]") {
    Pair pair("URI:sip:provider.example");
    pair.there.react = [&](const Received& received) {
        CHECK(pair.there.transport.send(options("answer"), received.flow));
    };
    const auto sent = pair.here.sendTo(options("a"), pair.flow(), "Provider.example");
    REQUIRE(sent);
    CHECK(pair.until([&] { return pair.here.messages.size() == 1; }));
    REQUIRE(pair.there.messages.size() == 1);
    CHECK(pair.there.messages[0].bytes == options("a"));
    CHECK(pair.there.messages[0].flow.protocol == Protocol::Tls);
    CHECK(pair.here.messages[0].bytes == options("answer"));
    CHECK(pair.here.messages[0].flow == *sent);
    // The same name goes by the same connection, another one never does.
    CHECK(*pair.here.sendTo(options("b"), pair.flow(), "provider.example") == *sent);
    CHECK(pair.until([&] { return pair.there.messages.size() == 2; }));
    const auto other = pair.here.sendTo(options("c"), pair.flow(), "other.example");
    REQUIRE(other);
    CHECK(*other != *sent);
    CHECK(pair.until([&] { return pair.here.failed.size() == 1; }));
    CHECK(pair.here.failed[0].first == *other);
    CHECK(pair.there.messages.size() == 2);
    pair.here.transport.close(sent->connection);
    CHECK(pair.until([&] { return pair.there.closed.size() == 1; }));
    CHECK(pair.there.failed.empty());
    CHECK(pair.until([&] { return pair.here.transport.connections() == 0; }));
}

TEST_CASE("A provider that does not prove its name gets nothing", "[transport]") {
    const struct {
        std::string names;
        bool selfSigned;
        std::string name;
        std::string reason;
    } table[] = {
        {"URI:sip:other.example", false, "provider.example", "ostname mismatch"},
        {"URI:sip:provider.example", true, "provider.example", "self"},
        {"URI:sip:provider.example", false, "", "ostname mismatch"},
    };
    for (const auto& row : table) {
        Pair pair(row.names, row.selfSigned);
        REQUIRE(pair.here.sendTo(options(), pair.flow(), row.name));
        CHECK(pair.until([&] {
            return pair.here.failed.size() == 1 && pair.there.transport.connections() == 0;
        }));
        CHECK(pair.here.failed[0].second.find(row.reason) != std::string::npos);
        CHECK(pair.there.messages.empty());
        CHECK(pair.there.closed.empty());
        CHECK(pair.there.transport.counters().failed == 1);
    }
    Pair pair("IP:127.0.0.1");
    REQUIRE(pair.here.transport.send(options(), pair.flow()));
    CHECK(pair.until([&] { return pair.there.messages.size() == 1; }));
}

TEST_CASE("Large messages pass over TLS in both directions", "[transport]") {
    Pair pair("URI:sip:provider.example");
    const std::string message = "OPTIONS sip:a SIP/2.0\r\nX: " + std::string(32000, 'x') +
                                "\r\nl: 65536\r\n\r\n" + std::string(65536, 'b');
    pair.there.react = [&](const Received& received) {
        CHECK(pair.there.transport.send(received.bytes, received.flow));
    };
    for (int i = 0; i < 5; ++i) {
        const auto count = static_cast<std::size_t>(i) * 2;
        REQUIRE(pair.here.sendTo(message, pair.flow(), "provider.example"));
        REQUIRE(pair.here.sendTo(message, pair.flow(), "provider.example"));
        CHECK(pair.until([&] { return pair.here.messages.size() == count + 2; }));
    }
    for (const auto& heard : pair.here.messages) {
        CHECK(heard.bytes == message);
    }
}

TEST_CASE("Connections of a peer that has proven its domain may be used for requests to it",
          "[transport]") {
    Pair pair("URI:sip:provider.example", false, net::ClientCertificate::Ask);
    const auto files = pair.certificates.make("client", {.alternativeNames = "URI:sip:peer.example"});
    const auto send = [&] {
        REQUIRE(pair.here.sendTo(options(), pair.flow(), "provider.example"));
        const auto count = pair.there.messages.size();
        CHECK(pair.until([&] { return pair.there.messages.size() == count + 1; }));
        return pair.there.messages.back().flow;
    };
    CHECK_FALSE(pair.there.transport.alias(send().connection, 5061));
    pair.here.transport.close(1);
    pair.here.transport.setTls(context({.certificateFile = files.certificate,
                                        .keyFile = files.key,
                                        .caPath = pair.certificates.authority()}));
    const auto flow = send();
    CHECK(pair.there.transport.alias(flow.connection, 5061));
    const auto there = StreamBench::to(at("127.0.0.1", 5061), Protocol::Tls);
    const auto sent = pair.there.sendTo(options("back"), there, "peer.example");
    REQUIRE(sent);
    CHECK(sent->connection == flow.connection);
    CHECK(pair.until([&] { return pair.here.messages.size() == 1; }));
    const auto stranger = pair.there.sendTo(options(), there, "stranger.example");
    CHECK((!stranger || stranger->connection != flow.connection));
}

TEST_CASE("New certificates are for new connections, running ones go on", "[transport]") {
    Pair pair("URI:sip:old.example");
    REQUIRE(pair.here.sendTo(options(), pair.flow(), "old.example"));
    CHECK(pair.until([&] { return pair.there.messages.size() == 1; }));
    const auto files =
        pair.certificates.make("server", {.alternativeNames = "URI:sip:new.example"});
    pair.there.transport.setTls(
        context({.certificateFile = files.certificate, .keyFile = files.key}));
    REQUIRE(pair.here.sendTo(options(), pair.flow(), "old.example"));
    REQUIRE(pair.here.sendTo(options(), pair.flow(), "new.example"));
    CHECK(pair.until([&] { return pair.there.messages.size() == 3; }));
    CHECK(pair.here.transport.connections() == 2);
    CHECK(pair.here.failed.empty());
}

TEST_CASE("A handshake that does not end is given up, on both sides", "[transport]") {
    Pair pair("URI:sip:provider.example");
    Peer silent(pair.address);
    const PeerListener mute;
    REQUIRE(pair.here.sendTo(options(), StreamBench::to(mute.address(), Protocol::Tls),
                                       "provider.example"));
    CHECK(pair.until([&] { return pair.there.transport.connections() == 1; }));
    Peer accepted = mute.accept();
    CHECK(pair.until([&] { return !accepted.got().empty(); }));
    pair.there.loop.advance(4999ms);
    CHECK(pair.there.transport.connections() == 1);
    pair.there.loop.advance(1ms);
    CHECK(pair.there.transport.connections() == 0);
    CHECK(pair.there.failed.empty());
    pair.here.loop.advance(5500ms);
    REQUIRE(pair.here.failed.size() == 1);
}

TEST_CASE("What is no TLS ends the connection", "[transport]") {
    Pair pair("URI:sip:provider.example");
    Peer plain(pair.address);
    plain.send(options());
    CHECK(pair.until([&] { return plain.closed(); }));
    CHECK(pair.until([&] { return pair.there.transport.connections() == 0; }));
    Peer gone(pair.address);
    gone.close();
    CHECK(pair.until([&] { return pair.there.transport.counters().failed == 2; }));
    CHECK(pair.there.failed.empty());
    const auto nobody = PeerListener().address();
    REQUIRE(pair.here.sendTo(options(), StreamBench::to(nobody, Protocol::Tls), "x.example"));
    CHECK(pair.until([&] { return pair.here.failed.size() == 1; }));
    CHECK(pair.here.failed[0].second.find("refused") != std::string::npos);
}

TEST_CASE("Who is not admitted is closed before the handshake", "[transport]") {
    Certificates certificates;
    const auto files = certificates.make("server", {.alternativeNames = "IP:127.0.0.1"});
    StreamBench bench({}, StreamBench::allAre(transport::Standing::Refused));
    bench.transport.setTls(context({.certificateFile = files.certificate, .keyFile = files.key}));
    Peer peer(bench.listen(base::Protocol::Tls));
    CHECK(bench.until([&] { return peer.closed(); }));
    CHECK(peer.got().empty());
    CHECK(bench.transport.counters().refused == 1);
    CHECK(bench.transport.counters().accepted == 0);
}
