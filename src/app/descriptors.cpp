// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/descriptors.h"

#include <cap-ng.h>
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "media/relay.h"

namespace siproxd::app {

namespace {

/// Sockets, files, debug clients, name servers.
constexpr std::size_t kOther = 256;
/// RTP and RTCP on two addresses.
constexpr std::size_t kOfCall = 4;

}  // namespace

std::size_t descriptorsNeeded(const config::Settings& settings) {
    std::size_t media = 0;
    if (settings.media.rtpProxyEnable) {
        media::RelaySettings relay;
        relay.portLow = settings.media.rtpPortLow;
        // The setting is the last RTP port, the relay wants the last port of all.
        relay.portHigh = static_cast<std::uint16_t>(settings.media.rtpPortHigh + 1);
        relay.threads = settings.media.rtpThreads;
        media = media::descriptorsNeeded(relay);
    }
    return media + settings.network.tcpMaxConnections + kOther;
}

std::size_t callsPossible(const config::Settings& settings, std::size_t descriptors) {
    const std::size_t taken = settings.network.tcpMaxConnections + kOther;
    return descriptors > taken ? (descriptors - taken) / kOfCall : 0;
}

std::size_t descriptorsPossible() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (::capng_get_caps_process() == 0 &&
        ::capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_RESOURCE) == 1) {
        std::size_t most = 0;
        std::ifstream("/proc/sys/fs/nr_open") >> most;
        return std::max<std::size_t>(limit.rlim_max, most);
    }
    return limit.rlim_max;
}

base::Result<void> raiseDescriptorLimit(std::size_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return base::fail(std::strerror(errno));
    }
    if (limit.rlim_cur >= wanted) {
        return {};
    }
    const rlimit before = limit;
    limit.rlim_cur = wanted;
    limit.rlim_max = std::max<rlim_t>(limit.rlim_max, wanted);
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        return {};
    }
    limit = before;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < wanted) {
        return base::fail(fmt::format("{} open files are allowed, {} may be needed",
                                      limit.rlim_cur, wanted));
    }
    return {};
}

}  // namespace siproxd::app
