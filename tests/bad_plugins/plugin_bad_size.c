// SPDX-License-Identifier: GPL-2.0-or-later
// Exports less than the first version of the interface had.
#include <stddef.h>

#include "siproxd/plugin.h"

typedef struct {
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t size;
    uint32_t stages;
    const char* name;
} stump;

extern SIPROXD_PLUGIN_EXPORT const stump SIPROXD_PLUGIN_SYMBOL(plugin_bad_size);
const stump SIPROXD_PLUGIN_SYMBOL(plugin_bad_size) = {
    .magic = SIPROXD_PLUGIN_MAGIC,
    .abi_major = SIPROXD_ABI_MAJOR,
    .abi_minor = SIPROXD_ABI_MINOR,
    .size = sizeof(stump),
    .stages = SIPROXD_STAGE_PRE_PROXY,
    .name = "plugin_bad_size",
};
