// SPDX-License-Identifier: GPL-2.0-or-later
#include "ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "../disk/quiet_thread.h"
#include "../disk/write_all.h"

namespace capture {

using siproxd::disk::writeAll;

namespace {

constexpr std::size_t kMostWaiting = 8 * 1024 * 1024;  // bytes
/// With so many it does not rest.
constexpr std::size_t kHurry = kMostWaiting / 4;
/// The first packet is written at once, those that follow it within that time together: waking a thread costs more than
/// writing a packet.
constexpr std::chrono::milliseconds kRest{20};

}  // namespace

Ring::Ring(Settings settings) : settings_(std::move(settings)) {}

Ring::~Ring() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
    close();
}

std::string Ring::nameOf(const Settings& settings, unsigned index) {
    if (settings.files == 1) {
        return settings.path;
    }
    const auto slash = settings.path.rfind('/');
    auto dot = settings.path.rfind('.');
    if (dot == std::string::npos || (slash != std::string::npos && dot < slash)) {
        dot = settings.path.size();
    }
    auto number = std::to_string(index + 1);
    number.insert(0, std::to_string(settings.files).size() - number.size(), '0');
    return settings.path.substr(0, dot) + "-" + number + settings.path.substr(dot);
}

unsigned Ring::firstIndex() const {
    unsigned best = 0;
    ::timespec latest{};
    for (unsigned i = 0; i < settings_.files; ++i) {
        struct ::stat status {};
        if (::stat(nameOf(settings_, i).c_str(), &status) != 0) {
            return i;
        }
        const auto& time = status.st_mtim;
        if (time.tv_sec > latest.tv_sec || (time.tv_sec == latest.tv_sec && time.tv_nsec >= latest.tv_nsec)) {
            latest = time;
            best = (i + 1) % settings_.files;
        }
    }
    return best;
}

void Ring::write(std::int64_t time, std::string_view packet, std::string_view comment) {
    auto record = packetRecord(settings_.format, time, packet, comment);
    bool isNews = false;
    {
        const std::lock_guard lock(mutex_);
        if (bytes_ + record.size() > kMostWaiting) {
            ++trouble_.lost;
            return;
        }
        isNews = isAwaited_ ? waiting_.empty() : bytes_ < kHurry && bytes_ + record.size() >= kHurry;
        bytes_ += record.size();
        waiting_.push_back(std::move(record));
        if (!thread_.joinable()) {
            thread_ = siproxd::disk::quietThread([this] { run(); });
        }
    }
    if (isNews) {
        changed_.notify_one();
    }
}

void Ring::flush() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return waiting_.empty() && !isBusy_; });
}

Ring::Trouble Ring::takeTrouble() {
    const std::lock_guard lock(mutex_);
    return std::exchange(trouble_, {});
}

void Ring::fail(const std::string& what, std::size_t packets) {
    const std::string why = what + ": " + std::strerror(errno);
    const std::lock_guard lock(mutex_);
    trouble_.error = why;
    trouble_.lost += packets;
}

bool Ring::open() {
    const auto name = nameOf(settings_, index_);
    fd_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    const auto header = fileHeader(settings_.format);
    if (fd_ < 0 || !writeAll(fd_, header)) {
        fail(name, 1);
        close();
        return false;
    }
    length_ = header.size();
    return true;
}

void Ring::close() {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

/// As many of them, from `first` on, as fit into one file; the next one.
std::size_t Ring::append(const std::deque<std::string>& records, std::size_t first) {
    if (fd_ >= 0 && length_ + records[first].size() > settings_.size) {
        close();
        index_ = (index_ + 1) % settings_.files;
    }
    if (fd_ < 0 && !open()) {
        return first + 1;
    }
    std::string together;
    std::size_t next = first;
    do {
        together += records[next++];
    } while (next < records.size() && length_ + together.size() + records[next].size() <= settings_.size);
    if (!writeAll(fd_, together)) {
        fail(nameOf(settings_, index_), next - first);
        // What is in the file stays, without the half of a packet at its end.
        if (::ftruncate(fd_, static_cast<::off_t>(length_)) != 0) {
            close();
        }
        return next;
    }
    length_ += together.size();
    return next;
}

void Ring::run() {
    index_ = firstIndex();
    std::unique_lock lock(mutex_);
    for (;;) {
        isAwaited_ = true;
        changed_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
        isAwaited_ = false;
        if (waiting_.empty()) {
            return;
        }
        const auto records = std::exchange(waiting_, {});
        bytes_ = 0;
        isBusy_ = true;
        lock.unlock();
        for (std::size_t next = 0; next < records.size();) {
            next = append(records, next);
        }
        lock.lock();
        isBusy_ = false;
        idle_.notify_all();
        changed_.wait_for(lock, kRest, [this] { return ends_ || bytes_ >= kHurry; });
    }
}

}  // namespace capture
