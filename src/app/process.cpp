// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/process.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "base/text.h"

namespace siproxd::app {

namespace {

std::string reason() {
    return std::strerror(errno);
}

}  // namespace

base::Result<Identity> lookUpIdentity(const std::string& user) {
    errno = 0;
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) {
        if (const auto uid = base::parseUnsigned(user, UINT32_MAX - 1)) {
            entry = ::getpwuid(static_cast<uid_t>(*uid));
        }
    }
    if (entry == nullptr) {
        return base::fail(fmt::format("user = {}: there is no such user", user));
    }
    Identity identity{entry->pw_name, entry->pw_uid, entry->pw_gid, {}};
    int count = 64;
    identity.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(entry->pw_name, entry->pw_gid, identity.groups.data(), &count) < 0) {
        identity.groups.resize(static_cast<std::size_t>(count));
        ::getgrouplist(entry->pw_name, entry->pw_gid, identity.groups.data(), &count);
    }
    identity.groups.resize(static_cast<std::size_t>(count));
    return identity;
}

base::Result<void> enterJail(const std::string& directory) {
    if (::chroot(directory.c_str()) != 0 || ::chdir("/") != 0) {
        return base::fail(fmt::format("chrootjail = {}: {}", directory, reason()));
    }
    return {};
}

base::Result<void> becomeUser(const Identity& identity, Keeps keeps) {
    // Until the rights are chosen below.
    if (keeps != Keeps::Nothing && ::prctl(PR_SET_KEEPCAPS, 1) != 0) {
        return base::fail("cannot keep a capability: " + reason());
    }
    if (::setgroups(identity.groups.size(), identity.groups.data()) != 0 ||
        ::setresgid(identity.gid, identity.gid, identity.gid) != 0 ||
        ::setresuid(identity.uid, identity.uid, identity.uid) != 0) {
        return base::fail(fmt::format("cannot become user {}: {}", identity.name, reason()));
    }
    if (keeps == Keeps::NetAdmin && identity.uid != 0) {
        ::capng_clear(CAPNG_SELECT_CAPS);
        if (::capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                           CAP_NET_ADMIN) != 0 ||
            ::capng_apply(CAPNG_SELECT_CAPS) != 0) {
            return base::fail("cannot keep CAP_NET_ADMIN and nothing else");
        }
    }
    uid_t real = 0;
    uid_t effective = 0;
    uid_t saved = 0;
    if (::getresuid(&real, &effective, &saved) != 0 || real != identity.uid ||
        effective != identity.uid || saved != identity.uid ||
        (identity.uid != 0 && ::setuid(0) == 0)) {
        return base::fail(fmt::format("user {} could get its root privileges back", identity.name));
    }
    return {};
}

base::Result<void> forgoRights() {
    if (::capng_get_caps_process() != 0) {
        return base::fail("cannot tell which capabilities there are");
    }
    constexpr auto kOwn =
        static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_AMBIENT);
    bool changed = false;
    for (unsigned right = 0; right <= CAP_LAST_CAP; ++right) {
        if (right != CAP_NET_ADMIN && right != CAP_NET_BIND_SERVICE &&
            ::capng_have_capability(CAPNG_PERMITTED, right) == 1) {
            changed = ::capng_update(CAPNG_DROP, kOwn, right) == 0 || changed;
        }
    }
    if (changed && ::capng_apply(static_cast<capng_select_t>(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT)) != 0) {
        return base::fail("cannot give up capabilities that are needed at the start only");
    }
    return {};
}

base::Result<Background> Background::enter() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return base::fail("cannot go into the background: " + reason());
    }
    base::UniqueFd readEnd(ends[0]);
    base::UniqueFd writeEnd(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) {
        return base::fail("cannot go into the background: " + reason());
    }
    if (child > 0) {
        writeEnd.reset();
        char byte = 0;
        ssize_t n = 0;
        do {
            n = ::read(readEnd.get(), &byte, 1);
        } while (n < 0 && errno == EINTR);
        ::_exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    ::setsid();
    // Once more, so that no terminal can become ours again.
    const pid_t grandchild = ::fork();
    if (grandchild != 0) {
        ::_exit(grandchild > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return Background(std::move(writeEnd));
}

void Background::ready() {
    const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (null) {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            ::dup2(null.get(), fd);
        }
    }
    const char byte = 1;
    [[maybe_unused]] const auto n = ::write(notify_.get(), &byte, 1);
    notify_.reset();
}

PidFile::PidFile(std::string path, const std::optional<Identity>& owner) : path_(std::move(path)) {
    if (path_.empty()) {
        return;
    }
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
        log::warning("couldn't delete old PID file: {}", reason());
    }
    // Not through a link that somebody has put there meanwhile.
    file_ = base::UniqueFd(
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    const std::string text = fmt::format("{}\n", ::getpid());
    if (!file_ || ::write(file_.get(), text.data(), text.size()) < 0) {
        log::warning("couldn't create new PID file: {}", reason());
        return;
    }
    if (owner && ::fchown(file_.get(), owner->uid, owner->gid) != 0) {
        log::debug(log::Class::NoSpec, "PID file stays root's: {}", reason());
    }
}

PidFile::~PidFile() {
    if (file_ && ::unlink(path_.c_str()) != 0) {
        // The directory is not ours: an empty file says at least that nobody runs.
        [[maybe_unused]] const int n = ::ftruncate(file_.get(), 0);
    }
}

void prepareStateFile(const std::string& path, const Identity& owner) {
    if (path.empty() || ::geteuid() != 0) {
        return;
    }
    const base::UniqueFd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
    if (!file) {
        log::warning("{} cannot be created: {}", path, reason());
    } else if (::fchown(file.get(), owner.uid, owner.gid) != 0) {
        log::warning("{} cannot be given to {}: {}", path, owner.name, reason());
    }
}

void allowRealTimePriority() {
    const rlimit lowest{1, 1};
    if (::geteuid() == 0 && ::setrlimit(RLIMIT_RTPRIO, &lowest) != 0) {
        log::debug(log::Class::NoSpec, "no real-time priority for media: {}", reason());
    }
}

}  // namespace siproxd::app
