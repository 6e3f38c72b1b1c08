// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/stream_transport.h"

#include <string>
#include <vector>

#include "stream_bench.h"

using namespace siproxd;
using namespace siproxd::transport;
using namespace siproxd::test;
using base::Protocol;

TEST_CASE("A message over TCP comes up with its flow and can be answered on it", "[transport]") {
    for (const char* ip : {"127.0.0.1", "::1"}) {
        StreamBench bench;
        const auto local = bench.listen(Protocol::Tcp, ip);
        Peer peer(local);
        bench.react = [&](const Received& received) {
            CHECK(bench.transport.send("answer", received.flow));
        };
        peer.send(options());
        CHECK(bench.until([&] { return peer.got() == "answer"; }));
        REQUIRE(bench.messages.size() == 1);
        const Heard& heard = bench.messages[0];
        CHECK(heard.bytes == options());
        CHECK(heard.tag == 7);
        CHECK(heard.flow.protocol == Protocol::Tcp);
        CHECK(heard.flow.local == local);
        CHECK(heard.flow.remote == peer.address());
        CHECK(heard.flow.connection != 0);
        CHECK(bench.transport.isOpen(heard.flow.connection));
        CHECK(bench.transport.counters().received == 1);
        peer.close();
        CHECK(bench.until([&] { return !bench.closed.empty(); }));
        CHECK(bench.closed[0] == heard.flow);
        CHECK(bench.failed.empty());
        CHECK(bench.transport.connections() == 0);
        CHECK_FALSE(bench.transport.send("late", heard.flow));
    }
}

TEST_CASE("Messages come out whole, byte by byte and a hundred at once", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    std::string all;
    for (int i = 0; i < 100; ++i) {
        all += options(std::to_string(i));
    }
    peer.send(all);
    for (const char byte : options("slow")) {
        peer.send(std::string(1, byte));
        bench.loop.real().post([&] { bench.loop.real().stop(); });
        bench.loop.run();
    }
    CHECK(bench.until([&] { return bench.messages.size() == 101; }));
    for (std::size_t i = 0; i < 100; ++i) {
        CHECK(bench.messages[i].bytes == options(std::to_string(i)));
    }
    CHECK(bench.messages[100].bytes == options("slow"));
}

TEST_CASE("What came before the peer closed is not lost", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    std::string all;
    for (int i = 0; i < 200; ++i) {
        all += options();
    }
    peer.send(all);
    ::shutdown(peer.fd(), SHUT_WR);
    CHECK(bench.until([&] { return bench.closed.size() == 1; }));
    CHECK(bench.messages.size() == 200);
}

TEST_CASE("The largest message fits, whatever the reads", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    const std::string message = "OPTIONS sip:a SIP/2.0\r\nX: " + std::string(32000, 'x') +
                                "\r\nl: 65536\r\n\r\n" + std::string(65536, 'b');
    peer.send(message + message);
    CHECK(bench.until([&] { return bench.messages.size() == 2; }));
    CHECK(bench.messages[1].bytes == message);
}

TEST_CASE("A broken framing is told, answered and ends the connection", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    std::string head;
    bench.reactMalformed = [&](const Received& received) {
        head = received.bytes;
        CHECK(bench.transport.send("400", received.flow));
    };
    peer.send(options() + "OPTIONS sip:b SIP/2.0\r\nSubject: none\r\n\r\n" + options());
    CHECK(bench.until([&] { return peer.closed(); }));
    CHECK(peer.got() == "400");
    CHECK(bench.messages.size() == 1);
    CHECK(head == "OPTIONS sip:b SIP/2.0\r\nSubject: none\r\n\r\n");
    REQUIRE(bench.malformed.size() == 1);
    CHECK(bench.malformed[0].first == 400);
    CHECK(bench.transport.counters().malformed == 1);
    peer.close();
    CHECK(bench.until([&] { return bench.transport.connections() == 0; }));
    CHECK(bench.failed.empty());
}

TEST_CASE("A peer that does not close after a broken framing is closed on", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send("x\n");
    CHECK(bench.until([&] { return peer.closed(); }));
    peer.send(options());
    bench.settle();
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(2s);
    CHECK(bench.transport.connections() == 0);
    CHECK(bench.messages.empty());
}

TEST_CASE("A message must be complete in time, an idle connection ends", "[transport]") {
    StreamBench bench({.idleTimeout = 100s, .messageTimeout = 10s});
    const auto local = bench.listen();
    Peer slow(local);
    Peer idle(local);
    slow.send(options() + "OPTIONS ");
    idle.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 2; }));
    for (int i = 0; i < 9; ++i) {
        // A byte now and then does not help: the clock runs from the first one.
        bench.loop.advance(1s);
        slow.send("x");
        bench.settle();
    }
    CHECK(bench.transport.connections() == 2);
    bench.loop.advance(1s);
    CHECK(bench.transport.counters().slow == 1);
    CHECK(bench.until([&] { return slow.closed(); }));
    bench.loop.advance(89s);
    CHECK(bench.transport.connections() == 1);
    idle.send("\r\n\r\n");
    CHECK(bench.until([&] { return idle.got() == "\r\n"; }));
    bench.loop.advance(99s);
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(1s);
    CHECK(bench.transport.counters().idle == 1);
    CHECK(bench.transport.connections() == 0);
    CHECK(bench.closed.size() == 2);
    CHECK(bench.failed.empty());
}

TEST_CASE("Who connects and says nothing is not kept", "[transport]") {
    StreamBench bench;
    Peer silent(bench.listen());
    CHECK(bench.until([&] { return bench.transport.connections() == 1; }));
    bench.loop.advance(59s);
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(1s);
    CHECK(bench.transport.connections() == 0);
}

TEST_CASE("A connection is opened once and used by all who have the same way", "[transport]") {
    StreamBench bench;
    const auto local = bench.listen();
    const PeerListener provider;
    const auto flow = StreamBench::to(provider.address());
    const auto first = bench.sendTo("one", flow, "ignored.example");
    REQUIRE(first);
    CHECK(first->connection != 0);
    CHECK(first->local.ip == local.ip);
    CHECK(bench.transport.send("two", flow));
    Peer peer = provider.accept();
    CHECK(bench.until([&] { return peer.got() == "onetwo"; }));
    CHECK(bench.transport.send("three", flow));
    CHECK(bench.transport.send("four", *first));
    CHECK(bench.until([&] { return peer.got() == "onetwothreefour"; }));
    CHECK_FALSE(provider.waiting());
    CHECK(bench.transport.counters().opened == 1);
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    CHECK(bench.messages[0].flow == *first);
    CHECK(bench.messages[0].tag == 7);
    peer.close();
    CHECK(bench.until([&] { return bench.closed.size() == 1; }));
    CHECK_FALSE(bench.transport.send("five", *first));
    CHECK(bench.transport.send("six", flow));
    Peer again = provider.accept();
    CHECK(bench.until([&] { return again.got() == "six"; }));
}

TEST_CASE("An accepted connection is found by its peer's address, and by an alias", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    const auto id = bench.messages[0].flow.connection;
    CHECK(bench.transport.send("a", StreamBench::to(peer.address())));
    CHECK(bench.transport.alias(id, 5060));
    CHECK(bench.transport.alias(id, 5060));
    CHECK(bench.transport.send("b", StreamBench::to(at("127.0.0.1", 5060))));
    CHECK(bench.until([&] { return peer.got() == "ab"; }));
    CHECK_FALSE(bench.transport.alias(id, 0));
    CHECK_FALSE(bench.transport.alias(999, 5060));
    for (std::uint16_t port = 1; port < 50; ++port) {
        (void)bench.transport.alias(id, port);
    }
    CHECK_FALSE(bench.transport.alias(id, 51));
    peer.close();
    CHECK(bench.until([&] { return bench.transport.connections() == 0; }));
    // Now that it has gone, the alias leads nowhere.
    const auto sent = bench.transport.send("c", StreamBench::to(at("127.0.0.1", 1)));
    CHECK((!sent || bench.until([&] { return bench.failed.size() == 1; })));
}

TEST_CASE("A refused connect is told with its flow", "[transport]") {
    StreamBench bench;
    const auto nobody = PeerListener().address();
    const auto sent = bench.sendTo(options(), StreamBench::to(nobody), {});
    REQUIRE(sent);
    CHECK(bench.failed.empty());
    CHECK(bench.until([&] { return bench.failed.size() == 1; }));
    CHECK(bench.failed[0].first == *sent);
    CHECK(bench.failed[0].second.find("refused") != std::string::npos);
    CHECK(bench.failed[0].second.find(nobody.toString()) != std::string::npos);
    CHECK(bench.closed.empty());
    CHECK(bench.transport.connections() == 0);
    CHECK(bench.transport.counters().failed == 1);
}

TEST_CASE("A peer that never answers a connect blocks nobody and is given up", "[transport]") {
    StreamBench bench;
    const PeerListener full(0);
    // The backlog's place is taken: the kernel drops what else comes.
    std::vector<Peer> takers;
    for (int i = 0; i < 4; ++i) {
        takers.emplace_back(std::move(*net::connectTcp({}, full.address())));
    }
    CHECK(bench.transport.send(options(), StreamBench::to(full.address())));
    const std::string large(200 * 1024, 'x');
    CHECK(bench.transport.send(large, StreamBench::to(full.address())));
    CHECK_FALSE(bench.transport.send(large, StreamBench::to(full.address())));
    bench.settle();
    bench.loop.advance(499ms);
    CHECK(bench.failed.empty());
    bench.loop.advance(1ms);
    REQUIRE(bench.failed.size() == 1);
    CHECK(bench.failed[0].second.find("no connection in time") != std::string::npos);
    CHECK(bench.transport.connections() == 0);
}

TEST_CASE("A peer that does not read is given up", "[transport]") {
    StreamBench bench({.idleTimeout = 0s, .queueBytes = 16 * 1024 * 1024});
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    const auto flow = bench.messages[0].flow;
    CHECK(bench.transport.send(std::string(15 * 1024 * 1024, 'x'), flow));
    // While the kernel still takes some of it, it is not given up.
    for (int i = 0; i < 1000 && bench.failed.empty(); ++i) {
        bench.settle();
        bench.loop.advance(10s);
    }
    REQUIRE(bench.failed.size() == 1);
    CHECK(bench.failed[0].second.find("does not read") != std::string::npos);
}

TEST_CASE("A reset is told as a failure and as the end", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    peer.reset();
    CHECK(bench.until([&] { return bench.closed.size() == 1; }));
    CHECK(bench.failed.size() == 1);
    CHECK(bench.transport.counters().broken == 1);
}

TEST_CASE("Closing sends what is waiting first", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    const auto flow = bench.messages[0].flow;
    const std::string last(200000, 'z');
    CHECK(bench.transport.send(last, flow));
    bench.transport.close(flow.connection);
    CHECK_FALSE(bench.transport.send("more", flow));
    CHECK(bench.until([&] { return peer.closed(); }));
    CHECK(peer.got() == last);
    peer.close();
    CHECK(bench.until([&] { return bench.transport.connections() == 0; }));
}

TEST_CASE("A listener goes with its connections, also from inside", "[transport]") {
    StreamBench bench;
    const auto local = bench.listen();
    Peer peer(local);
    Peer other(local);
    bench.react = [&](const Received& received) {
        CHECK(bench.transport.remove(Protocol::Tcp, local));
        CHECK_FALSE(bench.transport.remove(Protocol::Tcp, local));
        // The bytes live for the call, whatever happens to their connection.
        CHECK(received.bytes == options());
        CHECK_FALSE(bench.transport.send("x", received.flow));
    };
    peer.send(options() + options());
    CHECK(bench.until([&] { return peer.closed() && other.closed(); }));
    CHECK(bench.messages.size() == 1);
    CHECK(bench.failed.size() == 2);
    CHECK(bench.closed.size() == 2);
    CHECK(bench.transport.addresses(Protocol::Tcp).empty());
    CHECK(bench.transport.add(Protocol::Tcp, local, 1));
}

TEST_CASE("A handler may close the connection whose message it is handed", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    bench.react = [&](const Received& received) {
        CHECK(bench.transport.send("bye", received.flow));
        bench.transport.close(received.flow.connection);
        CHECK(received.bytes == options());
    };
    peer.send(options() + options());
    CHECK(bench.until([&] { return peer.closed(); }));
    CHECK(peer.got() == "bye");
    CHECK(bench.messages.size() == 1);
}

TEST_CASE("A transport may go while its connections are busy", "[transport]") {
    PacedLoop loop;
    struct Deaf final : Transport::Handler {
        void onReceived(const Received&) override {}
    } deaf;
    const PeerListener provider;
    {
        StreamTransport transport(loop, deaf, {});
        CHECK(transport.send(std::string(100000, 'x'), StreamBench::to(provider.address())));
        loop.post([&] { loop.stop(); });
        loop.run();
    }
    loop.post([&] { loop.stop(); });
    loop.run();
    Peer peer = provider.accept();
}

TEST_CASE("Sending where there is no way is an error that names it", "[transport]") {
    StreamBench bench;
    base::Flow flow = StreamBench::to(at("127.0.0.1", 5060));
    flow.connection = 42;
    const auto gone = bench.transport.send("x", flow);
    REQUIRE_FALSE(gone);
    CHECK(gone.error().message.find("127.0.0.1:5060") != std::string::npos);
    flow.connection = 0;
    flow.local = at("192.0.2.1");
    CHECK_FALSE(bench.transport.send("x", flow));
    flow.local = at("127.0.0.1");
    flow.protocol = Protocol::Tls;
    CHECK_FALSE(bench.transport.send("x", flow));
    CHECK_FALSE(bench.transport.add(Protocol::Tls, at("127.0.0.1"), 1));
    CHECK(bench.transport.counters().sendErrors == 3);
}
