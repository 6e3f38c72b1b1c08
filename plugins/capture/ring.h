// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "pcap_format.h"

namespace capture {

/// A number of files of a certain length that are written one after the other, and then from the first on again; in a
/// thread of its own.
class Ring {
public:
    struct Settings {
        std::string path;  ///< a number is put before the extension, when there are several
        Format format = Format::Pcapng;
        unsigned files = 1;
        std::uint64_t size = 0;  ///< bytes of a file
    };

    explicit Ring(Settings settings);
    /// What waits is written.
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    /// From any thread. What the disk is too slow for is lost, and counted.
    void write(std::int64_t time, std::string_view packet, std::string_view comment);
    /// All that was written before is in its file when it returns; for tests.
    void flush();

    /// Packets that were lost, and why the last file could not be written; told once.
    struct Trouble {
        std::uint64_t lost = 0;
        std::string error;
    };
    [[nodiscard]] Trouble takeTrouble();

    /// `path` of the file number `index`.
    [[nodiscard]] static std::string nameOf(const Settings& settings, unsigned index);

private:
    void run();
    std::size_t append(const std::deque<std::string>& records, std::size_t first);
    [[nodiscard]] bool open();
    void close();
    void fail(const std::string& what, std::size_t packets);
    /// The one after the last that has been written before.
    [[nodiscard]] unsigned firstIndex() const;

    const Settings settings_;
    int fd_ = -1;
    unsigned index_ = 0;
    std::uint64_t length_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::condition_variable idle_;
    std::deque<std::string> waiting_;
    std::size_t bytes_ = 0;  ///< of those
    bool isAwaited_ = false;  ///< the thread has nothing to do
    bool isBusy_ = false;
    bool ends_ = false;
    Trouble trouble_;
    std::thread thread_;  ///< from the first packet on: what it may do is settled by then
};

}  // namespace capture
