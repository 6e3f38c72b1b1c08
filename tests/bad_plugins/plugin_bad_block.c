// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the signalling thread for longer than it may.
#include <time.h>

#include "siproxd/plugin.h"

static int create(const siproxd_host* host, siproxd_self* self, void** state) {
    (void)host;
    (void)self;
    *state = NULL;
    return SIPROXD_CREATED;
}

static int process(void* state, uint32_t stage, siproxd_message* message) {
    const clock_t start = clock();
    (void)state;
    (void)stage;
    (void)message;
    while (clock() - start < CLOCKS_PER_SEC / 100) {
    }
    return SIPROXD_CONTINUE;
}

extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_block);
const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_block) = {
    .magic = SIPROXD_PLUGIN_MAGIC,
    .abi_major = SIPROXD_ABI_MAJOR,
    .abi_minor = SIPROXD_ABI_MINOR,
    .size = sizeof(siproxd_plugin),
    .stages = SIPROXD_STAGE_PRE_PROXY,
    .name = "plugin_bad_block",
    .description = "Takes 10 ms for each message",
    .version = "1",
    .create = create,
    .process = process,
};
