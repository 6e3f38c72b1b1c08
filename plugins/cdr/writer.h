// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <thread>
#include <utility>

#include "file.h"
#include "queue.h"

namespace cdr {

/// Writes records to files in a thread of its own: a disk must not keep calls waiting. What cannot be written is tried
/// again every second.
class Writer {
public:
    Writer(PathPattern pattern, std::string header, std::size_t most);
    /// Tries what is left once more.
    ~Writer() { end(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void put(Entry entry) { queue_.put(std::move(entry)); }
    /// As Queue::takeNews().
    [[nodiscard]] std::pair<std::size_t, std::string> takeNews() { return queue_.takeNews(); }
    /// Returns when the thread is gone.
    void end();

private:
    void run();

    Queue queue_;
    RecordFile file_;
    std::thread thread_;  // last: it works with all of them
};

}  // namespace cdr
