// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/interface_watch.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/log.h"

namespace siproxd::app {

std::string describe(const net::SelectedInterfaces& selected) {
    std::vector<std::string> missing = selected.inbound.missing;
    missing.insert(missing.end(), selected.outbound.missing.begin(),
                   selected.outbound.missing.end());
    auto text = fmt::format("inbound {}, outbound {}", selected.inbound.toString(),
                            selected.outbound.toString());
    if (!missing.empty()) {
        text += fmt::format("; waiting for {}", fmt::join(missing, ", "));
    }
    return text;
}

InterfaceWatch::InterfaceWatch(net::InterfaceSelection selection, net::InterfaceTable table)
    : selection_(std::move(selection)), table_(std::move(table)),
      selected_(selection_.resolve(table_)) {
    if (selected_.complete()) {
        log::info("interfaces: {}", describe(selected_));
    } else {
        log::warning("interfaces: {}", describe(selected_));
    }
}

void InterfaceWatch::start(event::Loop& loop, OnChanged onChanged) {
    onChanged_ = std::move(onChanged);
    monitor_ = std::make_unique<net::InterfaceMonitor>(
        loop, std::move(table_), [this](const net::InterfaceTable& table) { look(table); });
}

void InterfaceWatch::select(net::InterfaceSelection selection) {
    selection_ = std::move(selection);
    // The monitor may just be about to learn what has changed as well.
    const auto fresh = net::InterfaceTable::read();
    look(fresh ? *fresh : monitor_ ? monitor_->table() : table_);
}

void InterfaceWatch::look(const net::InterfaceTable& table) {
    auto now = selection_.resolve(table);
    if (now == selected_) {
        return;
    }
    // Lifetimes and the like may have changed, which is nobody's business.
    const bool shows = describe(now) != describe(selected_);
    selected_ = std::move(now);
    if (shows && selected_.complete()) {
        log::info("interfaces have changed: {}", describe(selected_));
    } else if (shows) {
        log::warning("interfaces have changed: {}", describe(selected_));
    }
    if (onChanged_) {
        onChanged_(selected_);
    }
}

}  // namespace siproxd::app
