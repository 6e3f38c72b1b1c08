// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_monitor.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/fake_loop.h"

using namespace siproxd;
using namespace siproxd::net;
using namespace std::chrono_literals;

namespace {

InterfaceTable tableWith(const char* address) {
    Interface ppp{.name = "ppp0", .index = 9, .up = true, .running = true};
    ppp.addresses.push_back({*base::IpAddress::parse(address), 32});
    return {{ppp}, "ppp0"};
}

/// A loop of virtual time whose one watch the test makes ready.
class WatchedLoop final : public event::Loop {
public:
    test::FakeLoop time;
    std::optional<ReadyCallback> ready;
    int watched = -1;

    [[nodiscard]] base::TimePoint now() const override { return time.now(); }
    [[nodiscard]] base::WallSeconds wallNow() const override { return time.wallNow(); }
    [[nodiscard]] std::unique_ptr<event::Timer> timer(Callback callback) override {
        return time.timer(std::move(callback));
    }
    [[nodiscard]] std::unique_ptr<event::Watch> watch(int fd, std::uint8_t,
                                                      ReadyCallback callback) override {
        ready = std::move(callback);
        watched = fd;
        return std::make_unique<Watch>(*this);
    }
    [[nodiscard]] std::unique_ptr<event::Stream> stream(
        base::UniqueFd fd, event::Stream::Handler& handler,
        const event::StreamOptions& options) override {
        return time.stream(std::move(fd), handler, options);
    }
    [[nodiscard]] std::unique_ptr<event::Watch> onSignal(int signal, Callback callback) override {
        return time.onSignal(signal, std::move(callback));
    }
    void post(Callback callback) override { time.post(std::move(callback)); }
    void run() override { time.run(); }
    void stop() override { time.stop(); }

private:
    struct Watch final : event::Watch {
        explicit Watch(WatchedLoop& owner) : loop(owner) {}
        ~Watch() override { loop.watched = -1; }
        void setInterest(std::uint8_t) override {}
        WatchedLoop& loop;
    };
};

/// What the test makes the kernel say. It outlives the Kernel that the monitor owns.
struct Script {
    base::Result<int> fd = 5;
    base::Result<bool> news = true;
    int listened = 0;
    int reads = 0;
    InterfaceMonitor::Kernel::Done done;
};

class ScriptedKernel final : public InterfaceMonitor::Kernel {
public:
    explicit ScriptedKernel(Script& script) : script_(script) {}
    base::Result<int> listen() override {
        ++script_.listened;
        return script_.fd;
    }
    base::Result<bool> takeNews() override { return script_.news; }
    void read(Done done) override {
        ++script_.reads;
        CHECK_FALSE(script_.done);
        script_.done = std::move(done);
    }

private:
    Script& script_;
};

struct House {
    Script script;
    WatchedLoop loop;
    std::vector<InterfaceTable> changes;
    InterfaceMonitor monitor{loop, std::make_unique<ScriptedKernel>(script),
                             tableWith("203.0.113.1"),
                             [this](const InterfaceTable& table) { changes.push_back(table); }};

    void advance(base::Duration by) { loop.time.advance(by); }
    void news() {
        REQUIRE(loop.watched == 5);
        (*loop.ready)(event::kReadable);
    }
    void answer(base::Result<InterfaceTable> table) {
        REQUIRE(script.done);
        std::exchange(script.done, {})(std::move(table));
    }
    /// The reading at the start, which finds nothing new.
    void settle() {
        advance(0ms);
        answer(tableWith("203.0.113.1"));
    }
};

}  // namespace

TEST_CASE("A monitor listens first and then reads what it may have missed", "[net]") {
    House house;
    CHECK(house.loop.watched == 5);
    house.advance(0ms);
    CHECK(house.script.reads == 1);

    SECTION("nothing") {
        house.answer(tableWith("203.0.113.1"));
        CHECK(house.changes.empty());
    }
    SECTION("another address") {
        house.answer(tableWith("203.0.113.2"));
        REQUIRE(house.changes.size() == 1);
        CHECK(house.changes[0] == tableWith("203.0.113.2"));
        CHECK(house.monitor.table() == tableWith("203.0.113.2"));
    }
    house.advance(1h);
    CHECK(house.script.reads == 1);
}

TEST_CASE("A burst of news is one change", "[net]") {
    House house;
    house.settle();
    for (int i = 0; i < 9; ++i) {
        house.news();
        house.advance(10ms);
    }
    CHECK(house.script.reads == 1);
    house.advance(10ms);
    CHECK(house.script.reads == 2);
    house.answer(tableWith("203.0.113.2"));
    CHECK(house.changes.size() == 1);
}

TEST_CASE("Endless news do not hold up a change", "[net]") {
    House house;
    house.settle();
    for (int i = 0; i < 100; ++i) {
        house.news();
        house.advance(10ms);
        if (house.script.done) {
            house.answer(tableWith("203.0.113.1"));
        }
    }
    CHECK(house.script.reads >= 9);
    CHECK(house.script.reads <= 11);
    CHECK(house.changes.empty());
}

TEST_CASE("News that come while the table is read make it be read again", "[net]") {
    House house;
    house.settle();
    house.news();
    house.advance(100ms);
    CHECK(house.script.reads == 2);
    house.news();
    house.advance(1s);
    CHECK(house.script.reads == 2);
    house.answer(tableWith("203.0.113.2"));
    CHECK(house.changes.size() == 1);
    house.advance(100ms);
    CHECK(house.script.reads == 3);
    house.answer(tableWith("203.0.113.3"));
    CHECK(house.changes.size() == 2);
}

TEST_CASE("News that mean nothing are not followed up", "[net]") {
    House house;
    house.settle();
    house.script.news = false;
    house.news();
    house.advance(1min);
    CHECK(house.script.reads == 1);
    house.monitor.refresh();
    house.advance(100ms);
    CHECK(house.script.reads == 2);
}

TEST_CASE("A table that cannot be read is tried again", "[net]") {
    House house;
    house.advance(0ms);
    house.answer(base::fail("cannot read the network interfaces: Too many open files"));
    CHECK(house.changes.empty());
    CHECK(house.monitor.table() == tableWith("203.0.113.1"));
    house.advance(2s);
    CHECK(house.script.reads == 2);
    house.answer(tableWith("203.0.113.2"));
    CHECK(house.changes.size() == 1);
}

TEST_CASE("While nobody tells of changes, the table is read time and again", "[net]") {
    House house;
    house.settle();
    house.script.fd = base::fail("cannot open a netlink socket: Too many open files");
    house.script.news = base::fail("cannot read netlink: Bad file descriptor");
    house.news();
    CHECK(house.loop.watched == -1);
    house.advance(100ms);
    CHECK(house.script.listened == 2);
    house.answer(tableWith("203.0.113.2"));
    CHECK(house.changes.size() == 1);
    house.advance(2s);
    CHECK(house.script.listened == 3);

    house.script.fd = 5;
    house.script.news = true;
    house.answer(tableWith("203.0.113.3"));
    house.advance(2s);
    CHECK(house.loop.watched == 5);
    house.answer(tableWith("203.0.113.3"));
    house.advance(1h);
    CHECK(house.script.reads == 4);
    CHECK(house.changes.size() == 2);
}
