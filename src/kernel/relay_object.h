// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>

namespace siproxd::kernel {

/// relay.bpf.c as it was compiled: an ELF object for libbpf. Made by the build.
[[nodiscard]] std::span<const std::byte> relayObject();

}  // namespace siproxd::kernel
