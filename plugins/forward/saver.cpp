// SPDX-License-Identifier: GPL-2.0-or-later
#include "saver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

namespace forward {

namespace {

constexpr std::size_t kLongestFile = 16 * 1024 * 1024;

bool writeAll(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return ::fsync(fd) == 0;
}

/// Why it could not be written; empty: it has been.
std::string writeFile(const std::string& path, std::string_view text) {
    const std::string beside = path + ".new";
    const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return beside + ": " + std::strerror(errno);
    }
    const bool isWritten = writeAll(fd, text);
    const int error = errno;
    ::close(fd);
    if (!isWritten) {
        ::unlink(beside.c_str());
        return beside + ": " + std::strerror(error);
    }
    return std::rename(beside.c_str(), path.c_str()) == 0 ? "" : path + ": " + std::strerror(errno);
}

}  // namespace

Saver::Saver(std::string path) : path_(std::move(path)) {}

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
        thread_ = std::thread([this] { run(); });
    }
    changed_.notify_one();
}

std::optional<std::string> Saver::takeOutcome() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcome_, std::nullopt);
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
        auto failure = writeFile(path_, text);
        lock.lock();
        outcome_ = std::move(failure);
    }
}

std::optional<std::string> contentOf(const std::string& path, std::string& why) {
    why.clear();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        why = errno == ENOENT ? "" : path + ": " + std::strerror(errno);
        return std::nullopt;
    }
    std::string text;
    char buffer[16 * 1024];
    ssize_t size = 0;
    while ((size = ::read(fd, buffer, sizeof buffer)) > 0 && text.size() < kLongestFile) {
        text.append(buffer, static_cast<std::size_t>(size));
    }
    if (size < 0) {
        why = path + ": " + std::strerror(errno);
    } else if (size > 0) {
        why = path + " is too long";
    }
    ::close(fd);
    return why.empty() ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace forward
