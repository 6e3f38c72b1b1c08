// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

/// The sqlite file. All work is done by a thread of its own, which also opens the file, and again and again as long as
/// that fails.
class Database {
public:
    /// Changes that wait; more are lost, as the file can be no faster.
    static constexpr std::size_t kMostWaiting = 20'000;
    /// Rows that are read.
    static constexpr int kMostRows = 100'000;

    /// `synchronous` as sqlite's pragma has it. Nothing is done before start().
    Database(std::string path, std::string synchronous)
        : path_(std::move(path)), synchronous_(std::move(synchronous)) {}
    /// What has been written so far is in the file then.
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void start();
    /// False: it is lost.
    bool write(Change change);
    /// Reads the file again if somebody else has changed it, or opens it if it could not be before.
    void refresh();
    /// What has been read since the last call.
    [[nodiscard]] std::optional<Snapshot> takeSnapshot();
    /// Takes what is not needed any more: it takes long to throw it away.
    void discard(Entries entries);
    /// So many of the changes are in every snapshot to come.
    [[nodiscard]] std::uint64_t applied();
    /// What is wrong with the file at present; empty: nothing.
    [[nodiscard]] std::string error();

private:
    void work();
    [[nodiscard]] bool open();
    /// Whether they are in the file; false: none is. Rows that cannot be written are left out.
    [[nodiscard]] bool apply(const std::deque<Change>& changes);
    void apply(const Change& change);
    void read(std::uint64_t applied);
    bool run(const char* sql);
    void fail(const std::string& text);

    const std::string path_;
    const std::string synchronous_;
    // Of the thread alone.
    sqlite3* connection_ = nullptr;
    std::int64_t version_ = -1;
    bool hasFailed_ = false;  ///< since the thread has last woken up

    std::mutex mutex_;
    std::condition_variable wake_;
    std::uint64_t applied_ = 0;
    std::deque<Change> waiting_;
    bool isRefreshWanted_ = true;
    bool isEnding_ = false;
    std::optional<Snapshot> snapshot_;
    std::vector<Entries> discarded_;
    std::string error_;
    std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace siproxd::blacklist
