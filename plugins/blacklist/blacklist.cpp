// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "database.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
using siproxd::blacklist::Change;
using siproxd::blacklist::Database;
using siproxd::blacklist::Entries;
using siproxd::blacklist::Entry;
using siproxd::blacklist::Sender;

/// Keeps those out who fail to register again and again, and those whom somebody has put into the
/// database by hand. All decisions are made from memory; the database follows.
class Blacklist {
public:
    static constexpr const char* kDescription = "Blacklists UACs that fail to register";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages =
        stages(Stage::Validate, Stage::PostProxy, Stage::Timer);
    static constexpr Option kOptions[] = {
        stringOption("dbpath", "The sqlite database", "/var/lib/siproxd/blacklist.sqlite"),
        stringOption("db_sync_mode", "How sure to write: OFF, NORMAL, FULL or EXTRA", "OFF"),
        integerOption("simulate", "1: only say who would be blocked", "0", 0, 1),
        integerOption("duration", "Seconds without any message that end a block; 0: none", "3600",
                      0, INT32_MAX),
        integerOption("hitcount", "So many failures are forgiven", "10", 0, INT32_MAX),
        integerOption("register_window", "Seconds within which a response counts", "30", 1, 3600),
    };

    static std::unique_ptr<Blacklist> create(Host host) {
        const auto sync =
            host.choice("db_sync_mode", {"OFF", "NORMAL", "FULL", "EXTRA", "0", "1", "2", "3"});
        if (!sync) {
            return nullptr;
        }
        return std::make_unique<Blacklist>(host, std::to_string(*sync % 4));
    }

    Blacklist(Host host, const std::string& synchronous)
        : host_(host), path_(orEmpty(host.string("dbpath"))),
          database_(std::make_unique<Database>(path_, synchronous)),
          isSimulated_(host.integer("simulate").value_or(0) != 0),
          duration_(host.integer("duration").value_or(0)),
          hitcount_(host.integer("hitcount").value_or(0)),
          window_(host.integer("register_window").value_or(0)), begin_(host, [this] { database_->start(); }) {
        // Not now: who opens the file shall have no more rights than who writes it, and be in the jail if there is one.
        begin_.start(0);
    }

    Verdict process(Stage stage, Message& message) {
        if (stage == Stage::PostProxy) {
            judge(message);
            return Verdict::Continue;
        }
        takeSnapshot();
        const bool isRegister = message.isRequest() && message.method() == "REGISTER";
        if (entries_.empty() && !isRegister) {
            return Verdict::Continue;
        }
        Sender sender{std::string(message.sourceIp()),
                      std::string(orEmpty(message.uri(At::From, Part::Text)))};
        if (isBlocked(sender)) {
            if (!isSimulated_) {
                return Verdict::Drop;
            }
        }
        if (isRegister) {
            remember(message, std::move(sender));
        }
        return Verdict::Continue;
    }

    void tick() {
        takeSnapshot();
        expire();
        for (const Sender& sender : std::exchange(seen_, {})) {
            if (const auto known = entries_.find(sender); known != entries_.end()) {
                save(sender, known->second);
            }
        }
        forgetWritten(database_->applied());
        database_->refresh();
        // Once, until it is another one: a disk stays full for a while.
        if (auto error = database_->error(); error != error_) {
            if (!error.empty()) {
                host_.error("plugin_blacklist: " + path_ + ": " + error);
            }
            error_ = std::move(error);
        }
        if (const auto lost = std::exchange(lost_, 0); lost > 0) {
            host_.warning("plugin_blacklist: the database is too slow, " + std::to_string(lost) +
                          " changes were lost");
        }
    }

private:
    /// What is known of senders, but for those entered by hand.
    static constexpr std::size_t kMostEntries = 50'000;
    /// Of those: from which the oldest one is forgotten, and that are looked at in a tick.
    static constexpr std::size_t kSample = 64;
    static constexpr std::size_t kLook = 2'000;
    /// REGISTERs without a response yet.
    static constexpr std::size_t kMostRequests = 10'000;

    static constexpr std::int64_t kMinute = 60'000;  // ms
    static constexpr std::size_t kMostSaid = 1'000;

    struct Request {
        Sender sender;
        std::int64_t time = 0;
        bool hasCredentials = false;
    };

    bool isBlocked(const Sender& sender) {
        const auto known = entries_.find(sender);
        if (known == entries_.end()) {
            return false;
        }
        Entry& entry = known->second;
        const auto now = host_.wallTime();
        if (entry.lastSeen != now) {
            entry.lastSeen = now;
            seen_.insert(sender);
        }
        if (!entry.isByHand && entry.failures <= hitcount_) {
            return false;
        }
        if (!isWorthSaying(sender)) {
            return true;
        }
        host_.info("UAC with IP " + sender.ip + " [" + sender.uri +
                   (isSimulated_ ? "] would be blocked (simulate=1)" : "] is blocked"));
        return true;
    }

    /// A line for each of a thousand senders in a minute: whoever sends a flood does not fill the disk.
    bool isWorthSaying(const Sender& sender) {
        const auto now = host_.steadyTime();
        if (now - saidSince_ >= kMinute) {
            said_.clear();
            saidSince_ = now;
        }
        return said_.size() < kMostSaid && said_.insert(sender).second;
    }

    void remember(const Message& message, Sender sender) {
        const auto now = host_.steadyTime();
        forget(now);
        const bool hasCredentials = message.headerCount("Authorization") > 0 ||
                                    message.headerCount("Proxy-Authorization") > 0;
        const std::string key = keyOf(message);
        if (requests_.insert_or_assign(key, Request{std::move(sender), now, hasCredentials})
                .second) {
            order_.emplace_back(now, key);
        }
    }

    static std::string keyOf(const Message& message) {
        return std::to_string(message.cseq()) + ' ' + std::string(message.callId());
    }

    void forget(std::int64_t now) {
        while (!order_.empty() &&
               (order_.size() >= kMostRequests || now - order_.front().first > window_ * 1000)) {
            requests_.erase(order_.front().second);
            order_.pop_front();
        }
    }

    /// A response to a REGISTER says whether that was a failure.
    void judge(const Message& message) {
        if (message.isRequest() || message.method() != "REGISTER" || message.status() < 200) {
            return;
        }
        forget(host_.steadyTime());
        const auto known = requests_.find(keyOf(message));
        if (known == requests_.end()) {
            return;
        }
        const Request request = std::move(known->second);
        requests_.erase(known);
        if (message.status() < 300) {
            forgive(request.sender);
        } else if (message.status() >= 400 && message.status() < 500 && request.hasCredentials &&
                   !isStale(message)) {
            blame(request.sender);
        }
    }

    /// The password was right, the nonce too old.
    static bool isStale(const Message& message) {
        for (const char* name : {"WWW-Authenticate", "Proxy-Authenticate"}) {
            for (std::size_t i = 0; i < message.headerCount(name); ++i) {
                auto value = lowered(orEmpty(message.header(name, i)));
                std::erase_if(value, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
                if (value.find("stale=true") != std::string::npos) {
                    return true;
                }
            }
        }
        return false;
    }

    void blame(const Sender& sender) {
        if (!entries_.contains(sender) && entries_.size() >= kMostEntries) {
            forgetOne();
        }
        Entry& entry = entries_[sender];
        ++entry.failures;
        entry.lastFailure = entry.lastSeen = host_.wallTime();
        save(sender, entry);
    }

    void forgive(const Sender& sender) {
        const auto known = entries_.find(sender);
        if (known != entries_.end() && known->second.failures > 0) {
            known->second.failures = 0;
            save(sender, known->second);
        }
    }

    /// The oldest one of some: nobody waits until thousands have been looked through.
    void forgetOne() {
        auto oldest = entries_.end();
        lookOn(kSample, [&](Entries::iterator entry) {
            if (oldest == entries_.end() || entry->second.lastSeen < oldest->second.lastSeen) {
                oldest = entry;
            }
            return false;
        });
        if (oldest != entries_.end()) {
            remove(oldest->first);
            entries_.erase(oldest);
        }
    }

    void expire() {
        const auto now = host_.wallTime();
        lookOn(kLook, [&](Entries::iterator entry) {
            const bool isOver = duration_ > 0 && now - entry->second.lastSeen > duration_;
            if (isOver) {
                remove(entry->first);
            }
            return isOver;
        });
    }

    /// Goes on where it has stopped last time, in a circle. Those for which `isOver` says so are forgotten, rows
    /// entered by hand are left alone.
    template <class IsOver>
    void lookOn(std::size_t most, const IsOver& isOver) {
        auto entry = entries_.upper_bound(looked_);
        for (std::size_t i = std::min(most, entries_.size()); i > 0; --i) {
            entry = entry == entries_.end() ? entries_.begin() : entry;
            looked_ = entry->first;
            entry = !entry->second.isByHand && isOver(entry) ? entries_.erase(entry) : std::next(entry);
        }
    }

    void save(const Sender& sender, const Entry& entry) { write({sender, entry}); }
    void remove(const Sender& sender) { write({sender, std::nullopt}); }

    void write(Change change) {
        if (!database_->write(change)) {
            ++lost_;
            return;
        }
        pending_.push_back(std::move(change));
        ++written_;
    }

    void forgetWritten(std::uint64_t count) {
        while (!pending_.empty() && written_ - pending_.size() < count) {
            pending_.pop_front();
        }
    }

    /// The file as it is now, and what is not in it yet.
    void takeSnapshot() {
        auto snapshot = database_->takeSnapshot();
        if (!snapshot) {
            return;
        }
        std::swap(entries_, snapshot->entries);
        database_->discard(std::move(snapshot->entries));
        forgetWritten(snapshot->changes);
        for (const Change& change : pending_) {
            if (!change.entry) {
                const auto known = entries_.find(change.sender);
                if (known != entries_.end() && !known->second.isByHand) {
                    entries_.erase(known);
                }
                continue;
            }
            Entry& entry = entries_[change.sender];
            const bool isByHand = entry.isByHand;
            entry = *change.entry;
            entry.isByHand = isByHand;
        }
    }

    Host host_;
    std::string path_;
    std::string error_;  ///< that has been said
    std::unique_ptr<Database> database_;
    bool isSimulated_;
    std::int64_t duration_;
    std::int64_t hitcount_;
    std::int64_t window_;

    Entries entries_;
    Sender looked_;               ///< the last one that lookOn() has come to
    std::set<Sender> seen_;       ///< their time is to be written
    std::set<Sender> said_;       ///< whose block is in the log
    std::int64_t saidSince_ = 0;
    std::deque<Change> pending_;  ///< not known to be in the file yet
    std::uint64_t written_ = 0;
    std::uint64_t lost_ = 0;
    std::map<std::string, Request> requests_;
    std::deque<std::pair<std::int64_t, std::string>> order_;
    Timer begin_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_blacklist, Blacklist)
