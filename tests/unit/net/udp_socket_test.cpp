// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/udp_socket.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;
using test::at;

namespace {

UdpSocket bound(const base::SocketAddress& local, bool packetInfo = false) {
    auto result = UdpSocket::bind(local, {.packetInfo = packetInfo});
    REQUIRE(result);
    return std::move(*result);
}

/// What has come to `socket` after at most a second; loopback delivers at once.
std::string read(const UdpSocket& socket, Datagram& datagram, std::size_t room = 2048) {
    pollfd waiting{socket.fd(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 1000) == 1);
    std::string buffer(room, '\0');
    REQUIRE(socket.receive(buffer, datagram) == ReceiveStatus::Datagram);
    return buffer.substr(0, datagram.length);
}

}  // namespace

TEST_CASE("A datagram goes from one UDP socket to another", "[net]") {
    const auto left = bound(at("127.0.0.1"));
    const auto right = bound(at("127.0.0.2"));
    REQUIRE(right.local().port != 0);
    REQUIRE(left.send("hello", right.local()));

    Datagram datagram;
    CHECK(read(right, datagram) == "hello");
    CHECK(datagram.source == left.local());
    CHECK_FALSE(datagram.truncated);
    CHECK_FALSE(datagram.destination);
    CHECK(datagram.interfaceIndex == 0);

    std::array<char, 16> buffer{};
    CHECK(right.receive(buffer, datagram) == ReceiveStatus::Empty);
}

TEST_CASE("Empty datagrams and cut ones are told", "[net]") {
    const auto left = bound(at("127.0.0.1"));
    const auto right = bound(at("127.0.0.1"));
    REQUIRE(left.send("", right.local()));
    REQUIRE(left.send("0123456789", right.local()));

    Datagram datagram;
    CHECK(read(right, datagram).empty());
    CHECK(read(right, datagram, 4) == "0123");
    CHECK(datagram.truncated);
}

TEST_CASE("A socket on all addresses knows where a datagram was sent and answers from there",
          "[net]") {
    const auto all = bound(at("0.0.0.0"), true);
    const auto peer = bound(at("127.0.0.1"));
    const auto target = at("127.0.0.9", all.local().port);
    REQUIRE(peer.send("question", target));

    Datagram datagram;
    CHECK(read(all, datagram) == "question");
    CHECK(datagram.destination == target.ip);
    CHECK(datagram.interfaceIndex == ::if_nametoindex("lo"));

    REQUIRE(all.send("answer", datagram.source, datagram.destination));
    CHECK(read(peer, datagram) == "answer");
    CHECK(datagram.source == target);
}

TEST_CASE("UDP sockets speak IPv6", "[net]") {
    auto result = UdpSocket::bind(at("::1"), {.packetInfo = true});
    if (!result) {
        WARN("skipped, there is no IPv6: " << result.error().message);
        return;
    }
    const auto all = bound(at("::"), true);
    REQUIRE(result->send("six", at("::1", all.local().port)));
    Datagram datagram;
    CHECK(read(all, datagram) == "six");
    CHECK(datagram.source == result->local());
    CHECK(datagram.destination == *base::IpAddress::parse("::1"));
    REQUIRE(all.send("back", datagram.source, datagram.destination));
    CHECK(read(*result, datagram) == "back");
    CHECK(result->setDscp(46));
}

TEST_CASE("A UDP socket on all IPv6 addresses leaves IPv4 alone", "[net]") {
    const auto four = bound(at("0.0.0.0"));
    const auto six = UdpSocket::bind(at("::", four.local().port));
    CHECK((six || six.error().message.find("in use") == std::string::npos));
}

TEST_CASE("The error of a bind that fails names address and reason", "[net]") {
    const auto first = bound(at("127.0.0.1"));
    const auto second = UdpSocket::bind(first.local());
    REQUIRE_FALSE(second);
    CHECK(second.error().message ==
          "cannot bind to UDP " + first.local().toString() + ": Address already in use");

    const auto foreign = UdpSocket::bind(at("192.0.2.254", 5060));
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error().message ==
          "cannot bind to UDP 192.0.2.254:5060: Cannot assign requested address");
    CHECK_FALSE(UdpSocket::bind({}));
}

TEST_CASE("UDP sockets are non-blocking and closed on exec", "[net]") {
    const auto socket = bound(at("127.0.0.1"));
    CHECK((::fcntl(socket.fd(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(socket.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("The DSCP is the upper six bits of the traffic class", "[net]") {
    auto socket = bound(at("127.0.0.1"));
    REQUIRE(socket.setDscp(46));
    int octet = 0;
    socklen_t length = sizeof octet;
    REQUIRE(::getsockopt(socket.fd(), IPPROTO_IP, IP_TOS, &octet, &length) == 0);
    CHECK(octet == 46 << 2);
}

TEST_CASE("Datagrams that cannot leave say why", "[net]") {
    const auto socket = bound(at("127.0.0.1"));
    const auto tooBig = socket.send(std::string(65508, 'x'), at("127.0.0.1", 9));
    REQUIRE_FALSE(tooBig);
    CHECK(tooBig.error().kind == SendError::Kind::TooBig);
    CHECK(tooBig.error().message() == "Message too long");

    const auto wrongFamily = socket.send("x", at("2001:db8::1", 9));
    REQUIRE_FALSE(wrongFamily);
    CHECK(wrongFamily.error().kind == SendError::Kind::Other);

    CHECK(SendError::fromErrno(EAGAIN).kind == SendError::Kind::WouldBlock);
    CHECK(SendError::fromErrno(ENETUNREACH).kind == SendError::Kind::Unreachable);
    CHECK(SendError::fromErrno(ECONNREFUSED).kind == SendError::Kind::Unreachable);
    CHECK(SendError::fromErrno(EPERM).kind == SendError::Kind::Denied);
}
