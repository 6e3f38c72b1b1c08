// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace capture {

/// The file that says by being there, and by what stands in it, what is captured. A thread reads it, for the disk it is on
/// may be slow.
class Switch {
public:
    explicit Switch(std::string path) : path_(std::move(path)) {}
    ~Switch();
    Switch(const Switch&) = delete;
    Switch& operator=(const Switch&) = delete;

    /// Has it read once more; the thread begins with the first time.
    void look();
    /// What has been read last, 16 kB at most; nothing: it is not there, or has not been read yet.
    [[nodiscard]] std::optional<std::string> content();

private:
    void run();

    const std::string path_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<std::string> content_;
    bool isWanted_ = false;
    bool ends_ = false;
    std::thread thread_;
};

}  // namespace capture
