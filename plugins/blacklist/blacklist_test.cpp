// SPDX-License-Identifier: GPL-2.0-or-later
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <sqlite3.h>

#include "support/log_spy.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Stage;
using test::option;

extern "C" const siproxd_plugin plugin_blacklist_LTX_siproxd_plugin;

namespace {

constexpr const char* kAlice = "203.0.113.50";

/// A database of its own.
struct File {
    File() {
        char name[] = "/tmp/blacklist_test.XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        directory = name;
    }
    ~File() { std::filesystem::remove_all(directory); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] std::string path() const { return directory + "/b.sqlite"; }

    /// What another program would do; the first column of the first row.
    std::string run(const std::string& sql) const {
        const auto result = tryRun(sql);
        CHECK(result != "error");
        return result;
    }
    /// `error`: there may be no table yet.
    std::string tryRun(const std::string& sql) const {
        sqlite3* connection = nullptr;
        REQUIRE(sqlite3_open(path().c_str(), &connection) == SQLITE_OK);
        sqlite3_busy_timeout(connection, 5000);
        std::string result = "-";
        const auto row = [](void* to, int, char** values, char**) {
            *static_cast<std::string*>(to) = values[0] == nullptr ? "" : values[0];
            return 0;
        };
        const int status = sqlite3_exec(connection, sql.c_str(), row, &result, nullptr);
        sqlite3_close(connection);
        return status == SQLITE_OK ? result : "error";
    }

    std::string directory;
};

struct Fixture {
    explicit Fixture(const File& file, std::vector<config::PluginOption> lines = {}) {
        lines.push_back(option("plugin_blacklist_dbpath", file.path()));
        REQUIRE(chain.add(plugin_blacklist_LTX_siproxd_plugin, std::move(lines)));
        loop.advance(std::chrono::milliseconds(1));
    }

    bool isDropped(const std::string& method = "OPTIONS", bool withPassword = false) {
        auto message = test::request(method);
        if (withPassword) {
            message.addHeader("Authorization", "Digest username=\"alice\"");
        }
        return !run(std::move(message), Stage::Validate);
    }

    bool run(sip::Message message, Stage stage) {
        test::Shown shown(std::move(message), Direction::Unknown);
        shown.context.flow.remote = test::address(kAlice, 5060);
        return chain.run(stage, shown.context).goesOn();
    }

    /// A REGISTER and its answer.
    void attempt(int status, bool withPassword = true, const std::string& header = "") {
        CHECK_FALSE(isDropped("REGISTER", withPassword));
        CHECK(run(test::parsed("SIP/2.0 " + std::to_string(status) +
                               " X\r\nVia: SIP/2.0/UDP 192.168.1.10:5062;branch=z9hG4bKa\r\n"
                               "From: <sip:alice@example.org>;tag=f1\r\n"
                               "To: <sip:alice@example.org>;tag=t1\r\n"
                               "Call-ID: c1@192.168.1.10\r\nCSeq: 7 REGISTER\r\n" +
                               header + "Content-Length: 0\r\n\r\n"),
                  Stage::PostProxy));
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

/// The database works in a thread of its own.
template <class Check>
bool eventually(Check check) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!check()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

std::vector<config::PluginOption> hitcount(const std::string& count) {
    return {option("plugin_blacklist_hitcount", count)};
}

}  // namespace

TEST_CASE("who fails once too often is blocked", "[plugin_blacklist]") {
    const test::LogSpy spy;
    const File file;
    Fixture f(file, hitcount("2"));
    for (int i = 0; i < 3; ++i) {
        f.attempt(403);
    }
    CHECK(f.isDropped());
    CHECK(spy.hasLine("UAC with IP 203.0.113.50 [sip:alice@example.org] is blocked"));
}

TEST_CASE("success forgives", "[plugin_blacklist]") {
    const File file;
    Fixture f(file, hitcount("2"));
    f.attempt(403);
    f.attempt(407);
    f.attempt(200);
    f.attempt(401);
    f.attempt(401);
    CHECK_FALSE(f.isDropped());
    f.attempt(404);
    CHECK(f.isDropped());
}

TEST_CASE("only a password that is wrong is a failure", "[plugin_blacklist]") {
    const File file;
    Fixture f(file, hitcount("0"));
    f.attempt(401, false);
    f.attempt(503);
    f.attempt(401, true, "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\", stale=TRUE\r\n");
    f.attempt(407, true, "Proxy-Authenticate: Digest realm=\"x\",stale = \"true\"\r\n");
    CHECK_FALSE(f.isDropped());
    f.attempt(401, true, "WWW-Authenticate: Digest realm=\"x\", stale=false\r\n");
    CHECK(f.isDropped());
}

TEST_CASE("simulated, nobody is blocked", "[plugin_blacklist]") {
    const test::LogSpy spy;
    const File file;
    auto lines = hitcount("0");
    lines.push_back(option("plugin_blacklist_simulate", "1"));
    Fixture f(file, std::move(lines));
    f.attempt(403);
    CHECK_FALSE(f.isDropped());
    CHECK(spy.hasLine("UAC with IP 203.0.113.50 [sip:alice@example.org] would be blocked "
                      "(simulate=1)"));
}

TEST_CASE("failures are in the file and survive", "[plugin_blacklist]") {
    const File file;
    {
        Fixture f(file, hitcount("1"));
        f.attempt(403);
        f.attempt(403);
    }
    CHECK(file.run("SELECT failcount FROM blacklist WHERE ip='203.0.113.50' AND "
                   "sipuri='sip:alice@example.org' AND type=0") == "2");
    Fixture f(file, hitcount("1"));
    CHECK(eventually([&] { return f.isDropped(); }));
}

TEST_CASE("rows that are entered by hand count while siproxd runs", "[plugin_blacklist]") {
    const File file;
    Fixture f(file, hitcount("5"));
    f.attempt(403);
    CHECK_FALSE(f.isDropped());
    CHECK(eventually([&] { return file.tryRun("SELECT COUNT(*) FROM blacklist") == "1"; }));
    file.run("UPDATE blacklist SET type=1");
    f.chain.tick();
    CHECK(eventually([&] { return f.isDropped(); }));
    file.run("DELETE FROM blacklist");
    f.chain.tick();
    CHECK(eventually([&] { return !f.isDropped(); }));
}

TEST_CASE("rows that are entered by hand count while nothing can be written", "[plugin_blacklist]") {
    const File file;
    Fixture f(file, hitcount("5"));
    f.attempt(403);
    CHECK(eventually([&] { return file.tryRun("SELECT COUNT(*) FROM blacklist") == "1"; }));
    file.run("UPDATE blacklist SET type=1");
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open((file.directory + "/b.sqlite").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    f.attempt(403);
    CHECK(eventually([&] {
        f.chain.tick();
        return f.isDropped();
    }));
    sqlite3_close(other);
}

TEST_CASE("a file that cannot be opened is told once, and nobody is let in or out by that", "[plugin_blacklist]") {
    test::FakeLoop loop;
    const test::LogSpy spy;
    const File file;
    const auto path = file.directory + "/later/b.sqlite";
    plugin::Chain chain(loop);
    REQUIRE(chain.add(plugin_blacklist_LTX_siproxd_plugin, {option("plugin_blacklist_dbpath", path, 3),
                                                            option("plugin_blacklist_hitcount", "0", 4)}));
    loop.advance(std::chrono::milliseconds(1));
    const auto isSaid = [&] {
        chain.tick();
        return spy.has("plugin_blacklist: " + path + ": unable to open database file");
    };
    CHECK(eventually(isSaid));
    for (int i = 0; i < 10; ++i) {
        chain.tick();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(spy.count("unable to open") == 1);
    const auto isDropped = [&](const char* method, int status) {
        auto request = test::request(method);
        request.addHeader("Authorization", "Digest username=\"alice\"");
        test::Shown shown(std::move(request), Direction::Unknown);
        shown.context.flow.remote = test::address(kAlice, 5060);
        const bool goesOn = chain.run(Stage::Validate, shown.context).goesOn();
        if (status != 0) {
            test::Shown answer(sip::Message::response(shown.message, status, "", "t1"), Direction::Unknown);
            static_cast<void>(chain.run(Stage::PostProxy, answer.context));
        }
        return !goesOn;
    };
    CHECK_FALSE(isDropped("REGISTER", 403));
    CHECK(isDropped("OPTIONS", 0));
    // It is tried again, and then has what has happened meanwhile.
    std::filesystem::create_directory(file.directory + "/later");
    CHECK(eventually([&] {
        chain.tick();
        return std::filesystem::exists(path);
    }));
    const auto failures = [&path] {
        sqlite3* connection = nullptr;
        sqlite3_stmt* statement = nullptr;
        sqlite3_open(path.c_str(), &connection);
        sqlite3_prepare_v2(connection, "SELECT failcount FROM blacklist", -1, &statement, nullptr);
        const int count = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
        sqlite3_finalize(statement);
        sqlite3_close(connection);
        return count;
    };
    CHECK(eventually([&] {
        chain.tick();
        return failures() == 1;
    }));
    for (int i = 0; i < 10; ++i) {
        chain.tick();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        CHECK(isDropped("OPTIONS", 0));
    }
}

namespace {

/// So many senders, all last seen then; and one that is entered by hand.
void fill(const File& file, int count, const std::string& lastSeen) {
    file.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(count) +
             ") INSERT INTO blacklist (type, ip, sipuri, failcount, lastfail, lastseen) "
             "SELECT 0, '10.0.0.1', 'sip:' || i || '@x.test', 1, 0, " + lastSeen + " FROM n");
    file.run("INSERT INTO blacklist (type, ip, sipuri, failcount, lastfail, lastseen) "
             "VALUES (1, '10.0.0.2', 'sip:x@x.test', 0, 0, 0)");
}

}  // namespace

TEST_CASE("senders who are not seen any more are forgotten, some at a time", "[plugin_blacklist]") {
    const File file;
    Fixture f(file);
    REQUIRE(eventually([&] { return file.tryRun("SELECT count(*) FROM blacklist") == "0"; }));
    fill(file, 5'000, "1");
    CHECK(eventually([&] {
        f.chain.tick();
        return file.run("SELECT count(*) FROM blacklist") == "1";
    }));
    CHECK(file.run("SELECT ip FROM blacklist") == "10.0.0.2");
}

TEST_CASE("there is room for a new sender among very many", "[plugin_blacklist]") {
    const File file;
    Fixture f(file);
    REQUIRE(eventually([&] { return file.tryRun("SELECT count(*) FROM blacklist") == "0"; }));
    fill(file, 50'000, "strftime('%s', 'now')");
    file.run(std::string("INSERT INTO blacklist (type, ip, sipuri) VALUES (1, '") + kAlice +
             "', 'sip:alice@example.org')");
    // Then all the others are known as well.
    REQUIRE(eventually([&] {
        f.chain.tick();
        return f.isDropped();
    }));
    auto message = test::request("REGISTER");
    message.addHeader("Authorization", "Digest username=\"new\"");
    auto from = message.from();
    from.uri.user = "new";
    message.setFrom(from);
    auto answer = sip::Message::response(message, 403, "", "t1");
    CHECK(f.run(std::move(message), Stage::Validate));
    CHECK(f.run(std::move(answer), Stage::PostProxy));
    CHECK(eventually([&] {
        f.chain.tick();
        return file.run("SELECT count(*) FROM blacklist WHERE sipuri LIKE 'sip:new@%'") == "1";
    }));
    CHECK(file.run("SELECT count(*) FROM blacklist") == "50002");
}

TEST_CASE("nonsense is told with its place", "[plugin_blacklist]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_blacklist_LTX_siproxd_plugin, {option("plugin_blacklist_db_sync_mode", "SOON", 3)}));
    CHECK(spy.has("siproxd.conf:3: plugin_blacklist_db_sync_mode = SOON: OFF or NORMAL"));
}
