// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/subprocess.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "base/unique_fd.h"

namespace siproxd::app {

namespace {

constexpr std::chrono::milliseconds kLook{10};
constexpr std::size_t kMostWords = 512;  // of an error

struct Pipe {
    base::UniqueFd read;
    base::UniqueFd write;
};

base::Result<Pipe> makePipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return base::fail(std::string("pipe: ") + std::strerror(errno));
    }
    return Pipe{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

base::Result<pid_t> spawn(std::vector<std::string> words, const Pipe& input, const Pipe& output) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDERR_FILENO);
    std::vector<char*> arguments;
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failure =
        ::posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
        return base::fail(fmt::format("{}: {}", words.front(), std::strerror(failure)));
    }
    return child;
}

/// What there is to be read; what is above `most` is thrown away.
void readSome(int fd, std::size_t most, std::string& said) {
    std::array<char, 4096> buffer;
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count <= 0) {
            return;
        }
        const auto room = most - std::min(most, said.size());
        said.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
    }
}

/// Its status; nothing: it had to be killed.
std::optional<int> await(pid_t child, int output, std::size_t most, std::string& said,
                         std::chrono::steady_clock::time_point until) {
    int status = 0;
    bool late = false;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > until) {
            late = true;
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            break;
        }
        // It could not go on if nobody read what it says.
        readSome(output, most, said);
        ::poll(nullptr, 0, static_cast<int>(kLook.count()));
    }
    readSome(output, most, said);
    return late ? std::nullopt : std::optional(status);
}

/// Everything that fits into the pipe at once; 64 kB at least.
bool writeAll(int fd, std::string_view text) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
            continue;
        }
        pollfd ready{fd, POLLOUT, 0};
        if (errno != EAGAIN || ::poll(&ready, 1, 1000) != 1) {
            return false;
        }
    }
    return true;
}

}  // namespace

base::Result<std::string> runProgram(const std::vector<std::string>& words, std::string_view input,
                                     std::size_t most, std::chrono::milliseconds patience) {
    auto toIt = makePipe();
    auto fromIt = makePipe();
    if (!toIt || !fromIt) {
        return base::fail((toIt ? fromIt : toIt).error().message);
    }
    const auto child = spawn(words, *toIt, *fromIt);
    if (!child) {
        return std::unexpected(child.error());
    }
    toIt->read.reset();
    fromIt->write.reset();
    ::fcntl(fromIt->read.get(), F_SETFL, O_NONBLOCK);
    const bool written = writeAll(toIt->write.get(), input);
    toIt->write.reset();
    std::string said;
    const auto status = await(*child, fromIt->read.get(), std::max(most, kMostWords), said,
                              std::chrono::steady_clock::now() + patience);
    if (status == 0 && written) {
        said.resize(std::min(said.size(), most));
        return said;
    }
    return base::fail(fmt::format("{} {}: {}", words.front(), status ? "failed" : "did not end",
                                  base::printable(base::trim(said), kMostWords)));
}

}  // namespace siproxd::app
