// SPDX-License-Identifier: GPL-2.0-or-later
// Exports the right name and something else under it.
#include <stdlib.h>

#include "siproxd/plugin.h"

static int create(const siproxd_host* host, siproxd_self* self, void** state) {
    (void)host;
    (void)self;
    (void)state;
    abort();
}

extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_magic);
const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(plugin_bad_magic) = {
    .magic = 0xDEADBEEFu,
    .abi_major = SIPROXD_ABI_MAJOR,
    .abi_minor = SIPROXD_ABI_MINOR,
    .size = sizeof(siproxd_plugin),
    .name = "plugin_bad_magic",
    .description = "Something else",
    .version = "1",
    .create = create,
};
