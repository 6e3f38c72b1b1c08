// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/unique_fd.h"

namespace siproxd::base {

namespace {

constexpr int kPatience = 5000;  // milliseconds

using Step = ReadFailure::Step;

std::unexpected<ReadFailure> failed(Step step, int error) {
    return std::unexpected(ReadFailure{step, error, std::strerror(error)});
}

/// Bytes read, 0 at the end, -1 and errno. The descriptor does not block by itself.
ssize_t readSome(int fd, std::span<char> buffer) {
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count >= 0 || (errno != EINTR && errno != EAGAIN)) {
            return count;
        }
        if (errno == EAGAIN) {
            pollfd ready{fd, POLLIN, 0};
            if (::poll(&ready, 1, kPatience) == 0) {
                errno = EAGAIN;
                return -1;
            }
        }
    }
}

}  // namespace

std::expected<std::string, ReadFailure> readWholeFile(const std::string& path, std::size_t most,
                                                      FileKind kind) {
    // Without O_NONBLOCK a FIFO would keep open() waiting.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return failed(Step::Open, errno);
    }
    if (kind == FileKind::Regular && !S_ISREG(status.st_mode)) {
        return std::unexpected(ReadFailure{Step::Kind, 0, "not a regular file"});
    }
    std::string content;
    std::array<char, 65536> buffer;
    for (;;) {
        const auto count = readSome(fd.get(), buffer);
        if (count < 0) {
            return failed(Step::Read, errno);
        }
        if (count == 0) {
            return content;
        }
        if (content.size() + static_cast<std::size_t>(count) > most) {
            return std::unexpected(ReadFailure{Step::Size, 0, "too large"});
        }
        content.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

FileIdentity FileIdentity::of(const std::string& path) {
    struct stat now {};
    if (::stat(path.c_str(), &now) != 0) {
        return {};
    }
    return {now.st_dev, now.st_ino, now.st_size, now.st_mtim.tv_sec, now.st_mtim.tv_nsec};
}

bool FileWatch::changed() {
    const auto now = FileIdentity::of(path_);
    return now != FileIdentity{} && std::exchange(known_, now) != now;
}

}  // namespace siproxd::base
