// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/user_file.h"

#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/hand_worker.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::test;
using base::FileIdentity;

namespace {

/// A password file that is followed, with workers that do nothing before the test says so.
struct House {
    /// A HandWorker that the test still sees when it has gone.
    struct Hands final : base::Worker {
        std::shared_ptr<HandWorker> hand;
        explicit Hands(std::shared_ptr<HandWorker> made) : hand(std::move(made)) {}
        void start(std::function<void()> job) override { hand->start(std::move(job)); }
        void drain() override { hand->drain(); }
    };

    TemporaryDirectory directory;
    std::string path = directory.file("passwords");
    FakeLoop loop;
    std::vector<std::shared_ptr<HandWorker>> workers;
    std::vector<std::string> heard;  ///< of each reading: whether alice, bob, carol are users
    app::UserFile file{loop,
                       [this](const access::Users& users) {
                           std::string names;
                           for (const auto* name : {"alice", "bob", "carol"}) {
                               names += users.knows(name) ? std::string(name) + " " : "";
                           }
                           heard.push_back(names);
                       },
                       [this] {
                           workers.push_back(std::make_shared<HandWorker>());
                           return std::make_unique<Hands>(workers.back());
                       }};

    House() {
        directory.write(path, "alice secret\n");
        file.follow(path, "home", FileIdentity::of(path));
    }

    /// Lets a worker do what it has got.
    void work(std::size_t worker) {
        REQUIRE(worker < workers.size());
        REQUIRE(workers[worker]->job);
        workers[worker]->drain();
        loop.runPosted();
    }
    void look(std::size_t worker = 0) {
        file.check();
        work(worker);
    }
    /// Whether somebody still has the worker.
    [[nodiscard]] bool isThere(std::size_t worker) const {
        return workers.at(worker).use_count() > 1;
    }
};

using Heard = std::vector<std::string>;

}  // namespace

TEST_CASE("a changed password file is read, a broken one is not", "[app]") {
    House here;
    here.look();
    CHECK(here.heard.empty());
    here.directory.write(here.path, "alice secret\nbob geheim\n");
    here.look();
    CHECK(here.heard == Heard{"alice bob "});
    here.look();
    here.directory.write(here.path, "alice\n");
    here.look();
    CHECK(here.heard.size() == 1);
    here.directory.write(here.path, "bob mended\n");
    here.look();
    CHECK(here.heard == Heard{"alice bob ", "bob "});
}

TEST_CASE("one look at a time", "[app]") {
    House here;
    here.file.check();
    here.file.check();
    REQUIRE(here.workers.size() == 1);
    CHECK(here.workers[0]->started == 1);
    here.work(0);
    here.look();
    CHECK(here.workers[0]->started == 2);
}

TEST_CASE("a version other than the known one is news", "[app]") {
    House here;
    const auto known = FileIdentity::of(here.path);
    here.directory.write(here.path, "alice secret\nbob geheim\n");
    here.file.follow(here.path, "home", known);
    here.look();
    CHECK(here.heard == Heard{"alice bob "});
}

TEST_CASE("while no file is followed none is looked at", "[app]") {
    House here;
    here.file.follow("", "", {});
    here.file.check();
    CHECK(here.workers.empty());
}

TEST_CASE("another file is followed at once while the disk of the former stands still", "[app]") {
    House here;
    here.directory.write(here.path, "alice secret\nbob geheim\n");
    here.file.check();

    const auto other = here.directory.file("others");
    here.directory.write(other, "carol secret\n");
    SECTION("another path") { here.file.follow(other, "home", {}); }
    SECTION("the same path again, once more") {
        here.file.follow(here.path, "home", {});
        here.file.check();
        here.file.follow(other, "home", {});
        here.file.follow(other, "home", {});
    }
    CHECK(here.workers[0]->job);
    here.file.check();
    const auto last = here.workers.size() - 1;
    REQUIRE(last > 0);
    here.work(last);
    CHECK(here.heard == Heard{"carol "});

    // The disk goes on. What it gives is not wanted any more.
    for (std::size_t worker = 0; worker < last; ++worker) {
        CHECK(here.isThere(worker));
        here.work(worker);
    }
    here.look(last);
    CHECK(here.heard == Heard{"carol "});
    CHECK_FALSE(here.isThere(0));
    CHECK(here.isThere(last));
}

TEST_CASE("what is read while the file's owner goes is not told", "[app]") {
    FakeLoop loop;
    const TemporaryDirectory directory;
    const auto path = directory.file("passwords");
    directory.write(path, "alice secret\n");
    bool told = false;
    {
        app::UserFile file(loop, [&](const access::Users&) { told = true; });
        file.follow(path, "home", {});
        file.check();
    }
    loop.runPosted();
    CHECK_FALSE(told);
}
