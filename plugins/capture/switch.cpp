// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch.h"

#include <fcntl.h>
#include <unistd.h>

#include "../disk/quiet_thread.h"

namespace capture {

namespace {

constexpr std::size_t kLongestWish = 16 * 1024;

std::optional<std::string> contentOf(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return std::nullopt;
    }
    std::string text(kLongestWish, '\0');
    const auto size = ::read(fd, text.data(), text.size());
    ::close(fd);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
}

}  // namespace

Switch::~Switch() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Switch::look() {
    {
        const std::lock_guard lock(mutex_);
        isWanted_ = true;
    }
    if (!thread_.joinable()) {
        thread_ = siproxd::disk::quietThread([this] { run(); });
    }
    changed_.notify_one();
}

std::optional<std::string> Switch::content() {
    const std::lock_guard lock(mutex_);
    return content_;
}

void Switch::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return isWanted_ || ends_; });
        if (ends_) {
            return;
        }
        isWanted_ = false;
        lock.unlock();
        auto content = contentOf(path_);
        lock.lock();
        content_ = std::move(content);
    }
}

}  // namespace capture
