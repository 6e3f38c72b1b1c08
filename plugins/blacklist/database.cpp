// SPDX-License-Identifier: GPL-2.0-or-later
#include "database.h"

#include <sqlite3.h>

#include <iterator>
#include <utility>

#include "../disk/quiet_thread.h"

namespace siproxd::blacklist {
namespace {

constexpr const char* kTables =
    "CREATE TABLE IF NOT EXISTS control (action TEXT PRIMARY KEY, count INTEGER, time INTEGER);"
    "CREATE TABLE IF NOT EXISTS blacklist (type INTEGER DEFAULT 0, ip TEXT, sipuri TEXT,"
    " failcount INTEGER DEFAULT 0, lastfail INTEGER DEFAULT 0, lastseen INTEGER DEFAULT 0,"
    " CONSTRAINT unique_src UNIQUE (ip, sipuri));"
    "CREATE TABLE IF NOT EXISTS requests (timestamp INTEGER, ip TEXT, sipuri TEXT, callid TEXT);";
/// How long another program may keep the file, in ms: the thread can wait.
constexpr int kBusy = 5'000;

/// A statement that is run once or row by row.
class Statement {
public:
    Statement(sqlite3* connection, const char* sql) {
        sqlite3_prepare_v2(connection, sql, -1, &statement_, nullptr);
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    void bind(int index, const std::string& text) {
        sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()),
                          SQLITE_TRANSIENT);
    }
    void bind(int index, std::int64_t number) { sqlite3_bind_int64(statement_, index, number); }
    /// SQLITE_ROW, SQLITE_DONE or an error.
    int step() { return statement_ == nullptr ? SQLITE_ERROR : sqlite3_step(statement_); }
    [[nodiscard]] std::int64_t number(int column) {
        return sqlite3_column_int64(statement_, column);
    }
    [[nodiscard]] std::string text(int column) {
        const auto* text = sqlite3_column_text(statement_, column);
        return text == nullptr ? "" : reinterpret_cast<const char*>(text);
    }

private:
    sqlite3_stmt* statement_ = nullptr;
};

}  // namespace

void Database::start() {
    thread_ = siproxd::disk::quietThread([this] { work(); });
}

bool Database::open() {
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path_.c_str(), &connection_, kFlags, nullptr) == SQLITE_OK) {
        sqlite3_busy_timeout(connection_, kBusy);
        if (run(("PRAGMA synchronous = " + synchronous_).c_str()) && run(kTables)) {
            return true;
        }
    } else {
        fail(connection_ == nullptr ? "out of memory" : sqlite3_errmsg(connection_));
    }
    sqlite3_close(std::exchange(connection_, nullptr));
    return false;
}

Database::~Database() {
    if (thread_.joinable()) {
        {
            const std::scoped_lock lock(mutex_);
            isEnding_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    sqlite3_close(connection_);
}

bool Database::write(Change change) {
    {
        const std::scoped_lock lock(mutex_);
        if (waiting_.size() >= kMostWaiting) {
            return false;
        }
        waiting_.push_back(std::move(change));
    }
    wake_.notify_one();
    return true;
}

void Database::refresh() {
    {
        const std::scoped_lock lock(mutex_);
        isRefreshWanted_ = true;
    }
    wake_.notify_one();
}

std::optional<Snapshot> Database::takeSnapshot() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(snapshot_, std::nullopt);
}

void Database::discard(Entries entries) {
    const std::scoped_lock lock(mutex_);
    discarded_.push_back(std::move(entries));
}

std::uint64_t Database::applied() {
    const std::scoped_lock lock(mutex_);
    return snapshot_ ? snapshot_->changes : applied_;
}

std::string Database::error() {
    const std::scoped_lock lock(mutex_);
    return error_;
}

void Database::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        // What could not be written is tried again when the file is looked at again.
        wake_.wait(lock, [this] {
            return isEnding_ || isRefreshWanted_ || (!waiting_.empty() && !hasFailed_);
        });
        auto changes = std::exchange(waiting_, {});
        const bool isRefreshed = std::exchange(isRefreshWanted_, false);
        const bool isLast = isEnding_;
        auto discarded = std::exchange(discarded_, {});
        const auto applied = applied_;
        lock.unlock();
        discarded.clear();
        hasFailed_ = false;
        const bool isOpen = connection_ != nullptr || open();
        // Before anything is written, which may take as long as another program writes. What is not in the file yet is
        // put on top of what is read, by who takes the snapshot.
        if (isRefreshed && isOpen) {
            read(applied);
        }
        const bool isWritten = isOpen && apply(changes);
        lock.lock();
        if (isWritten) {
            applied_ += changes.size();
        } else {
            waiting_.insert(waiting_.begin(), std::make_move_iterator(changes.begin()),
                            std::make_move_iterator(changes.end()));
        }
        if (!hasFailed_) {
            error_.clear();
        }
        if (isLast) {
            return;
        }
    }
}

bool Database::apply(const std::deque<Change>& changes) {
    if (changes.empty()) {
        return true;
    }
    if (!run("BEGIN IMMEDIATE")) {
        return false;
    }
    for (const Change& change : changes) {
        apply(change);
    }
    // A row that cannot be written is no reason to write none.
    if (!run("COMMIT")) {
        run("ROLLBACK");
        return false;
    }
    return true;
}

void Database::apply(const Change& change) {
    const Sender& sender = change.sender;
    if (!change.entry) {
        Statement remove(connection_,
                         "DELETE FROM blacklist WHERE ip=? AND sipuri=? AND type IS NOT 1");
        remove.bind(1, sender.ip);
        remove.bind(2, sender.uri);
        remove.step();
        return;
    }
    // Tables of older versions need not have a constraint for an UPSERT.
    Statement update(connection_, "UPDATE blacklist SET failcount=?, lastfail=?, lastseen=? "
                                  "WHERE ip=? AND sipuri=?");
    Statement insert(connection_,
                     "INSERT INTO blacklist (failcount, lastfail, lastseen, ip, sipuri, "
                     "type) VALUES (?, ?, ?, ?, ?, 0)");
    for (Statement* statement : {&update, &insert}) {
        statement->bind(1, change.entry->failures);
        statement->bind(2, change.entry->lastFailure);
        statement->bind(3, change.entry->lastSeen);
        statement->bind(4, sender.ip);
        statement->bind(5, sender.uri);
        if (statement->step() != SQLITE_DONE) {
            fail(sqlite3_errmsg(connection_));
            return;
        }
        if (sqlite3_changes(connection_) > 0) {
            return;
        }
    }
}

void Database::read(std::uint64_t applied) {
    // It tells what others have changed only.
    Statement pragma(connection_, "PRAGMA data_version");
    const auto version = pragma.step() == SQLITE_ROW ? pragma.number(0) : -1;
    if (version == version_ && version >= 0) {
        return;
    }
    Snapshot snapshot{.entries = {}, .changes = applied};
    Statement select(connection_, "SELECT ip, sipuri, type, failcount, lastfail, lastseen FROM "
                                  "blacklist ORDER BY type DESC, lastseen DESC LIMIT ?");
    select.bind(1, std::int64_t{kMostRows});
    int status = SQLITE_ROW;
    while ((status = select.step()) == SQLITE_ROW) {
        auto& entry = snapshot.entries[{select.text(0), select.text(1)}];
        if (!entry.isByHand) {
            entry = {select.number(2) == 1, select.number(3), select.number(4), select.number(5)};
        }
    }
    if (status != SQLITE_DONE) {
        fail(sqlite3_errmsg(connection_));
        return;
    }
    version_ = version;
    const std::scoped_lock lock(mutex_);
    snapshot_ = std::move(snapshot);
}

bool Database::run(const char* sql) {
    char* text = nullptr;
    const bool done = sqlite3_exec(connection_, sql, nullptr, nullptr, &text) == SQLITE_OK;
    if (!done) {
        fail(text == nullptr ? sqlite3_errmsg(connection_) : text);
    }
    sqlite3_free(text);
    return done;
}

void Database::fail(const std::string& text) {
    hasFailed_ = true;
    const std::scoped_lock lock(mutex_);
    error_ = text;
}

}  // namespace siproxd::blacklist
