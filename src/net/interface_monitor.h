// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/result.h"
#include "event/loop.h"
#include "net/interface_table.h"

namespace siproxd::net {

/// Follows the machine's interfaces, their addresses and default routes, and tells of changes.
///
/// The kernel's news are only taken as a hint to read everything again, a moment later so that a
/// burst of them (a ppp link that comes up) is one change. Nothing is lost therefore when there are
/// more of them than the kernel can keep. Never blocks.
class InterfaceMonitor {
public:
    /// Where the news come from and the tables are read.
    class Kernel {
    public:
        using Done = std::function<void(base::Result<InterfaceTable>)>;

        virtual ~Kernel() = default;
        /// Begins to listen, again if that has been done before. Gives the descriptor that is
        /// readable when there is news.
        [[nodiscard]] virtual base::Result<int> listen() = 0;
        /// Takes the news that are there, or some of them. Whether something may have changed.
        /// After an error no more will come and the descriptor is of no more use.
        [[nodiscard]] virtual base::Result<bool> takeNews() = 0;
        /// Reads the table; `done` is called from the loop, not within read(), unless *this is gone
        /// by then. One reading at a time.
        virtual void read(Done done) = 0;
    };

    /// Told the new table, from the loop, when something in it is other than before: once for all
    /// changes within kSettle. The table is the monitor's own, good until it is told of the next.
    /// Must not destroy the monitor.
    using OnChanged = std::function<void(const InterfaceTable&)>;

    /// How long changes are collected.
    static constexpr base::Duration kSettle = std::chrono::milliseconds(100);
    /// Time to the next attempt when the kernel could not be asked or listened to.
    static constexpr base::Duration kRetry = std::chrono::seconds(2);

    /// Starts. `known` is the table that its owner has acted upon; what has changed since it was
    /// read is found out at once. The loop must outlive the monitor.
    InterfaceMonitor(event::Loop& loop, InterfaceTable known, OnChanged onChanged);
    InterfaceMonitor(event::Loop& loop, std::unique_ptr<Kernel> kernel, InterfaceTable known,
                     OnChanged onChanged);
    /// Waits for the end of a reading, if there is one.
    ~InterfaceMonitor();
    InterfaceMonitor(const InterfaceMonitor&) = delete;
    InterfaceMonitor& operator=(const InterfaceMonitor&) = delete;

    /// The last one that was read, or `known`.
    [[nodiscard]] const InterfaceTable& table() const { return table_; }

    /// Reads soon, even if there is no news.
    void refresh();

private:
    void onReadable();
    void onTimer();
    void listen();
    void onRead(base::Result<InterfaceTable> fresh);

    event::Loop& loop_;
    OnChanged onChanged_;
    InterfaceTable table_;
    bool isCollecting_ = false;  ///< the timer runs for kSettle
    bool isReading_ = false;
    bool isStale_ = false;       ///< something may have changed since the reading began
    std::unique_ptr<Kernel> kernel_;
    std::unique_ptr<event::Timer> timer_;
    std::unique_ptr<event::Watch> watch_;  ///< none: nobody tells us of changes
};

}  // namespace siproxd::net
