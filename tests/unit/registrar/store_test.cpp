// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "fixture.h"
#include "support/hand_worker.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::test;
using namespace std::chrono_literals;
using registrar::RegistrationStore;

namespace {

struct Lines final : log::Sink {
    std::vector<std::string> seen;
    log::Attachment attached{*this};
    [[nodiscard]] log::Level threshold() const override { return log::Level::Info; }
    [[nodiscard]] std::uint32_t debugClasses() const override { return 0; }
    void write(const log::Record& record) override {
        seen.push_back((record.level == log::Level::Error     ? "E "
                        : record.level == log::Level::Warning ? "W "
                                                              : "I ") +
                       std::string(record.message));
    }
    [[nodiscard]] bool has(std::string_view text) const {
        return std::find(seen.begin(), seen.end(), text) != seen.end();
    }
};

struct Stored : Locations {
    TemporaryDirectory directory;
    std::string path = directory.file("registrations");
    HandWorker* worker = nullptr;
    std::unique_ptr<RegistrationStore> store;

    explicit Stored(std::chrono::seconds autosave = 0s) { open(autosave); }

    void open(std::chrono::seconds autosave = 0s) {
        auto hand = std::make_unique<HandWorker>();
        worker = hand.get();
        store = std::make_unique<RegistrationStore>(
            clock, table, RegistrationStore::Options{.path = path, .autosave = autosave},
            std::move(hand));
    }
    /// Lets the worker write and its answer come.
    void work() {
        worker->drain();
        clock.runPosted();
    }
    std::vector<registrar::Binding> inFile() {
        return registrar::decode(TemporaryDirectory::read(path)).bindings;
    }
    std::string enrolUser(const std::string& user) {
        return enrol("sip:" + user + "@sip.example.test", "sip:" + user + "@192.168.1.10");
    }
};

}  // namespace

TEST_CASE("A missing file is a warning and an empty table", "[registrar]") {
    Stored here;
    const Lines log;
    CHECK(here.store->load() == 0);
    CHECK(log.has("W registration file not found, starting with empty table"));
}

TEST_CASE("An empty file, which the first start as root makes, is nothing to worry about",
          "[registrar]") {
    Stored here;
    TemporaryDirectory::write(here.path, "");
    const Lines log;
    CHECK(here.store->load() == 0);
    CHECK(log.has("I registration file is empty, starting with empty table"));
    CHECK_FALSE(log.has("W registration file may be corrupt or URLMAP_SIZE has been resized"));
}

TEST_CASE("The original's file is loaded, expired registrations are not", "[registrar]") {
    Stored here;
    const auto now = here.clock.wallNow();
    TemporaryDirectory::write(
        here.path, "****:1:" + std::to_string(now + 60) +
                       "\nsip:a@192.168.1.10\nsip:a@203.0.113.1\nsip:a@sip.example.test\n****:1:" +
                       std::to_string(now - 60) +
                       "\nsip:b@192.168.1.11\nsip:b@203.0.113.1\nsip:b@sip.example.test\n");
    const Lines log;
    CHECK(here.store->load() == 1);
    CHECK(log.has("W registration file may be corrupt or URLMAP_SIZE has been resized"));
    CHECK(here.table.byAor(uri("sip:a@sip.example.test")).size() == 1);
    here.clock.advance(1s);
    CHECK(here.worker->started == 0);  // nothing has changed by loading
}

TEST_CASE("A change is in the file within a second, several in one writing", "[registrar]") {
    Stored here;
    here.store->load();
    here.enrolUser("a");
    here.clock.advance(150ms);
    here.enrolUser("b");
    CHECK(here.worker->started == 0);
    here.clock.advance(50ms);
    CHECK(here.worker->started == 1);
    here.work();
    CHECK(here.inFile() == here.table.snapshot());
    here.clock.advance(10s);
    CHECK(here.worker->started == 1);
}

TEST_CASE("What changes while the file is written is written next", "[registrar]") {
    Stored here;
    here.store->load();
    const auto a = here.enrolUser("a");
    here.clock.advance(200ms);
    here.enrolUser("b");
    here.table.remove(a);
    here.clock.advance(5s);
    CHECK(here.worker->started == 1);
    here.work();
    REQUIRE(here.inFile().size() == 1);
    CHECK(here.inFile()[0].aor.user == "a");
    here.clock.advance(699ms);  // the last one took long
    CHECK(here.worker->started == 1);
    here.clock.advance(1ms);
    CHECK(here.worker->started == 2);
    here.work();
    CHECK(here.inFile() == here.table.snapshot());
}

TEST_CASE("Bindings survive a restart with all that belongs to them", "[registrar]") {
    Stored here;
    here.store->load();
    here.enrolUser("a");
    here.enrolUser("b");
    here.prepare("sip:c@sip.example.test", "sip:c@192.168.1.12");
    const auto before = here.table.snapshot();
    here.store.reset();

    Locations after;
    RegistrationStore store(after.clock, after.table, {.path = here.path});
    CHECK(store.load() == 2);
    CHECK(after.table.snapshot() == before);
}

TEST_CASE("A store that has not been loaded leaves the file alone", "[registrar]") {
    Stored here;
    TemporaryDirectory::write(here.path, "precious");
    here.enrolUser("a");
    here.clock.advance(10s);
    here.store.reset();
    CHECK(TemporaryDirectory::read(here.path) == "precious");
}

TEST_CASE("Closing saves what no timer has saved yet, even in the middle of a writing",
          "[registrar]") {
    Stored here;
    here.store->load();
    here.enrolUser("a");
    SECTION("waiting") {}
    SECTION("writing") {
        here.clock.advance(200ms);
        here.enrolUser("b");
    }
    here.store->close();
    CHECK(here.inFile() == here.table.snapshot());
    here.enrolUser("c");
    here.clock.advance(10s);
    here.store.reset();
    here.clock.runPosted();
    CHECK(here.inFile().size() == here.table.size() - 1);
}

TEST_CASE("A save that fails is told once and tried again, less and less often", "[registrar]") {
    Stored here;
    here.path = here.directory.file("later/registrations");
    here.store.reset();
    here.open();
    here.store->load();
    const Lines log;
    here.enrolUser("a");
    here.clock.advance(200ms);
    here.work();
    const auto told =
        "E registrations not saved: cannot create " + here.path + ".new: No such file or directory";
    CHECK(log.seen == std::vector{told});
    CHECK(here.worker->started == 1);
    for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        const int before = here.worker->started;
        here.enrolUser("b");  // a change does not make it hastier
        here.clock.advance(pause - 1ms);
        CHECK(here.worker->started == before);
        here.clock.advance(1ms);
        CHECK(here.worker->started == before + 1);
        here.work();
    }
    CHECK(log.seen.size() == 1);
    REQUIRE(::mkdir(here.directory.file("later").c_str(), 0755) == 0);
    here.clock.advance(60s);
    here.work();
    CHECK(log.has("I registrations saved again to " + here.path));
    CHECK(here.inFile() == here.table.snapshot());
}

TEST_CASE("The periodic save puts a lost file back and spares an intact one", "[registrar]") {
    Stored here(300s);
    here.store->load();
    here.enrolUser("a");
    here.clock.advance(200ms);
    here.work();
    const auto written = base::FileIdentity::of(here.path);
    here.clock.advance(300s);
    CHECK(here.worker->started == 2);
    here.work();
    CHECK(base::FileIdentity::of(here.path) == written);
    REQUIRE(::unlink(here.path.c_str()) == 0);
    here.clock.advance(300s);
    here.work();
    CHECK(here.inFile().size() == 1);
    here.store->setAutosave(0s);
    here.clock.advance(1000s);
    CHECK(here.worker->started == 3);
}

TEST_CASE("The time of expiry in the file follows a wall clock that is set", "[registrar]") {
    Stored here(300s);
    here.clock.setWallStart(0);
    here.store->load();
    here.enrolUser("a");
    here.clock.advance(200ms);
    here.work();
    CHECK(here.inFile().at(0).expires == 600);
    here.clock.setWallStart(1'800'000'000);
    here.clock.advance(300s);
    here.work();
    CHECK(here.inFile().at(0).expires == 1'800'000'600);
}

TEST_CASE("A file written in place is told once", "[registrar]") {
    Stored here;
    REQUIRE(::symlink("/dev/null", here.path.c_str()) == 0);
    here.store->load();
    const Lines log;
    for (const char* user : {"a", "b"}) {
        here.enrolUser(user);
        here.clock.advance(200ms);
        here.work();
    }
    REQUIRE(log.seen.size() == 1);
    CHECK(log.seen[0].starts_with("W " + here.path + " is overwritten in place"));
}

TEST_CASE("With a real thread and loop a change is in the file soon", "[registrar]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("registrations");
    auto made = event::makeLoop();
    REQUIRE(made);
    auto& loop = **made;
    FakeRandom random;
    registrar::LocationTable table(loop, random);
    RegistrationStore store(loop, table, {.path = path, .coalesce = 1ms});
    store.load();
    int looks = 0;
    std::size_t inFile = 0;
    std::unique_ptr<event::Timer> look;
    look = loop.timer([&] {
        inFile = registrar::decode(TemporaryDirectory::read(path)).bindings.size();
        if (inFile == 100 || ++looks > 1000) {
            loop.stop();
        } else {
            look->start(10ms);
        }
    });
    int enrolled = 0;
    std::unique_ptr<event::Timer> enrol;
    enrol = loop.timer([&] {
        const auto user = std::to_string(enrolled);
        const auto binding = table.prepare(
            Locations::phone("sip:" + user + "@sip.example.test", "sip:" + user + "@192.168.1.10"),
            {.host = kOutbound});
        table.confirm(binding->token, 600);
        if (++enrolled < 100) {
            enrol->start(1ms);
        }
    });
    enrol->start(0ms);
    look->start(0ms);
    loop.run();
    CHECK(inFile == 100);
    store.close();
    CHECK(registrar::decode(TemporaryDirectory::read(path)).bindings == table.snapshot());
}
