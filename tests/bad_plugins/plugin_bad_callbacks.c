// SPDX-License-Identifier: GPL-2.0-or-later
// Wants to be asked about messages and has nothing to ask.
#include "siproxd/plugin.h"

static int create(const siproxd_host* host, siproxd_self* self, void** state) {
    (void)host;
    (void)self;
    (void)state;
    return SIPROXD_CREATED;
}

extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_callbacks);
const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_callbacks) = {
    .magic = SIPROXD_PLUGIN_MAGIC,
    .abi_major = SIPROXD_ABI_MAJOR,
    .abi_minor = SIPROXD_ABI_MINOR,
    .size = sizeof(siproxd_plugin),
    .stages = SIPROXD_STAGE_PRE_PROXY,
    .name = "plugin_bad_callbacks",
    .description = "Not all there",
    .version = "1",
    .create = create,
};
