// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/unique_fd.h"

namespace siproxd::registrar {

namespace {

constexpr mode_t kNewFileMode = 0640;

std::string reason(const std::string& doing, const std::string& path, int error) {
    return "cannot " + doing + " " + path + ": " + std::strerror(error);
}

/// 0, or errno.
int writeAll(int fd, std::string_view content) {
    while (!content.empty()) {
        const auto written = ::write(fd, content.data(), content.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

/// 0, or errno. Pipes and some file systems know no fsync; that is not an error of ours.
int flush(int fd) {
    return ::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

/// The file behind symbolic links; the path itself when there is no file yet.
std::string resolveLinks(const std::string& path) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
    return real ? std::string(real.get()) : path;
}

std::string directoryOf(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

base::Result<Replaced> overwrite(const std::string& path, std::string_view content) {
    const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) {
        return base::fail(reason("write", path, errno));
    }
    int error = writeAll(fd.get(), content);
    struct stat now {};
    if (error == 0 && ::fstat(fd.get(), &now) == 0 && S_ISREG(now.st_mode) &&
        ::ftruncate(fd.get(), static_cast<off_t>(content.size())) != 0) {
        error = errno;
    }
    if (error == 0) {
        error = flush(fd.get());
    }
    if (error != 0) {
        return base::fail(reason("write", path, error));
    }
    return Replaced::InPlace;
}

/// Fills the file that will take the place of `old`. 0, or errno.
int fill(int fd, std::string_view content, const struct stat* old) {
    if (old != nullptr && ::fchown(fd, old->st_uid, old->st_gid) != 0) {
        // Without the right to give it away the file is ours from now on, its group perhaps not.
        const int kept = ::fchown(fd, static_cast<uid_t>(-1), old->st_gid);
        static_cast<void>(kept);
    }
    // After the owner, whose change may clear bits of it.
    if (::fchmod(fd, old != nullptr ? old->st_mode & 0777 : kNewFileMode) != 0) {
        return errno;
    }
    const int error = writeAll(fd, content);
    return error != 0 ? error : flush(fd);
}

/// Whether the directory, not the disk, is what keeps us from replacing the file (not writable,
/// read-only with the file mounted on top, sticky).
bool isDirectorysFault(int error) {
    return error == EACCES || error == EPERM || error == EROFS || error == EBUSY || error == EXDEV;
}

void flushDirectory(const std::string& path) {
    const base::UniqueFd directory(
        ::open(directoryOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory) {
        // The new file is there already; a directory that cannot be flushed changes nothing for us.
        static_cast<void>(flush(directory.get()));
    }
}

}  // namespace

base::Result<Replaced> replaceFile(const std::string& path, std::string_view content) {
    const std::string target = resolveLinks(path);
    struct stat old {};
    const bool exists = ::stat(target.c_str(), &old) == 0;
    if (exists && !S_ISREG(old.st_mode)) {
        return overwrite(target, content);
    }
    const std::string temporary = target + ".new";
    // Left over by a crash. Always the same name, so that there is never more than one.
    ::unlink(temporary.c_str());
    base::UniqueFd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        const int error = errno;
        if (exists && isDirectorysFault(error)) {
            return overwrite(target, content);
        }
        return base::fail(reason("create", temporary, error));
    }
    int error = fill(fd.get(), content, exists ? &old : nullptr);
    fd.reset();
    if (error != 0) {
        ::unlink(temporary.c_str());
        return base::fail(reason("write", temporary, error));
    }
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
        error = errno;
        ::unlink(temporary.c_str());
        if (exists && isDirectorysFault(error)) {
            return overwrite(target, content);
        }
        return base::fail(reason("replace", target, error));
    }
    flushDirectory(target);
    return Replaced::Atomically;
}

}  // namespace siproxd::registrar
