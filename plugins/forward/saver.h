// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace forward {

/// Keeps a file as it shall be, in a thread of its own: written beside it and renamed, so that there is always a whole
/// one. The last text wins.
class Saver {
public:
    explicit Saver(std::string path);
    /// What is not written yet is written.
    ~Saver();
    Saver(const Saver&) = delete;
    Saver& operator=(const Saver&) = delete;

    void save(std::string text);
    /// Why the last text could not be written, told once; empty: it has been. Nothing: there is no news.
    [[nodiscard]] std::optional<std::string> takeOutcome();

private:
    void run();

    std::string path_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<std::string> wanted_;
    std::optional<std::string> outcome_;
    bool ends_ = false;
    std::thread thread_;  ///< from the first text on: what it may do is settled by then
};

/// What the file has; nothing when it cannot be read (`why` says so, empty when there is none).
[[nodiscard]] std::optional<std::string> contentOf(const std::string& path, std::string& why);

}  // namespace forward
