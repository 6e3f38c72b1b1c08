// SPDX-License-Identifier: GPL-2.0-or-later
#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cdr {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Between an end that is asked for and one that is made.
constexpr auto kGrace = 500ms;

/// What is set up in the new process.
class Setting {
public:
    explicit Setting(int input) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
        // What it says goes where siproxd's own complaints do.
        ::posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
#endif
#endif
        ::posix_spawnattr_init(&attributes_);
        sigset_t all;
        sigset_t none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setpgroup(&attributes_, 0);
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    }
    ~Setting() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&actions_);
    }
    Setting(const Setting&) = delete;
    Setting& operator=(const Setting&) = delete;

    [[nodiscard]] int spawn(pid_t& process, std::vector<std::string> words) const {
        std::vector<char*> arguments;
        for (auto& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        return ::posix_spawn(&process, arguments.front(), &actions_, &attributes_, arguments.data(), environ);
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

std::string endText(int status) {
    if (WIFSIGNALED(status)) {
        return "was ended by signal " + std::to_string(WTERMSIG(status));
    }
    return "ended with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

std::string Child::start(const std::vector<std::string>& words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return std::string("pipe: ") + std::strerror(errno);
    }
    const int failure = Setting(ends[0]).spawn(process_, words);
    ::close(ends[0]);
    if (failure != 0) {
        process_ = 0;
        ::close(ends[1]);
        return std::strerror(failure);
    }
    input_ = ends[1];
    ::fcntl(input_, F_SETFL, O_NONBLOCK);
    return "";
}

std::string Child::reap() {
    return waitFor(0ms) ? endText(status_) : "";
}

std::size_t Child::write(std::string_view bytes, std::chrono::milliseconds patience, bool& isReading) {
    auto written = ::write(input_, bytes.data(), bytes.size());
    if (written < 0 && errno == EAGAIN) {
        pollfd ready{input_, POLLOUT, 0};
        ::poll(&ready, 1, static_cast<int>(patience.count()));
        written = ::write(input_, bytes.data(), bytes.size());
    }
    isReading = written >= 0 || errno == EAGAIN || errno == EINTR;
    return written > 0 ? static_cast<std::size_t>(written) : 0;
}

void Child::end(std::chrono::milliseconds patience) {
    if (!isThere()) {
        return;
    }
    closeInput();
    const auto group = -process_;
    if (waitFor(patience)) {
        return;
    }
    ::kill(group, SIGTERM);
    if (!waitFor(kGrace)) {
        ::kill(group, SIGKILL);
        ::waitpid(std::exchange(process_, 0), &status_, 0);
    }
}

/// Whether it is gone, within that time.
bool Child::waitFor(std::chrono::milliseconds patience) {
    const auto until = Clock::now() + patience;
    while (isThere()) {
        const auto result = ::waitpid(process_, &status_, WNOHANG);
        if (result == process_ || (result < 0 && errno == ECHILD)) {
            process_ = 0;
            closeInput();
        } else if (Clock::now() >= until) {
            return false;
        } else {
            ::poll(nullptr, 0, 10);
        }
    }
    return true;
}

void Child::closeInput() {
    if (const int input = std::exchange(input_, -1); input >= 0) {
        ::close(input);
    }
}

}  // namespace cdr
