// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace siproxd::access {

base::Result<std::string> readWholeFile(const std::string& path, std::size_t most) {
    const auto fail = [&](const char* why) {
        return base::fail(fmt::format("cannot read {}: {}", path, why));
    };
    // A FIFO would keep open() waiting.
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) {
        return fail(std::strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return fail("not a regular file");
    }
    std::string content;
    std::array<char, 16384> part;
    for (;;) {
        const auto n = ::read(fd.get(), part.data(), part.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail(std::strerror(errno));
        }
        if (n == 0) {
            return content;
        }
        content.append(part.data(), static_cast<std::size_t>(n));
        if (content.size() > most) {
            return fail("too large");
        }
    }
}

}  // namespace siproxd::access
