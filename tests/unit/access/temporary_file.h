// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace siproxd::test {

/// A file that is gone at the end of the test.
class TemporaryFile {
public:
    explicit TemporaryFile(std::string_view content) {
        ::close(::mkstemp(path_.data()));
        write(content);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { ::unlink(path_.c_str()); }

    void write(std::string_view content) const {
        if (auto* file = std::fopen(path_.c_str(), "w")) {
            std::fwrite(content.data(), 1, content.size(), file);
            std::fclose(file);
        }
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = "/tmp/siproxd_access_XXXXXX";
};

}  // namespace siproxd::test
