// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/tcp_socket.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "net/packet_info.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;
using test::at;

namespace {

bool ready(int fd, short events) {
    pollfd entry{fd, events, 0};
    return ::poll(&entry, 1, 2000) == 1;
}

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    ::getsockopt(fd, level, name, &value, &length);
    return value;
}

}  // namespace

TEST_CASE("A connection is accepted with both of its addresses", "[net]") {
    for (const char* ip : {"127.0.0.1", "::1"}) {
        const auto listener = TcpListener::listen(at(ip));
        REQUIRE(listener);
        CHECK(listener->local().port != 0);
        Accepted accepted;
        CHECK(listener->accept(accepted) == AcceptStatus::Empty);
        const auto fd = connectTcp(*base::IpAddress::parse(ip), listener->local());
        REQUIRE(fd);
        REQUIRE(ready(listener->fd(), POLLIN));
        REQUIRE(listener->accept(accepted) == AcceptStatus::Accepted);
        REQUIRE(ready(fd->get(), POLLOUT));
        CHECK(accepted.local == listener->local());
        CHECK(accepted.remote == localAddress(fd->get()));
        CHECK(accepted.interfaceIndex == ::if_nametoindex("lo"));
        CHECK(interfaceOfAccepted(fd->get(), accepted.remote.ip.isV6()) == 0);
        CHECK(option(fd->get(), SOL_SOCKET, SO_ERROR) == 0);
        tuneForMessages(fd->get(), accepted.remote.ip.family(), 46);
        CHECK(option(fd->get(), IPPROTO_TCP, TCP_NODELAY) != 0);
        CHECK(option(fd->get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 30'000);
        CHECK((accepted.remote.ip.isV4() ? option(fd->get(), IPPROTO_IP, IP_TOS)
                                         : option(fd->get(), IPPROTO_IPV6, IPV6_TCLASS)) == 46 << 2);
    }
}

TEST_CASE("Both families may listen on one port, and a port in use is told", "[net]") {
    const auto v6 = TcpListener::listen(at("::"));
    REQUIRE(v6);
    const auto v4 = TcpListener::listen(at("0.0.0.0", v6->local().port));
    CHECK(v4);
    const auto again = TcpListener::listen(v6->local());
    REQUIRE_FALSE(again);
    CHECK(again.error().message.find(v6->local().toString()) != std::string::npos);
    CHECK_FALSE(TcpListener::listen({}));
    CHECK_FALSE(connectTcp({}, {}));
}

TEST_CASE("A refused connect shows in SO_ERROR or at once", "[net]") {
    auto port = TcpListener::listen(at("127.0.0.1"))->local();
    const auto fd = connectTcp({}, port);
    if (fd) {
        REQUIRE(ready(fd->get(), POLLOUT));
        CHECK(option(fd->get(), SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
    } else {
        CHECK(fd.error().message.find(port.toString()) != std::string::npos);
    }
    CHECK_FALSE(connectTcp(*base::IpAddress::parse("192.0.2.1"), port));
}

TEST_CASE("Without descriptors a connection waits", "[net]") {
    const auto listener = TcpListener::listen(at("127.0.0.1"));
    REQUIRE(listener);
    const auto fd = connectTcp({}, listener->local());
    REQUIRE(fd);
    REQUIRE(ready(listener->fd(), POLLIN));
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
    const rlimit none{3, old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    Accepted accepted;
    const auto status = listener->accept(accepted);
    ::setrlimit(RLIMIT_NOFILE, &old);
    CHECK(status == AcceptStatus::Exhausted);
    CHECK(listener->accept(accepted) == AcceptStatus::Accepted);
}
