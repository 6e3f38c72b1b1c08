// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/system_names.h"

#include <chrono>
#include <utility>

namespace siproxd::dns {

namespace {

constexpr base::Duration kCheckInterval = std::chrono::seconds(5);
constexpr std::size_t kMaxSize = 1024 * 1024;

}  // namespace

SystemNames::SystemNames(const base::Clock& clock, std::string path)
    : clock_(clock), path_(std::move(path)), watch_(path_, base::FileIdentity::of(path_)),
      checked_(clock.now()) {
    read();
}

bool SystemNames::changed() {
    if (clock_.now() - checked_ < kCheckInterval) {
        return false;
    }
    checked_ = clock_.now();
    if (!watch_.changed()) {
        return false;
    }
    read();
    return true;
}

void SystemNames::read() {
    configuration_ = parseResolvConf(base::readWholeFile(path_, kMaxSize).value_or(""));
    if (configuration_.servers.empty()) {
        configuration_.servers.push_back({*base::IpAddress::parse("127.0.0.1"), 53});
    }
}

}  // namespace siproxd::dns
