// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "plugin/chain.h"
#include "plugin/handles.h"

namespace siproxd::plugin {

/// What a plugin's answer means for the message.
struct Reading {
    Outcome outcome = {};        ///< Continue: the next plugin is asked
    std::string complaint = {};  ///< why the answer made no sense; empty: it did
};

/// `verdict` is what process() returned, `draft` what the plugin said before; it is used up.
[[nodiscard]] Reading readVerdict(int verdict, const Context& context, Draft& draft);

/// Whether the one who runs the chain can put the message aside.
[[nodiscard]] bool maySuspend(Stage stage, const Context& context);

}  // namespace siproxd::plugin
