// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/console.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <string>

#include "base/log.h"
#include "support/catch.h"

using namespace siproxd;
using namespace std::chrono_literals;

namespace {

/// Lets the loop run until `done` says so; false when that takes more than 10 seconds.
bool runUntil(event::Loop& loop, const std::function<bool()>& done) {
    const auto deadline = loop.now() + 10s;
    bool reached = false;
    std::unique_ptr<event::Timer> timer = loop.timer([&] {
        reached = done();
        if (reached || loop.now() > deadline) {
            loop.stop();
        } else {
            timer->start(1ms);
        }
    });
    timer->start(0s);
    loop.run();
    return reached;
}

/// Somebody with telnet.
class Visitor {
public:
    explicit Visitor(const base::SocketAddress& address, int receiveBuffer = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receiveBuffer > 0) {
            ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
        }
        sockaddr_storage storage{};
        const auto length = address.toSockaddr(storage);
        connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0;
    }

    [[nodiscard]] bool connected() const { return connected_; }

    /// All that has come so far.
    const std::string& text() {
        char buffer[65536];
        for (;;) {
            const auto n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
            closed_ = closed_ || n == 0;
            if (n <= 0) {
                return text_;
            }
            text_.append(buffer, static_cast<std::size_t>(n));
        }
    }
    bool sees(std::string_view part) { return text().find(part) != std::string::npos; }
    bool closed() {
        text();
        return closed_;
    }
    void say(std::string_view text) {
        CHECK(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(text.size()));
    }
    void leave() { fd_.reset(); }

private:
    base::UniqueFd fd_;
    bool connected_ = false;
    bool closed_ = false;
    std::string text_;
};

struct Bench {
    explicit Bench(std::uint32_t classes = 0) {
        auto made = event::makeLoop();
        REQUIRE(made);
        loop = std::move(*made);
        auto opened =
            app::Console::listen(*loop, {*base::IpAddress::parse("127.0.0.1"), 0}, classes);
        REQUIRE(opened);
        console = std::move(*opened);
    }
    bool sees(Visitor& visitor, std::string_view part) {
        return runUntil(*loop, [&] { return visitor.sees(part); });
    }
    bool hasClients(std::size_t count) {
        return runUntil(*loop, [&] { return console->clientCount() == count; });
    }

    std::unique_ptr<event::Loop> loop;
    std::unique_ptr<app::Console> console;
};

}  // namespace

TEST_CASE("who connects to the debug port is greeted and gets the log", "[app]") {
    Bench bench;
    Visitor visitor(bench.console->address());
    CHECK(visitor.connected());
    CHECK(bench.sees(visitor, "INFO: Accepted DEBUG TCP connection [fd="));
    CHECK(bench.sees(visitor, "siproxd-"));
    log::info("hello {}", 7);
    log::debug(log::Class::Proxy, "and a secret");
    CHECK(bench.sees(visitor, "hello 7\r\n"));
    CHECK(bench.sees(visitor, "and a secret\r\n"));
}

TEST_CASE("each client of the debug port has classes of its own", "[app]") {
    Bench bench(static_cast<std::uint32_t>(log::Class::Reg));
    Visitor one(bench.console->address());
    Visitor two(bench.console->address());
    REQUIRE(bench.hasClients(2));
    CHECK(bench.sees(one, "debugpattern=8\r\n"));
    two.say("0x20\r\n");
    CHECK(bench.sees(two, "debugpattern=32\r\n"));
    log::debug(log::Class::Reg, "about a registration");
    log::debug(log::Class::Proxy, "about a request");
    log::warning("for all");
    CHECK(bench.sees(one, "for all"));
    CHECK(bench.sees(two, "for all"));
    CHECK(one.sees("about a registration"));
    CHECK(!one.sees("about a request"));
    CHECK(!two.sees("about a registration"));
    CHECK(two.sees("about a request"));

    SECTION("-1 is all of them") {
        one.say("-1\n");
        CHECK(bench.sees(one, "debugpattern=-1\r\n"));
        log::debug(log::Class::Dns, "about a name");
        CHECK(bench.sees(one, "about a name"));
    }
    SECTION("what is no number changes nothing") {
        one.say("help\r\nGET / HTTP/1.0\r\n\r\n" + std::string(10000, 'x') + "\n");
        two.say("64\n");
        CHECK(bench.sees(two, "debugpattern=64\r\n"));
        log::debug(log::Class::Reg, "still there");
        CHECK(bench.sees(one, "still there"));
    }
    SECTION("a command may come in pieces") {
        one.say("3");
        one.say("2");
        one.say("\n");
        CHECK(bench.sees(one, "debugpattern=32\r\n"));
    }
}

TEST_CASE("a client that comes or goes does not disturb the others", "[app]") {
    Bench bench;
    Visitor one(bench.console->address());
    REQUIRE(bench.hasClients(1));
    {
        Visitor two(bench.console->address());
        REQUIRE(bench.hasClients(2));
        log::info("with two");
        CHECK(bench.sees(two, "with two"));
    }
    CHECK(bench.hasClients(1));
    log::info("with one");
    CHECK(bench.sees(one, "with two"));
    CHECK(bench.sees(one, "with one"));
    CHECK(!one.closed());
}

TEST_CASE("what is logged while a client goes is lost and nothing else", "[app]") {
    Bench bench;
    Visitor one(bench.console->address());
    auto two = std::make_unique<Visitor>(bench.console->address());
    REQUIRE(bench.hasClients(2));
    two.reset();
    for (int i = 0; i < 100; ++i) {
        log::info("line {}", i);
    }
    CHECK(bench.sees(one, "line 99"));
    CHECK(bench.hasClients(1));
}

TEST_CASE("a client that does not read loses lines and delays nobody", "[app]") {
    Bench bench;
    Visitor reader(bench.console->address());
    Visitor sleeper(bench.console->address(), 4096);
    REQUIRE(bench.hasClients(2));
    const std::string filler(400, '.');
    int line = 0;
    for (int round = 0; round < 60; ++round) {
        for (int i = 0; i < 300; ++i) {
            log::info("{} {}", ++line, filler);
        }
        CHECK(bench.sees(reader, " " + std::to_string(line) + " ..."));
    }
    CHECK(!reader.sees("lines lost)"));
    // It wakes up, and is told what it has missed.
    CHECK(runUntil(*bench.loop, [&] {
        log::info("tick");
        return sleeper.sees("lines lost)\r\n");
    }));
    CHECK(sleeper.text().size() < reader.text().size());
}

TEST_CASE("there is an end to the clients of the debug port", "[app]") {
    Bench bench;
    std::vector<std::unique_ptr<Visitor>> visitors;
    for (std::size_t i = 0; i < app::Console::kMaxClients; ++i) {
        visitors.push_back(std::make_unique<Visitor>(bench.console->address()));
        REQUIRE(bench.hasClients(i + 1));
    }
    Visitor late(bench.console->address());
    CHECK(bench.sees(late, "Rejected"));
    CHECK(runUntil(*bench.loop, [&] { return late.closed(); }));
    CHECK(bench.console->clientCount() == app::Console::kMaxClients);
    visitors.pop_back();
    CHECK(bench.hasClients(app::Console::kMaxClients - 1));
    Visitor next(bench.console->address());
    CHECK(bench.sees(next, "Accepted"));
}

TEST_CASE("a debug port that is taken is an error that names it", "[app]") {
    Bench bench;
    const auto second = app::Console::listen(*bench.loop, bench.console->address(), 0);
    REQUIRE(!second);
    CHECK(second.error().message.find(bench.console->address().toString()) != std::string::npos);
}

TEST_CASE("the debug port ends with its clients connected", "[app]") {
    Bench bench;
    Visitor visitor(bench.console->address());
    REQUIRE(bench.hasClients(1));
    log::info("not sent yet");
    bench.console.reset();
    log::info("to nobody");
    CHECK(runUntil(*bench.loop, [&] { return visitor.closed(); }));
}
