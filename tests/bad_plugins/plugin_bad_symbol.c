// SPDX-License-Identifier: GPL-2.0-or-later
// A module that is no plugin.
#include "siproxd/plugin.h"

extern SIPROXD_PLUGIN_EXPORT const int plugin_bad_symbol_LTX_something;
const int plugin_bad_symbol_LTX_something = 1;
