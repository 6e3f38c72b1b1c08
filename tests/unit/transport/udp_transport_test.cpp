// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/udp_transport.h"

#include <net/if.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/udp_socket.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transport;
using namespace std::chrono_literals;
using test::at;

namespace {

/// While it is set no socket of this program can send: the loopback itself is never busy.
bool socketsAreBusy = false;

}  // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    if (socketsAreBusy) {
        errno = EAGAIN;
        return -1;
    }
    return static_cast<ssize_t>(::syscall(SYS_sendmsg, fd, message, flags));
}

namespace {

struct Message {
    std::string bytes;
    base::Flow flow;
    unsigned interfaceIndex;
    SocketTag tag;
};

/// A transport in a real loop, a peer's socket, and what has been handed up.
struct Bench final : Transport::Handler {
    std::unique_ptr<event::Loop> loop = std::move(*event::makeLoop());
    UdpTransport transport;
    net::UdpSocket peer = std::move(*net::UdpSocket::bind(at("127.0.0.1")));
    std::vector<Message> messages;
    std::vector<base::Flow> failed;
    std::vector<std::string> quotations;  ///< of what has failed
    std::function<void(const Received&)> react = [](const Received&) {};

    explicit Bench(const UdpSettings& settings = {}) : transport(*loop, *this, settings) {}

    void onReceived(const Received& received) override {
        CHECK(received.time <= loop->now());
        messages.push_back({std::string(received.bytes), received.flow, received.interfaceIndex,
                            received.tag});
        react(received);
    }

    void onUnreachable(const base::Flow& flow, std::string_view quoted,
                       const base::Error& error) override {
        CHECK(error.message.find(flow.remote.toString()) != std::string::npos);
        failed.push_back(flow);
        quotations.emplace_back(quoted);
    }

    /// Runs the loop until `done`, five seconds at most. Once in a test.
    void waitFor(const std::function<bool()>& done) {
        const auto end = loop->now() + 5s;
        std::unique_ptr<event::Timer> poll = loop->timer([&] {
            if (done() || loop->now() > end) {
                loop->stop();
            } else {
                poll->start(1ms);
            }
        });
        poll->start({});
        loop->run();
        REQUIRE(done());
    }

    /// What the peer has got so far.
    std::vector<std::string> peerGot() {
        std::vector<std::string> result;
        std::array<char, 65536> buffer{};
        net::Datagram datagram;
        while (peer.receive(buffer, datagram) == net::ReceiveStatus::Datagram) {
            result.emplace_back(buffer.data(), datagram.length);
        }
        return result;
    }

    [[nodiscard]] base::Flow toPeer(const base::SocketAddress& local) const {
        return {.local = local, .remote = peer.local()};
    }
};

}  // namespace

TEST_CASE("What comes by UDP is handed up with the way it came", "[transport]") {
    Bench bench;
    const auto inside = bench.transport.add(at("127.0.0.2"), 7);
    const auto outside = bench.transport.add(at("127.0.0.3"), 8);
    REQUIRE(inside);
    REQUIRE(outside);
    CHECK(bench.transport.addresses() == std::vector{*inside, *outside});

    REQUIRE(bench.peer.send("OPTIONS inside", *inside));
    REQUIRE(bench.peer.send("OPTIONS outside", *outside));
    bench.waitFor([&] { return bench.messages.size() == 2; });
    std::ranges::sort(bench.messages, {}, &Message::tag);

    const auto& first = bench.messages[0];
    CHECK(first.bytes == "OPTIONS inside");
    CHECK(first.flow == base::Flow{.protocol = base::Protocol::Udp,
                             .local = *inside,
                             .remote = bench.peer.local()});
    CHECK(first.tag == 7);
    CHECK(first.interfaceIndex == ::if_nametoindex("lo"));
    CHECK(bench.messages[1].flow.local == *outside);
    CHECK(bench.messages[1].tag == 8);
    CHECK(bench.transport.counters().received == 2);
    CHECK(bench.transport.counters().receivedBytes == 29);
}

TEST_CASE("The largest datagram comes whole", "[transport]") {
    Bench bench;
    const auto local = bench.transport.add(at("127.0.0.1"), 0);
    REQUIRE(local);
    const std::string large(65507, 'x');
    REQUIRE(bench.peer.send(large, *local));
    bench.waitFor([&] { return !bench.messages.empty(); });
    CHECK(bench.messages[0].bytes == large);
}

TEST_CASE("Keepalives are counted and go no further", "[transport]") {
    Bench bench;
    const auto local = bench.transport.add(at("127.0.0.1"), 0);
    REQUIRE(local);
    const std::vector<std::string> keepalives = {"", "\r\n", "\r\n\r\n", std::string(4, '\0')};
    for (const auto& keepalive : keepalives) {
        REQUIRE(bench.peer.send(keepalive, *local));
    }
    REQUIRE(bench.peer.send("\r\n\r\nOPTIONS", *local));
    bench.waitFor([&] { return !bench.messages.empty(); });
    CHECK(bench.messages.size() == 1);
    CHECK(bench.messages[0].bytes == "\r\n\r\nOPTIONS");
    CHECK(bench.transport.counters().keepalives == 4);
    CHECK(bench.peerGot().empty());
}

TEST_CASE("Messages leave by the socket of the flow", "[transport]") {
    Bench bench;
    const auto local = bench.transport.add(at("127.0.0.5"), 0);
    REQUIRE(local);
    bench.react = [&](const Received& received) {
        CHECK(bench.transport.send("answer", received.flow));
    };
    REQUIRE(bench.peer.send("question", *local));
    bench.waitFor([&] { return !bench.messages.empty(); });

    std::array<char, 64> buffer{};
    net::Datagram datagram;
    REQUIRE(bench.peer.receive(buffer, datagram) == net::ReceiveStatus::Datagram);
    CHECK(std::string_view(buffer.data(), datagram.length) == "answer");
    CHECK(datagram.source == *local);
    CHECK(bench.transport.counters().sent == 1);
    CHECK(bench.transport.counters().sentBytes == 6);
}

TEST_CASE("A socket on all addresses answers from the address that was asked", "[transport]") {
    Bench bench;
    const auto local = bench.transport.add(at("0.0.0.0"), 3);
    REQUIRE(local);
    bench.react = [&](const Received& received) {
        CHECK(bench.transport.send("answer", received.flow));
    };
    const auto asked = at("127.0.0.77", local->port);
    REQUIRE(bench.peer.send("question", asked));
    bench.waitFor([&] { return !bench.messages.empty(); });
    CHECK(bench.messages[0].flow.local == asked);

    std::array<char, 64> buffer{};
    net::Datagram datagram;
    REQUIRE(bench.peer.receive(buffer, datagram) == net::ReceiveStatus::Datagram);
    CHECK(datagram.source == asked);
}

TEST_CASE("What cannot be sent says so", "[transport]") {
    Bench bench;
    const auto local = bench.transport.add(at("127.0.0.1"), 0);
    REQUIRE(local);
    const auto tooLong = bench.transport.send(std::string(70'000, 'x'), bench.toPeer(*local));
    REQUIRE_FALSE(tooLong);
    CHECK(tooLong.error().message == "cannot send to " + bench.peer.local().toString() + " from " +
                                         local->toString() + ": Message too long");
    const auto nowhere = bench.transport.send("x", bench.toPeer(at("127.0.0.1", 1)));
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().message.ends_with("there is no socket on that address"));
    CHECK(bench.transport.counters().sendErrors == 2);
}

TEST_CASE("An address that cannot be bound is an error with its reason", "[transport]") {
    Bench bench;
    const auto taken = bench.transport.add(bench.peer.local(), 0);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().message ==
          "cannot bind to UDP " + bench.peer.local().toString() + ": Address already in use");
    CHECK(bench.transport.addresses().empty());
}

TEST_CASE("Messages wait in a short queue while a socket is busy", "[transport]") {
    Bench bench({.queueDatagrams = 3});
    const auto local = bench.transport.add(at("127.0.0.1"), 0);
    REQUIRE(local);
    const base::Flow flow = bench.toPeer(*local);

    socketsAreBusy = true;
    for (const char* text : {"one", "two", "three"}) {
        CHECK(bench.transport.send(text, flow));
    }
    const auto fourth = bench.transport.send("four", flow);
    CHECK_FALSE(fourth);
    CHECK(bench.transport.counters().queued == 3);
    CHECK(bench.transport.counters().dropped == 1);
    CHECK(bench.peerGot().empty());

    socketsAreBusy = false;
    CHECK_FALSE(bench.transport.send("not before the others", flow));
    bench.waitFor([&] { return bench.transport.counters().sent == 3; });
    CHECK(bench.peerGot() == std::vector<std::string>{"one", "two", "three"});
    CHECK(bench.transport.send("five", flow));
    CHECK(bench.peerGot() == std::vector<std::string>{"five"});
}

TEST_CASE("The queue is bounded in bytes as well", "[transport]") {
    Bench bench({.queueBytes = 100});
    const auto local = bench.transport.add(at("127.0.0.1"), 0);
    REQUIRE(local);
    socketsAreBusy = true;
    CHECK(bench.transport.send(std::string(60, 'x'), bench.toPeer(*local)));
    CHECK_FALSE(bench.transport.send(std::string(60, 'x'), bench.toPeer(*local)));
    CHECK(bench.transport.send(std::string(40, 'x'), bench.toPeer(*local)));
    socketsAreBusy = false;
    CHECK(bench.transport.remove(*local));
    CHECK(bench.transport.counters().dropped == 3);
}

TEST_CASE("Sockets come and go at run time", "[transport]") {
    Bench bench;
    const auto local = bench.transport.add(at("127.0.0.1"), 1);
    REQUIRE(local);
    CHECK(bench.transport.remove(*local));
    CHECK_FALSE(bench.transport.remove(*local));
    CHECK_FALSE(bench.transport.send("x", bench.toPeer(*local)));

    const auto again = bench.transport.add(*local, 2);
    REQUIRE(again);
    CHECK(*again == *local);
    REQUIRE(bench.peer.send("hello", *again));
    bench.waitFor([&] { return !bench.messages.empty(); });
    CHECK(bench.messages[0].tag == 2);
}

TEST_CASE("A handler may remove the socket that its message came by", "[transport]") {
    Bench bench;
    const auto local = bench.transport.add(at("127.0.0.1"), 1);
    const auto other = bench.transport.add(at("127.0.0.1"), 2);
    REQUIRE(local);
    REQUIRE(other);
    bench.react = [&](const Received& received) {
        if (received.tag == 1) {
            CHECK(bench.transport.remove(received.flow.local));
            CHECK(received.bytes == "first");
        }
    };
    REQUIRE(bench.peer.send("first", *local));
    REQUIRE(bench.peer.send("second", *local));
    bench.waitFor([&] {
        if (bench.messages.size() == 1) {
            CHECK(bench.peer.send("third", *other));
        }
        return bench.messages.size() >= 2;
    });
    CHECK(bench.messages[1].bytes == "third");
}

TEST_CASE("A flood on one socket leaves the others their turn", "[transport]") {
    Bench bench({.datagramsPerWakeUp = 4});
    const auto busy = bench.transport.add(at("127.0.0.1"), 1);
    const auto quiet = bench.transport.add(at("127.0.0.1"), 2);
    REQUIRE(busy);
    REQUIRE(quiet);
    for (int i = 0; i < 40; ++i) {
        REQUIRE(bench.peer.send("flood", *busy));
    }
    REQUIRE(bench.peer.send("please", *quiet));
    bench.waitFor([&] { return bench.messages.size() == 41; });
    const auto turn = std::ranges::find(bench.messages, 2, &Message::tag);
    CHECK(turn - bench.messages.begin() <= 4);
}

TEST_CASE("Messages are marked with the configured DSCP", "[transport]") {
    Bench bench({.dscp = 24});
    const auto local = bench.transport.add(at("127.0.0.1"), 0);
    REQUIRE(local);
    const int on = 1;
    REQUIRE(::setsockopt(bench.peer.fd(), IPPROTO_IP, IP_RECVTOS, &on, sizeof on) == 0);
    REQUIRE(bench.transport.send("marked", bench.toPeer(*local)));

    char bytes[16];
    alignas(cmsghdr) char control[64];
    iovec vector{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    REQUIRE(::recvmsg(bench.peer.fd(), &message, 0) == 6);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    REQUIRE(header != nullptr);
    CHECK(static_cast<unsigned>(*CMSG_DATA(header)) == 24U << 2U);
}

TEST_CASE("A peer that cannot be reached is told as soon as the ICMP error comes", "[transport]") {
    for (const char* loopback : {"127.0.0.1", "::1"}) {
        Bench bench;
        const auto local = bench.transport.add(at(loopback), 0);
        REQUIRE(local);
        const auto other = net::UdpSocket::bind(at(loopback));
        REQUIRE(other);
        base::SocketAddress closed;
        {
            const auto nobody = net::UdpSocket::bind(at(loopback));
            REQUIRE(nobody);
            closed = nobody->local();
        }
        REQUIRE(bench.transport.send("x", {.local = *local, .remote = closed}));
        // Others are not disturbed by it, neither in sending nor in receiving.
        REQUIRE(bench.transport.send("to another", {.local = *local, .remote = other->local()}));
        REQUIRE(other->send("from another", *local));
        bench.waitFor([&] { return !bench.failed.empty() && !bench.messages.empty(); });
        CHECK(bench.failed == std::vector{base::Flow{.local = *local, .remote = closed}});
        CHECK(bench.quotations == std::vector<std::string>{"x"});
        CHECK(bench.transport.counters().unreachable == 1);
        std::array<char, 64> buffer{};
        net::Datagram datagram;
        REQUIRE(other->receive(buffer, datagram) == net::ReceiveStatus::Datagram);
        CHECK(std::string_view(buffer.data(), datagram.length) == "to another");
    }
}
