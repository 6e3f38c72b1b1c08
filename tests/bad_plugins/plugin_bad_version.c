// SPDX-License-Identifier: GPL-2.0-or-later
// Speaks another major version of the interface. Must be refused before create() is called.
#include <stdlib.h>

#include "siproxd/plugin.h"

static int create(const siproxd_host* host, siproxd_self* self, void** state) {
    (void)host;
    (void)self;
    (void)state;
    abort();
}

extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_version);
const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_version) = {
    .magic = SIPROXD_PLUGIN_MAGIC,
    .abi_major = SIPROXD_ABI_MAJOR + 1,
    .abi_minor = 0,
    .size = sizeof(siproxd_plugin),
    .name = "plugin_bad_version",
    .description = "Of another time",
    .version = "1",
    .create = create,
};
