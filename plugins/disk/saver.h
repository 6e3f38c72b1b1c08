// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace siproxd::disk {

/// Keeps a file as it shall be, in a thread of its own: written beside it and renamed, so that there is always a whole
/// one. The last text wins.
class Saver {
public:
    /// `mode` as of chmod(2). Durable: a text is on the disk before the one before it is given up, which matters when power fails.
    Saver(std::string path, unsigned mode, bool isDurable);
    /// What is not written yet is written.
    ~Saver();
    Saver(const Saver&) = delete;
    Saver& operator=(const Saver&) = delete;

    void save(std::string text);
    /// Why the last text could not be written, told once; empty: it has been. Nothing: there is no news.
    [[nodiscard]] std::optional<std::string> takeOutcome();

private:
    void run();

    [[nodiscard]] std::string write(std::string_view text) const;

    const std::string path_;
    const unsigned mode_;
    const bool isDurable_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<std::string> wanted_;
    std::optional<std::string> outcome_;
    bool ends_ = false;
    std::thread thread_;  ///< from the first text on: what it may do is settled by then
};

}  // namespace siproxd::disk
