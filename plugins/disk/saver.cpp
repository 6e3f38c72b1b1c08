// SPDX-License-Identifier: GPL-2.0-or-later
#include "saver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "quiet_thread.h"
#include "write_all.h"

namespace siproxd::disk {

Saver::Saver(std::string path, unsigned mode, bool isDurable)
    : path_(std::move(path)), mode_(mode), isDurable_(isDurable) {}

Saver::~Saver() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Saver::save(std::string text) {
    {
        const std::lock_guard lock(mutex_);
        wanted_ = std::move(text);
    }
    if (!thread_.joinable()) {
        thread_ = quietThread([this] { run(); });
    }
    changed_.notify_one();
}

std::optional<std::string> Saver::takeOutcome() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcome_, std::nullopt);
}

/// Why it could not be written; empty: it has been.
std::string Saver::write(std::string_view text) const {
    const std::string beside = path_ + ".new";
    const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode_);
    if (fd < 0) {
        return beside + ": " + std::strerror(errno);
    }
    const bool isWritten = writeAll(fd, text) && (!isDurable_ || ::fsync(fd) == 0);
    const int error = errno;
    ::close(fd);
    if (!isWritten) {
        ::unlink(beside.c_str());
        return beside + ": " + std::strerror(error);
    }
    return std::rename(beside.c_str(), path_.c_str()) == 0 ? "" : path_ + ": " + std::strerror(errno);
}

void Saver::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ends_ || wanted_.has_value(); });
        if (!wanted_) {
            return;
        }
        const auto text = *std::exchange(wanted_, std::nullopt);
        lock.unlock();
        auto failure = write(text);
        lock.lock();
        outcome_ = std::move(failure);
    }
}

}  // namespace siproxd::disk
