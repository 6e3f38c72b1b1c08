// SPDX-License-Identifier: GPL-2.0-or-later
// Built on the C interface in C++ and lets exceptions out, which the host has to stop.
#include <stdexcept>

#include "siproxd/plugin.h"

namespace {

int create(const siproxd_host*, siproxd_self*, void** state) {
    *state = nullptr;
    return SIPROXD_CREATED;
}

int process(void*, std::uint32_t stage, siproxd_message*) {
    if (stage == SIPROXD_STAGE_PRE_PROXY) {
        throw std::runtime_error("bad day");
    }
    throw 42;
}

void tick(void*) {
    throw std::logic_error("bad hour");
}

}  // namespace

extern "C" {
extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_throw);
const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_throw) = {
    SIPROXD_PLUGIN_HEADER,
    SIPROXD_STAGE_TIMER | SIPROXD_STAGE_PRE_PROXY | SIPROXD_STAGE_POST_PROXY,
    "plugin_bad_throw",
    "Throws",
    "1",
    nullptr,
    0,
    0,
    create,
    nullptr,
    process,
    tick,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};
}
