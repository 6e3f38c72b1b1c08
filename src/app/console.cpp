// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/console.h"

#include <fmt/core.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include "app/version.h"
#include "base/log.h"

namespace siproxd::app {

namespace {

constexpr std::size_t kMaxBacklog = 256 * 1024;  // bytes a client may lag behind
constexpr std::size_t kMaxCommand = 256;

}  // namespace

/// One connection. Lines come from any thread, bytes leave in the loop's.
class Console::Client final : public log::Sink {
public:
    Client(Console& console, base::UniqueFd fd, std::uint32_t classes)
        : console_(console), fd_(std::move(fd)), classes_(classes) {
        watch_ = console_.loop_.watch(fd_.get(), event::kReadable,
                                      [this](std::uint8_t ready) { onReady(ready); });
        greet();
        attachment_ = log::Attachment(*this);
    }

    [[nodiscard]] log::Level threshold() const override { return log::Level::Debug; }
    [[nodiscard]] std::uint32_t debugClasses() const override { return classes_; }

    void write(const log::Record& record) override {
        const std::string line = log::formatLine(record);
        const std::lock_guard lock(mutex_);
        if (backlog_.size() + line.size() > kMaxBacklog) {
            ++lost_;
            return;
        }
        if (lost_ > 0) {
            backlog_ += fmt::format("({} lines lost)\r\n", lost_);
            lost_ = 0;
        }
        append(line);
    }

private:
    void greet() {
        const std::lock_guard lock(mutex_);
        append(fmt::format("INFO: Accepted DEBUG TCP connection [fd={}], debugpattern={}",
                           fd_.get(), static_cast<std::int32_t>(classes_.load())));
        append(versionText());
    }

    /// With the lock held.
    void append(std::string_view line) {
        backlog_ += line;
        backlog_ += "\r\n";
        if (!flushing_) {
            flushing_ = true;
            // The client may be gone when the loop gets there.
            console_.loop_.post([this, watch = std::weak_ptr(alive_)] {
                if (watch.lock()) {
                    deliver();
                }
            });
        }
    }

    void deliver() {
        std::string out;
        {
            const std::lock_guard lock(mutex_);
            out.swap(backlog_);
        }
        const auto sent = ::send(fd_.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            console_.remove(this);
            return;
        }
        out.erase(0, sent < 0 ? 0 : static_cast<std::size_t>(sent));
        const std::lock_guard lock(mutex_);
        backlog_.insert(0, out);
        flushing_ = !backlog_.empty();
        watch_->setInterest(flushing_ ? event::kReadable | event::kWritable : event::kReadable);
    }

    void onReady(std::uint8_t ready) {
        if ((ready & event::kReadable) != 0 && !read()) {
            console_.remove(this);
            return;
        }
        if ((ready & event::kWritable) != 0) {
            deliver();
        }
    }

    bool read() {
        char buffer[kMaxCommand];
        const auto n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        for (ssize_t i = 0; i < n; ++i) {
            if (buffer[i] == '\n') {
                obey(command_);
                command_.clear();
            } else if (command_.size() < kMaxCommand) {
                command_ += buffer[i];
            }
        }
        return true;
    }

    void obey(const std::string& command) {
        char* end = nullptr;
        errno = 0;
        const long long value = std::strtoll(command.c_str(), &end, 0);
        if (end == command.c_str() || errno != 0 || value < -1 || value > UINT32_MAX) {
            return;
        }
        classes_ = static_cast<std::uint32_t>(value);
        log::refresh();
        const std::lock_guard lock(mutex_);
        append(fmt::format("INFO: debugpattern={}", value));
    }

    Console& console_;
    base::UniqueFd fd_;
    std::atomic<std::uint32_t> classes_;
    std::string command_;
    std::mutex mutex_;
    std::string backlog_;
    std::size_t lost_ = 0;
    bool flushing_ = false;
    // Shared, because posted flushes must know that the client has gone.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::unique_ptr<event::Watch> watch_;
    log::Attachment attachment_;
};

base::Result<std::unique_ptr<Console>> Console::listen(event::Loop& loop,
                                                       const base::SocketAddress& address,
                                                       std::uint32_t debugClasses) {
    sockaddr_storage storage{};
    const socklen_t length = address.toSockaddr(storage);
    base::UniqueFd fd(
        ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
        ::listen(fd.get(), 8) != 0) {
        return base::fail(
            fmt::format("debug port {}: {}", address.toString(), std::strerror(errno)));
    }
    return std::unique_ptr<Console>(new Console(loop, std::move(fd), debugClasses));
}

Console::Console(event::Loop& loop, base::UniqueFd listener, std::uint32_t debugClasses)
    : loop_(loop), listener_(std::move(listener)), debugClasses_(debugClasses) {
    watch_ =
        loop_.watch(listener_.get(), event::kReadable, [this](std::uint8_t) { accept(); });
}

Console::~Console() = default;

base::SocketAddress Console::address() const {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    return base::SocketAddress::fromSockaddr(reinterpret_cast<const sockaddr*>(&storage));
}

void Console::accept() {
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
        return;
    }
    if (clients_.size() >= kMaxClients) {
        constexpr std::string_view kFull = "INFO: Rejected DEBUG TCP connection: too many\r\n";
        [[maybe_unused]] const auto n =
            ::send(fd.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    constexpr std::uint32_t kEverything = UINT32_MAX;
    clients_.push_back(std::make_unique<Client>(*this, std::move(fd),
                                                debugClasses_ != 0 ? debugClasses_ : kEverything));
}

void Console::remove(Client* client) {
    clients_.remove_if([client](const auto& other) { return other.get() == client; });
}

}  // namespace siproxd::app
