// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <memory>

#include "event/loop.h"
#include "net/interface_monitor.h"
#include "net/interface_selection.h"

namespace siproxd::app {

/// Knows which interfaces and addresses if_inbound and if_outbound mean at the moment, and says in
/// the log what has changed and what is waited for.
class InterfaceWatch {
public:
    using OnChanged = std::function<void(const net::SelectedInterfaces&)>;

    InterfaceWatch(net::InterfaceSelection selection, net::InterfaceTable table);

    [[nodiscard]] const net::SelectedInterfaces& selected() const { return selected_; }

    /// Follows changes from now on; not before the process has its final user. `onChanged` comes
    /// from the loop.
    void start(event::Loop& loop, OnChanged onChanged);

    /// The directives have changed: `onChanged` is called at once if that makes a difference.
    void select(net::InterfaceSelection selection);

private:
    void look(const net::InterfaceTable& table);

    net::InterfaceSelection selection_;
    net::InterfaceTable table_;  ///< as of the start; later the monitor has it
    net::SelectedInterfaces selected_;
    OnChanged onChanged_;
    std::unique_ptr<net::InterfaceMonitor> monitor_;
};

/// The line for the log: what is used and what is waited for.
[[nodiscard]] std::string describe(const net::SelectedInterfaces& selected);

}  // namespace siproxd::app
