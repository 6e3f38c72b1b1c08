// SPDX-License-Identifier: GPL-2.0-or-later
/// The contract between siproxd and its plugins, in C11. C++ plugins include plugin.hpp instead.
///
/// A plugin is a module plugin_NAME.so (or .la, or part of a static siproxd) that exports one
/// thing: a constant of type siproxd_plugin under the name SIPROXD_PLUGIN_SYMBOL(plugin_NAME). The
/// host reads it and refuses what does not fit before any function of the plugin is called.
///
/// Rules for both sides
/// - Everything but siproxd_host.resume is called in the signalling thread, and must not block: a
///   call that takes over 500 ms is logged, the third one ends the plugin. What takes longer is
///   done elsewhere, with the message suspended meanwhile.
/// - Messages, URIs and the host are opaque; their handles are valid for the call that got them
///   unless it says otherwise. Nothing of the plugin may be thrown across this interface.
/// - Strings are UTF-8 or whatever the wire had, and end with NUL. A NULL string given back means
///   that there is none. Strings from a message are borrowed: they live until the message is
///   changed through any function here, or the callback returns.
/// - Structures grow at the end only and carry their size; a plugin built for minor version N of
///   the interface runs in every siproxd of the same major version and minor version N or later.
#ifndef SIPROXD_PLUGIN_H
#define SIPROXD_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "api/constants.h"
#include "api/host.h"
#include "api/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The one thing that a plugin exports.
typedef struct siproxd_plugin {
    uint32_t magic;      ///< SIPROXD_PLUGIN_MAGIC
    uint16_t abi_major;  ///< SIPROXD_ABI_MAJOR
    uint16_t abi_minor;  ///< SIPROXD_ABI_MINOR
    uint32_t size;       ///< sizeof(siproxd_plugin)
    uint32_t stages;     ///< when the plugin is to be called: bits of SIPROXD_STAGE_…

    const char* name;         ///< plugin_NAME
    const char* description;  ///< one line
    const char* version;      ///< of the plugin, free text

    const siproxd_option* options;  ///< may be NULL
    uint32_t option_count;
    uint32_t option_size;  ///< sizeof(siproxd_option)

    /// Starts the plugin; `*state` is handed to the other callbacks. Options have been checked.
    /// Returns SIPROXD_CREATED, or else nothing of the plugin is called any more.
    int (*create)(const siproxd_host* host, siproxd_self* self, void** state);
    /// Ends it. Threads of the plugin must be gone when this returns. May be NULL.
    void (*destroy)(void* state);
    /// Called for each message at each stage asked for; returns SIPROXD_CONTINUE and so on. May be
    /// NULL when the TIMER stage is the only one.
    int (*process)(void* state, uint32_t stage, siproxd_message* message);
    /// Called about every 5 seconds; may be NULL without the TIMER stage.
    void (*tick)(void* state);

    // --- since 1.1

    /// Hears of every call (SIPROXD_CALL_…) unless hear_calls() says otherwise; returns 0, or what the event says. May be
    /// NULL.
    int (*call)(void* state, int event, const siproxd_call* call);
    /// Hears what else happens (SIPROXD_NOTICE_…). May be NULL.
    void (*notice)(void* state, int what);
    /// `siproxd --route-test`: what would become of a number that `from` (user@domain) dials, and why; nothing is
    /// sent. `print` takes one line at a time. 1: the plugin decides about it. May be NULL.
    int (*route)(void* state, const char* number, const char* from,
                 void (*print)(void* context, const char* line), void* context);
    /// Sees all SIP on the wire, before access lists and whatever becomes of it, unless see_traffic() says otherwise. May
    /// be NULL.
    void (*traffic)(void* state, const siproxd_packet* packet);

    // Minor versions to come add their callbacks here.
} siproxd_plugin;

/// The name of the exported constant of the module `name`, which libltdl finds in a static siproxd
/// too.
#define SIPROXD_PLUGIN_SYMBOL(name) SIPROXD_PLUGIN_SYMBOL_(name)
#define SIPROXD_PLUGIN_SYMBOL_(name) name##_LTX_siproxd_plugin

#if defined(__GNUC__)
#define SIPROXD_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define SIPROXD_PLUGIN_EXPORT
#endif

/// The first four members of a siproxd_plugin.
#define SIPROXD_PLUGIN_HEADER                                                                      \
    SIPROXD_PLUGIN_MAGIC, SIPROXD_ABI_MAJOR, SIPROXD_ABI_MINOR, (uint32_t)sizeof(siproxd_plugin)

#ifdef __cplusplus
}
#endif

#endif
