// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/nft_runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace siproxd::app {

namespace {

constexpr std::chrono::milliseconds kCollect{200};
constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::milliseconds kLook{10};
constexpr std::size_t kMostWords = 512;

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

base::Result<pid_t> spawn(const std::string& program, const Pipe& input, const Pipe& output) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDERR_FILENO);
    std::string words[] = {program, "-f", "-"};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    pid_t child = 0;
    const int failure =
        ::posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
        return base::fail(fmt::format("{}: {}", program, std::strerror(failure)));
    }
    return child;
}

/// Its status; nothing: it had to be killed.
std::optional<int> await(pid_t child, std::chrono::steady_clock::time_point until) {
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > until) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            return std::nullopt;
        }
        ::poll(nullptr, 0, static_cast<int>(kLook.count()));
    }
    return status;
}

/// Everything that fits into the pipe at once; 64 kB are more than NftExport collects in a run.
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

base::Result<void> runNft(const std::string& commands, const std::string& program) {
    auto input = makePipe();
    auto output = makePipe();
    if (!input || !output) {
        return base::fail((input ? output : input).error().message);
    }
    const auto child = spawn(program, *input, *output);
    if (!child) {
        return std::unexpected(child.error());
    }
    input->read.reset();
    output->write.reset();
    const bool written = writeAll(input->write.get(), commands);
    input->write.reset();
    const auto status = await(*child, std::chrono::steady_clock::now() + kPatience);
    if (status == 0 && written) {
        return {};
    }
    char words[kMostWords];
    ::fcntl(output->read.get(), F_SETFL, O_NONBLOCK);
    const auto count = ::read(output->read.get(), words, sizeof words);
    const std::string_view said(words, count > 0 ? static_cast<std::size_t>(count) : 0);
    return base::fail(fmt::format("{} {}: {}", program, status ? "failed" : "did not end",
                                  base::printable(base::trim(said), kMostWords)));
}

/// What the thread's jobs need of the owner, which may be gone.
struct NftRunner::Shared {
    NftRunner* owner;
    bool busy = false;
};

NftRunner::NftRunner(event::Loop& loop, access::NftExport nft, access::BanList& bans)
    : loop_(loop), nft_(std::move(nft)), bans_(bans),
      shared_(std::make_shared<Shared>(Shared{this})), timer_(loop.timer([this] { flush(); })) {
    for (const auto& ban : bans_.list(loop_.now())) {
        nft_.add(ban, loop_.now());
    }
    bans_.addListener(*this);
    run(nft_.setup() + nft_.take());
}

NftRunner::~NftRunner() {
    shared_->owner = nullptr;
    bans_.removeListener(*this);
}

void NftRunner::onBanned(const access::Ban& ban) {
    nft_.add(ban, loop_.now());
    flushSoon();
}

void NftRunner::onUnbanned(const access::Ban& ban) {
    nft_.remove(ban);
    flushSoon();
}

void NftRunner::flushSoon() {
    if (!timer_->pending()) {
        timer_->start(kCollect);
    }
}

void NftRunner::flush() {
    if (shared_->busy) {
        return;  // what is over comes back here
    }
    if (auto commands = nft_.take(); !commands.empty()) {
        run(std::move(commands));
    }
}

void NftRunner::run(std::string commands) {
    shared_->busy = true;
    worker_.start([shared = shared_, &loop = loop_, text = std::move(commands)] {
        const auto done = runNft(text);
        loop.post([shared, done] {
            shared->busy = false;
            if (!done) {
                log::warningFromPeer("bans are not given to nftables: {}", done.error().message);
            }
            if (shared->owner != nullptr) {
                shared->owner->flush();
            }
        });
    });
}

}  // namespace siproxd::app
