// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

struct pcap;

namespace capture {

/// Media of some calls, as it passes the interfaces; in a thread of its own.
class Sniffer {
public:
    /// Gets an IP packet, in the thread. `time`: microseconds since 1970.
    using Sink = std::function<void(std::int64_t time, std::string_view packet)>;

    /// Opens the devices (`any` are all of them), which needs CAP_NET_RAW and is for ever. Null: `why` says why not.
    [[nodiscard]] static std::unique_ptr<Sniffer> open(const std::vector<std::string>& devices, Sink sink,
                                                       std::string& why);
    ~Sniffer();
    Sniffer(const Sniffer&) = delete;
    Sniffer& operator=(const Sniffer&) = delete;

    /// Whose packets are wanted from now on: `192.0.2.1 4000`, as keyOf() makes it.
    void want(std::unordered_set<std::string> ends);
    [[nodiscard]] static std::string keyOf(std::string_view ip, std::uint16_t port);

private:
    struct Close {
        void operator()(::pcap* handle) const;
    };

    explicit Sniffer(Sink sink) : sink_(std::move(sink)) {}
    void run();
    void take(int linkType, std::int64_t time, std::string_view frame);

    Sink sink_;
    std::vector<std::unique_ptr<::pcap, Close>> handles_;
    std::mutex mutex_;
    std::unordered_set<std::string> ends_;
    std::atomic<bool> idle_ = true;  ///< nobody is wanted
    int wake_[2] = {-1, -1};  ///< a pipe that ends the thread
    std::thread thread_;      ///< from the first wish on
};

}  // namespace capture
