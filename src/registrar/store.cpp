// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/log.h"

namespace siproxd::registrar {

namespace {

/// More than the largest table takes.
constexpr std::size_t kLargestFile = std::size_t{256} << 20;

/// Clocks that are read one after the other and rounded differ by that much.
constexpr base::WallSeconds kSameOffset = 2;

base::WallSeconds clockOffset(base::TimePoint now, base::WallSeconds wallNow) {
    return wallNow -
           std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

RegistrationStore::RegistrationStore(event::Loop& loop, LocationTable& table, Options options,
                                     std::unique_ptr<base::Worker> worker)
    : loop_(loop), table_(table), options_(std::move(options)), retry_(options_.firstRetry),
      coalesce_(options_.coalesce), saveTimer_(loop.timer([this] { startWriting(); })),
      autosaveTimer_(loop.timer([this] {
          if (state_ == State::Idle) {
              startWriting();
          }
          startAutosave();
      })),
      worker_(worker ? std::move(worker) : std::make_unique<base::ThreadWorker>()),
      alive_(std::make_shared<bool>(true)) {
    table_.addListener(*this);
}

RegistrationStore::~RegistrationStore() {
    close();
}

std::size_t RegistrationStore::load() {
    std::size_t count = 0;
    const auto text = base::readWholeFile(options_.path, kLargestFile, base::FileKind::Any);
    if (!text) {
        reportUnread(text.error());
    } else if (text->empty()) {
        log::info("registration file is empty, starting with empty table");
    } else {
        auto decoded = decode(*text);
        if (decoded.suspicious) {
            log::warning("registration file may be corrupt or URLMAP_SIZE has been resized");
        }
        for (const auto& warning : decoded.warnings) {
            log::warning("{}: {}", options_.path, warning);
        }
        for (auto& binding : decoded.bindings) {
            if (const auto taken = table_.restore(std::move(binding)); taken) {
                ++count;
            } else {
                log::debug(log::Class::Reg, "{}: {}", options_.path, taken.error().message);
            }
        }
        log::info("{} registrations read from {}", count, options_.path);
    }
    loaded_ = true;
    startAutosave();
    return count;
}

void RegistrationStore::reportUnread(const base::ReadFailure& failure) const {
    if (failure.error == ENOENT) {
        log::warning("registration file not found, starting with empty table");
        return;
    }
    log::error("cannot read {}: {}; starting with empty table", options_.path,
               failure.step == base::ReadFailure::Step::Size
                   ? fmt::format("larger than {} bytes", kLargestFile)
                   : failure.message);
}

void RegistrationStore::close() {
    if (state_ == State::Closed) {
        return;
    }
    table_.removeListener(*this);
    saveTimer_->stop();
    autosaveTimer_->stop();
    worker_->drain();
    *alive_ = false;
    state_ = State::Closed;
    for (auto& [serial, record] : changes_) {
        apply(serial, std::move(record));
    }
    changes_.clear();
    if (loaded_) {
        report(writeFile(loop_.now(), loop_.wallNow()));
    }
}

void RegistrationStore::setAutosave(std::chrono::seconds period) {
    options_.autosave = period;
    startAutosave();
}

void RegistrationStore::bindingChanged(std::uint64_t serial, const Binding& binding,
                                       base::TimePoint expiry) {
    change(serial, Record{binding.expires, expiry, encodeRecord(binding)});
}

void RegistrationStore::bindingGone(std::uint64_t serial, const Binding&) {
    change(serial, std::nullopt);
}

void RegistrationStore::change(std::uint64_t serial, std::optional<Record> record) {
    if (state_ == State::Writing) {
        changes_.insert_or_assign(serial, std::move(record));
        return;
    }
    apply(serial, std::move(record));
    if (state_ == State::Idle && loaded_) {
        waitThenWrite(coalesce_);
    }
}

void RegistrationStore::apply(std::uint64_t serial, std::optional<Record> record) {
    ++version_;
    if (record) {
        records_.insert_or_assign(serial, *std::move(record));
    } else {
        records_.erase(serial);
    }
}

void RegistrationStore::waitThenWrite(base::Duration delay) {
    state_ = State::Waiting;
    saveTimer_->start(delay);
}

void RegistrationStore::startAutosave() {
    if (loaded_ && options_.autosave.count() > 0 && state_ != State::Closed) {
        autosaveTimer_->start(options_.autosave);
    } else {
        autosaveTimer_->stop();
    }
}

void RegistrationStore::startWriting() {
    state_ = State::Writing;
    writingSince_ = loop_.now();
    worker_->start([this, alive = alive_, now = writingSince_, wallNow = loop_.wallNow()] {
        auto result = writeFile(now, wallNow);
        loop_.post([this, alive, result = std::move(result)] {
            if (*alive) {
                finishWriting(result);
            }
        });
    });
}

/// In the worker's thread, or when that rests.
base::Result<Replaced> RegistrationStore::writeFile(base::TimePoint now,
                                                    base::WallSeconds wallNow) {
    const Content content{version_, clockOffset(now, wallNow)};
    // Flash memory lives longer when the same is not written again.
    if (writtenFile_ != base::FileIdentity{} && content.version == written_.version &&
        std::abs(content.clockOffset - written_.clockOffset) <= kSameOffset &&
        writtenFile_ == base::FileIdentity::of(options_.path)) {
        return Replaced::Atomically;
    }
    FileText file;
    for (const auto& [serial, record] : records_) {
        file.add(expiryOnWall(record.expires, record.expiry - now, wallNow), record.text);
    }
    auto result = replaceFile(options_.path, file.finish());
    written_ = content;
    writtenFile_ = result ? base::FileIdentity::of(options_.path) : base::FileIdentity{};
    return result;
}

void RegistrationStore::finishWriting(const base::Result<Replaced>& result) {
    const bool changed = !changes_.empty();
    for (auto& [serial, record] : changes_) {
        apply(serial, std::move(record));
    }
    changes_.clear();
    report(result);
    if (!result) {
        waitThenWrite(retry_);
        retry_ = std::min(2 * retry_, options_.lastRetry);
        return;
    }
    retry_ = options_.firstRetry;
    coalesce_ = std::clamp<base::Duration>(4 * (loop_.now() - writingSince_), options_.coalesce,
                                           std::max(options_.coalesce, kLongestCoalesce));
    if (changed) {
        waitThenWrite(coalesce_);
    } else {
        state_ = State::Idle;
    }
}

/// One line for each kind of failure, not one for each try.
void RegistrationStore::report(const base::Result<Replaced>& result) {
    if (!result) {
        if (failure_ != result.error().message) {
            failure_ = result.error().message;
            log::error("registrations not saved: {}", failure_);
        }
        return;
    }
    if (!failure_.empty()) {
        failure_.clear();
        log::info("registrations saved again to {}", options_.path);
    }
    if (*result == Replaced::InPlace && !warnedInPlace_) {
        warnedInPlace_ = true;
        log::warning("{} is overwritten in place, which a crash may spoil: its directory should "
                     "be writable for siproxd",
                     options_.path);
    }
}

}  // namespace siproxd::registrar
