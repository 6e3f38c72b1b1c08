// SPDX-License-Identifier: GPL-2.0-or-later
#include "content.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace siproxd::disk {

namespace {

constexpr std::size_t kLongestFile = 16 * 1024 * 1024;

}  // namespace

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

}  // namespace siproxd::disk
