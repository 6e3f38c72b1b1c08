// SPDX-License-Identifier: GPL-2.0-or-later
#include "event/stream.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include "event/loop.h"
#include "support/catch.h"
#include "support/run_until.h"
#include "support/certificates.h"

using namespace siproxd;
using namespace std::chrono_literals;

namespace {

/// One end of a connection and what it has been told.
struct End final : event::Stream::Handler {
    std::unique_ptr<event::Stream> stream;
    int connected = 0;
    int drained = 0;
    int closed = 0;
    std::string reason;
    std::string got;
    bool reading = true;
    std::function<void()> react = [] {};

    void take() {
        got += stream->received();
        stream->consume(stream->received().size());
    }
    void onConnected() override {
        ++connected;
        react();
    }
    void onData() override {
        if (reading) {
            take();
        }
        react();
    }
    void onDrained() override { ++drained; }
    void onClosed(std::string_view why) override {
        ++closed;
        reason = why;
        react();
    }
};

struct ContextDeleter {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ContextDeleter>;

/// Two ends in one loop, plain or with TLS between them.
struct Bench {
    std::unique_ptr<event::Loop> loop = std::move(*event::makeLoop());
    End a;
    End b;
    test::Certificates certificates;
    Context server{::SSL_CTX_new(::TLS_server_method())};
    Context client{::SSL_CTX_new(::TLS_client_method())};

    Bench() {
        ::signal(SIGPIPE, SIG_IGN);
        const auto files = certificates.make("server", {});
        ::SSL_CTX_use_certificate_chain_file(server.get(), files.certificate.c_str());
        ::SSL_CTX_use_PrivateKey_file(server.get(), files.key.c_str(), SSL_FILETYPE_PEM);
    }

    void join(bool tls, std::size_t readLimit = 128 * 1024) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
        a.stream = loop->stream(base::UniqueFd(ends[0]), a,
                                {.connecting = true,
                                 .tls = tls ? ::SSL_new(client.get()) : nullptr,
                                 .readLimit = readLimit});
        b.stream = loop->stream(base::UniqueFd(ends[1]), b,
                                {.tls = tls ? ::SSL_new(server.get()) : nullptr,
                                 .tlsServer = true,
                                 .readLimit = readLimit});
    }

    [[nodiscard]] bool until(const std::function<bool()>& done) const {
        return test::runUntil(*loop, done);
    }
    void settle() const {
        int turns = 0;
        CHECK(until([&] { return ++turns > 10; }));
    }
};

}  // namespace

TEST_CASE("Bytes written before the stream is connected arrive after it is", "[event]") {
    for (const bool tls : {false, true}) {
        Bench bench;
        bench.join(tls);
        bench.a.stream->write("hello ");
        bench.a.stream->write("world");
        CHECK(bench.a.stream->unsent() == 11);
        CHECK((bench.a.stream->tls() == nullptr) == !tls);
        CHECK(bench.until([&] { return bench.b.got == "hello world"; }));
        CHECK(bench.a.connected == 1);
        CHECK(bench.b.connected == (tls ? 1 : 0));
        CHECK(bench.until([&] { return bench.a.drained > 0; }));
        CHECK(bench.a.stream->unsent() == 0);
        bench.b.stream->write("back");
        CHECK(bench.until([&] { return bench.a.got == "back"; }));
    }
}

TEST_CASE("A megabyte passes both ways at once", "[event]") {
    for (const bool tls : {false, true}) {
        Bench bench;
        bench.join(tls);
        const std::string bytes(1024 * 1024, 'm');
        bench.a.stream->write(bytes);
        bench.b.stream->write(bytes);
        CHECK(bench.until([&] { return bench.a.got.size() + bench.b.got.size() == 2 * bytes.size(); }));
    }
}

TEST_CASE("Reading pauses at the limit and goes on when bytes are consumed", "[event]") {
    for (const bool tls : {false, true}) {
        Bench bench;
        bench.join(tls, 10000);
        bench.b.reading = false;
        std::string bytes;
        for (int i = 0; i < 1000000; ++i) {
            bytes += static_cast<char>('a' + i % 26);
        }
        bench.a.stream->write(bytes);
        bench.settle();
        const std::size_t held = bench.b.stream->received().size();
        CHECK(held >= 10000);
        CHECK(held <= 10000 + 32 * 1024);
        CHECK(bench.b.stream->received() == bytes.substr(0, held));
        bench.settle();
        CHECK(bench.b.stream->received().size() == held);
        // A last byte that is decrypted already must not wait for another packet.
        bench.b.reading = true;
        bench.b.take();
        CHECK(bench.until([&] { return bench.b.got.size() == bytes.size(); }));
        CHECK(bench.b.got == bytes);
    }
}

TEST_CASE("The end of the peer is told once, in order or not", "[event]") {
    for (const bool tls : {false, true}) {
        Bench bench;
        bench.join(tls);
        bench.a.stream->write("x");
        CHECK(bench.until([&] { return bench.b.got == "x"; }));
        bench.a.stream.reset();
        CHECK(bench.until([&] { return bench.b.closed == 1; }));
        CHECK(bench.b.reason.empty());
        bench.b.stream->write("into nothing");
        bench.settle();
        CHECK(bench.b.closed == 1);
    }
}

TEST_CASE("Finishing writes the rest, and ends when the peer has ended too", "[event]") {
    for (const bool tls : {false, true}) {
        Bench bench;
        bench.join(tls);
        const std::string bytes(500000, 'f');
        bench.a.stream->write(bytes);
        bench.a.stream->finish();
        bench.a.stream->write("too late");
        bench.b.stream->write("not read any more");
        CHECK(bench.until([&] { return bench.b.closed == 1; }));
        CHECK(bench.b.got == bytes);
        CHECK(bench.b.reason.empty());
        CHECK(bench.a.closed == 0);
        CHECK(bench.a.got.empty());
        bench.b.stream.reset();
        CHECK(bench.until([&] { return bench.a.closed == 1; }));
        CHECK(bench.a.reason.empty());
    }
}

TEST_CASE("A stream may be destroyed in each of its callbacks", "[event]") {
    for (const bool tls : {false, true}) {
        // On connecting, on the first byte, on the end.
        for (int which = 0; which < 3; ++which) {
            Bench bench;
            bench.join(tls);
            bool gone = false;
            End& end = which == 0 ? bench.a : bench.b;
            end.reading = false;
            end.react = [&] {
                if ((which == 0 && end.connected > 0) || end.closed > 0 ||
                    (which == 1 && end.connected == 0) || (which == 1 && tls)) {
                    end.stream.reset();
                    gone = true;
                }
            };
            bench.a.stream->write("x");
            if (which == 2) {
                bench.a.stream->finish();
            }
            CHECK(bench.until([&] { return gone; }));
            bench.settle();
        }
    }
}

TEST_CASE("A failed handshake says why", "[event]") {
    Bench bench;
    ::SSL_CTX_set_verify(bench.client.get(), SSL_VERIFY_PEER, nullptr);
    bench.join(true);
    CHECK(bench.until([&] { return bench.a.closed == 1 && bench.b.closed == 1; }));
    CHECK(bench.a.connected == 0);
    CHECK(bench.a.reason.find("certificate verify failed") != std::string::npos);
    CHECK_FALSE(bench.b.reason.empty());
    Bench other;
    other.join(true);
    other.a.stream.reset();
    CHECK(other.until([&] { return other.b.closed == 1; }));
    CHECK_FALSE(other.b.reason.empty());
}
