// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/worker.h"
#include "event/loop.h"
#include "registrar/atomic_file.h"
#include "registrar/location_table.h"
#include "registrar/registration_file.h"

namespace siproxd::registrar {

/// Keeps the registration file like the table: changes are on disk within a second.
///
/// The signalling thread only encodes the bindings that change; the file is put together and
/// written by a worker thread, one writing at a time. The thread starts with the first writing, so
/// a store may be made and loaded before the process forks or drops privileges.
///
///     Idle --change--> Waiting --timer--> Writing --ok, no change since--> Idle
///                         ^                  |----ok, changed since------> Waiting (coalesce)
///                         '------------------'----failed-----------------> Waiting (back-off)
class RegistrationStore final : private LocationTable::Listener {
public:
    struct Options {
        std::string path;
        /// Directive autosave_registrations: so often the file is put right even when nothing has
        /// changed (somebody may have removed it, the clock may have been set); 0: never.
        std::chrono::seconds autosave{0};
        /// How long a change waits for company; longer (up to kLongestCoalesce) when writing is
        /// slow, so that it takes a fifth of the time at most.
        std::chrono::milliseconds coalesce{200};
        std::chrono::seconds firstRetry{1};
        std::chrono::seconds lastRetry{60};
    };

    static constexpr std::chrono::milliseconds kLongestCoalesce{700};

    /// `loop` and `table` must outlive the store. `worker` writes the files; none: a thread of the
    /// store's own.
    RegistrationStore(event::Loop& loop, LocationTable& table, Options options,
                      std::unique_ptr<base::Worker> worker = nullptr);
    /// Closes.
    ~RegistrationStore() override;

    /// Fills the table from the file, which may be missing; blocks; for the start, once. Says in
    /// the log what was wrong. How many bindings were taken. Nothing is saved before that, so that
    /// a start that fails leaves the file alone.
    std::size_t load();

    /// The last save, done when it returns; for the end. Later changes are not saved.
    void close();

    /// A new period (SIGHUP).
    void setAutosave(std::chrono::seconds period);

private:
    enum class State : std::uint8_t {
        Idle,     ///< also before load()
        Waiting,  ///< for saveTimer_
        Writing,  ///< the worker reads records_; changes go to changes_
        Closed,
    };

    struct Record {
        base::WallSeconds expires = 0;
        base::TimePoint expiry;
        RecordText text;
    };
    /// What the file holds. Times of expiry depend on how far apart the clocks are.
    struct Content {
        std::uint64_t version = 0;
        base::WallSeconds clockOffset = 0;
    };

    void bindingChanged(std::uint64_t serial, const Binding& binding,
                        base::TimePoint expiry) override;
    void bindingGone(std::uint64_t serial, const Binding& binding) override;
    void change(std::uint64_t serial, std::optional<Record> record);
    void apply(std::uint64_t serial, std::optional<Record> record);
    void waitThenWrite(base::Duration delay);
    void startAutosave();
    void startWriting();
    [[nodiscard]] base::Result<Replaced> writeFile(base::TimePoint now, base::WallSeconds wallNow);
    void finishWriting(const base::Result<Replaced>& result);
    void reportUnread(const base::ReadFailure& failure) const;
    void report(const base::Result<Replaced>& result);

    event::Loop& loop_;
    LocationTable& table_;
    Options options_;
    State state_ = State::Idle;
    bool loaded_ = false;
    bool warnedInPlace_ = false;
    std::string failure_;  ///< of the last save; empty: it went well
    std::chrono::seconds retry_;
    base::Duration coalesce_;

    /// By serial, which is the order in the file.
    std::map<std::uint64_t, Record> records_;
    /// What has changed while the worker reads records_; nothing: gone.
    std::map<std::uint64_t, std::optional<Record>> changes_;
    std::uint64_t version_ = 0;  ///< of records_
    // What is on the disk; for the worker, as records_.
    Content written_;
    base::FileIdentity writtenFile_;
    base::TimePoint writingSince_;

    std::unique_ptr<event::Timer> saveTimer_;
    std::unique_ptr<event::Timer> autosaveTimer_;
    std::unique_ptr<base::Worker> worker_;
    /// Shared with completions that have been posted: they must do nothing when the store is gone.
    std::shared_ptr<bool> alive_;
};

}  // namespace siproxd::registrar
