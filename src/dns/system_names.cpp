// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/system_names.h"

#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <utility>

namespace siproxd::dns {

namespace {

constexpr base::Duration kCheckInterval = std::chrono::seconds(5);
constexpr std::size_t kMaxSize = 16 * 1024;

}  // namespace

SystemNames::SystemNames(const base::Clock& clock, std::string path)
    : clock_(clock), path_(std::move(path)), stamp_(stamp()), checked_(clock.now()) {
    read();
}

bool SystemNames::changed() {
    if (clock_.now() - checked_ < kCheckInterval) {
        return false;
    }
    checked_ = clock_.now();
    const auto now = stamp();
    // A file that has gone is one that is being replaced, or we are in a chroot.
    if (!now || now == stamp_) {
        return false;
    }
    stamp_ = now;
    read();
    return true;
}

std::optional<SystemNames::Stamp> SystemNames::stamp() const {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) {
        return std::nullopt;
    }
    return Stamp{status.st_dev, status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

void SystemNames::read() {
    std::string text(kMaxSize, '\0');
    std::ifstream file(path_);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    configuration_ = parseResolvConf(text);
    if (configuration_.servers.empty()) {
        configuration_.servers.push_back({*base::IpAddress::parse("127.0.0.1"), 53});
    }
}

}  // namespace siproxd::dns
