// SPDX-License-Identifier: GPL-2.0-or-later
#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cdr {

namespace {

std::string problemWith(const std::string& path) {
    return path + ": " + std::strerror(errno);
}

}  // namespace

std::string RecordFile::append(std::int64_t seconds, std::string_view lines) {
    const auto path = pattern_.at(seconds);
    if (!isCurrent(path)) {
        if (auto problem = open(path); !problem.empty()) {
            return problem;
        }
    }
    struct stat before {};
    if (::fstat(file_, &before) != 0) {
        return problemWith(path);
    }
    // In one go: other processes may write there, and nobody shall find half a line.
    const auto bytes = beginning(before.st_size).append(lines);
    const auto written = ::write(file_, bytes.data(), bytes.size());
    if (written == static_cast<ssize_t>(bytes.size())) {
        return "";
    }
    auto problem = written < 0 ? problemWith(path) : path + ": no space left";
    struct stat after {};
    if (written > 0 && ::fstat(file_, &after) == 0 && after.st_size == before.st_size + written &&
        ::ftruncate(file_, before.st_size) != 0) {
        problem += ", and half a line is there";
    }
    return problem;
}

bool RecordFile::isCurrent(const std::string& path) const {
    struct stat named {};
    struct stat opened {};
    return file_ >= 0 && path == path_ && ::stat(path.c_str(), &named) == 0 && ::fstat(file_, &opened) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

std::string RecordFile::open(const std::string& path) {
    close();
    constexpr int kHow = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    file_ = ::open(path.c_str(), kHow, 0640);
    if (file_ < 0 && errno == ENOENT) {
        makeDirectories(path);
        file_ = ::open(path.c_str(), kHow, 0640);
    }
    if (file_ < 0) {
        return problemWith(path);
    }
    struct stat status {};
    if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
        close();
        return path + ": it is no file";
    }
    path_ = path;
    return "";
}

/// What has to be written before the next line.
std::string RecordFile::beginning(std::int64_t size) const {
    if (size == 0) {
        return header_;
    }
    char last = '\n';
    // A disk that was full, or a machine that was switched off, has left half a line.
    return ::pread(file_, &last, 1, size - 1) == 1 && last != '\n' ? "\n" : "";
}

/// Those that are named by the date, and below.
void RecordFile::makeDirectories(const std::string& path) const {
    auto slash = path.find('/', pattern_.constant());
    for (; slash != std::string::npos; slash = path.find('/', slash + 1)) {
        ::mkdir(path.substr(0, slash).c_str(), 0750);
    }
}

void RecordFile::close() {
    if (const int file = std::exchange(file_, -1); file >= 0) {
        ::close(file);
    }
}

}  // namespace cdr
