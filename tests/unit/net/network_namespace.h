// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fcntl.h>
#include <sched.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.h"
#include "support/catch.h"

namespace siproxd::net {

inline bool shell(const std::string& command) {
    return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

/// Moves this thread into a new network namespace with lan0 (veth) and ppp0 (tun), until it is
/// destroyed.
class Namespace {
public:
    Namespace() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
        isNew_ = before_ && ::unshare(CLONE_NEWNET) == 0;
        if (!isNew_) {
            WARN("skipped: a network namespace can be made by root only");
        } else if (!shell("ip link set lo up && ip tuntap add dev ppp0 mode tun && "
                          "ip link add lan0 type veth peer name phone0")) {
            WARN("skipped: ip(8) is missing, or the kernel's tun or veth devices");
            usable_ = false;
        }
    }
    ~Namespace() {
        if (isNew_) {
            (void)::setns(before_.get(), CLONE_NEWNET);
        }
    }
    Namespace(const Namespace&) = delete;
    Namespace& operator=(const Namespace&) = delete;

    [[nodiscard]] explicit operator bool() const { return isNew_ && usable_; }

private:
    base::UniqueFd before_;
    bool isNew_ = false;
    bool usable_ = true;
};

}  // namespace siproxd::net
