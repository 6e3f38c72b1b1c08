// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "table.h"

struct sqlite3;

namespace siproxd::blacklist {

using Entries = std::map<Sender, Entry>;

/// What is written: no entry: the row is deleted. Rows of type 1 are never changed.
struct Change {
    Sender sender;
    std::optional<Entry> entry;
};

/// What the file holds.
struct Snapshot {
    Entries entries;
    std::uint64_t changes = 0;  ///< so many of those that were given to write() are in it
};

/// The sqlite file. All work but open() is done by a thread of its own.
class Database {
public:
    /// Changes that wait; more are lost, as the file can be no faster.
    static constexpr std::size_t kMostWaiting = 20'000;
    /// Rows that are read.
    static constexpr int kMostRows = 100'000;

    /// Opens the file, or makes it. `synchronous` as sqlite's pragma has it.
    [[nodiscard]] static std::expected<std::unique_ptr<Database>, std::string>
    open(const std::string& path, const std::string& synchronous);

    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// False: it is lost.
    bool write(Change change);
    /// Reads the file again if somebody else has changed it.
    void refresh();
    /// What has been read since the last call.
    [[nodiscard]] std::optional<Snapshot> takeSnapshot();
    /// So many of the changes are in every snapshot to come.
    [[nodiscard]] std::uint64_t applied();
    /// What has gone wrong since the last call; empty: nothing.
    [[nodiscard]] std::string takeError();

private:
    explicit Database(sqlite3* connection) : connection_(connection) {}

    void work();
    void apply(const std::deque<Change>& changes);
    void apply(const Change& change);
    void read(std::uint64_t applied);
    bool run(const char* sql);
    void fail(const std::string& text);

    sqlite3* connection_;
    // Of the thread alone.
    std::int64_t version_ = -1;

    std::mutex mutex_;
    std::condition_variable wake_;
    std::uint64_t applied_ = 0;
    std::deque<Change> waiting_;
    bool isRefreshWanted_ = true;
    bool isEnding_ = false;
    std::optional<Snapshot> snapshot_;
    std::string error_;
    std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace siproxd::blacklist
