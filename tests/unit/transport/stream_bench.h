// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "net/tcp_socket.h"
#include "paced_loop.h"
#include "support/addresses.h"
#include "support/catch.h"
#include "support/run_until.h"
#include "transport/stream_transport.h"

namespace siproxd::test {

using namespace std::chrono_literals;

inline std::string options(const std::string& subject = "x") {
    return "OPTIONS sip:a SIP/2.0\r\nSubject: " + subject + "\r\nContent-Length: 2\r\n\r\nhi";
}

/// A peer's end of a connection, driven by hand.
class Peer {
public:
    explicit Peer(base::UniqueFd fd) : fd_(std::move(fd)) {}
    explicit Peer(const base::SocketAddress& to) {
        auto fd = net::connectTcp({}, to);
        REQUIRE(fd);
        fd_ = std::move(*fd);
        pollfd entry{fd_.get(), POLLOUT, 0};
        REQUIRE(::poll(&entry, 1, 2000) == 1);
    }

    void send(const std::string& bytes) const {
        REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// Everything that has come so far; `closed()` afterwards tells whether that was all.
    const std::string& got() {
        char buffer[65536];
        for (;;) {
            const auto n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
            if (n <= 0) {
                closed_ = closed_ || n == 0 || errno != EAGAIN;
                return got_;
            }
            got_.append(buffer, static_cast<std::size_t>(n));
        }
    }
    [[nodiscard]] bool closed() {
        got();
        return closed_;
    }
    [[nodiscard]] base::SocketAddress address() const { return net::localAddress(fd_.get()); }
    [[nodiscard]] int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }
    /// As when the peer's machine has been restarted.
    void reset() {
        const linger hard{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        fd_.reset();
    }

private:
    base::UniqueFd fd_;
    std::string got_;
    bool closed_ = false;
};

struct Heard {
    std::string bytes;
    base::Flow flow;
    transport::SocketTag tag;
};

/// A transport with real sockets and virtual time, and what it has told.
struct StreamBench final : transport::Transport::Handler {
    PacedLoop loop;
    std::vector<Heard> messages;
    std::vector<std::pair<int, std::string>> malformed;
    std::vector<std::pair<base::Flow, std::string>> failed;
    std::vector<base::Flow> closed;
    std::function<void(const transport::Received&)> react = [](const transport::Received&) {};
    std::function<void(const transport::Received&)> reactMalformed =
        [](const transport::Received&) {};
    transport::StreamTransport transport;

    explicit StreamBench(const transport::StreamSettings& settings = {},
                         transport::StreamTransport::Admission admission = allAre(
                             transport::Standing::Known))
        : transport(loop, *this, settings, std::move(admission)) {
        ::signal(SIGPIPE, SIG_IGN);
    }

    [[nodiscard]] static transport::StreamTransport::Admission allAre(transport::Standing standing) {
        return [standing](const base::Flow&, unsigned) { return standing; };
    }

    base::SocketAddress listen(base::Protocol protocol = base::Protocol::Tcp,
                               const char* ip = "127.0.0.1", transport::SocketTag tag = 7) {
        auto local = transport.add(protocol, at(ip), tag);
        if (!local) {
            FAIL(local.error().message);
        }
        return *local;
    }

    /// Opens a connection to a peer of that name, or finds it, and sends.
    base::Result<base::Flow> sendTo(const std::string& bytes, const base::Flow& flow,
                                    std::string_view name) {
        auto opened = transport.open(flow, name);
        if (opened && !transport.send(bytes, *opened)) {
            return base::fail("not sent");
        }
        return opened;
    }

    void onReceived(const transport::Received& received) override {
        messages.push_back({std::string(received.bytes), received.flow, received.tag});
        react(received);
    }
    void onMalformed(const transport::Received& received, int status,
                     std::string_view reason) override {
        malformed.emplace_back(status, std::string(reason));
        reactMalformed(received);
    }
    void onFlowFailed(const base::Flow& flow, const base::Error& error) override {
        failed.emplace_back(flow, error.message);
    }
    void onConnectionClosed(const base::Flow& flow) override { closed.push_back(flow); }

    /// Runs the loop until `done`, five real seconds at most.
    [[nodiscard]] bool until(const std::function<bool()>& done) {
        return runUntil(loop.real(), done);
    }
    /// Lets what is under way happen.
    void settle() {
        int turns = 0;
        CHECK(until([&] { return ++turns > 10; }));
    }

    [[nodiscard]] static base::Flow to(const base::SocketAddress& remote,
                                       base::Protocol protocol = base::Protocol::Tcp) {
        return {.protocol = protocol, .local = at("127.0.0.1"), .remote = remote};
    }
};

/// A peer that listens; accept() waits a moment for a connection.
class PeerListener {
public:
    explicit PeerListener(int backlog = 16)
        : listener_(std::move(*net::TcpListener::listen(at("127.0.0.1"), backlog))) {}
    [[nodiscard]] base::SocketAddress address() const { return listener_.local(); }
    [[nodiscard]] bool waiting() const {
        pollfd entry{listener_.fd(), POLLIN, 0};
        return ::poll(&entry, 1, 0) == 1;
    }
    [[nodiscard]] Peer accept() const {
        pollfd entry{listener_.fd(), POLLIN, 0};
        ::poll(&entry, 1, 2000);
        net::Accepted accepted;
        REQUIRE(listener_.accept(accepted) == net::AcceptStatus::Accepted);
        return Peer(std::move(accepted.fd));
    }

private:
    net::TcpListener listener_;
};

}  // namespace siproxd::test
