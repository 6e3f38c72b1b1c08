// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "siproxd/plugin.hpp"
#include "stun_message.h"

namespace {

using namespace siproxd::api;

// RFC 8489 §6.2.1, with fewer retransmissions: a server that has not answered by then will not.
constexpr std::uint32_t kFirstPause = 500;  // ms; each is twice as long as the one before
constexpr int kMostRequests = 5;
constexpr std::uint32_t kRetry = 10'000;  // ms until it is all tried again
constexpr std::uint32_t kLongestRetry = 300'000;
constexpr std::int64_t kFresh = 1'000;  // ms

/// Asks a server which address we have, and has siproxd announce it.
class Stun {
public:
    static constexpr const char* kDescription = "Finds out the public address by STUN";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = 0;
    static constexpr Option kOptions[] = {
        stringOption("server", "The STUN server, a host name or an address"),
        integerOption("port", "Its UDP port", "3478", 1, 65535),
        integerOption("period", "Seconds between two questions", "300", 1, 86'400),
    };

    static std::unique_ptr<Stun> create(Host host) {
        const auto server = orEmpty(host.string("server"));
        if (server.empty()) {
            host.optionError("server", 0, "plugin_stun needs plugin_stun_server");
            return nullptr;
        }
        return std::make_unique<Stun>(host, std::string(server));
    }

    Stun(Host host, std::string server)
        : host_(host), server_(std::move(server)), port_(std::to_string(host.integer("port").value_or(0))),
          period_(static_cast<std::uint32_t>(host.integer("period").value_or(0)) * 1000U), lookup_(host),
          datagrams_(host, [this](std::optional<std::string_view> bytes) { return came(bytes); }),
          next_(host, [this] { begin(); }), repeat_(host, [this] { repeat(); }) {
        next_.start(0);
    }

    /// Our own addresses have changed, and with them perhaps what is seen of us.
    void notice(Notice what) {
        if (what == Notice::Addresses && host_.steadyTime() - answered_ > kFresh) {
            next_.start(0);
        }
    }

private:
    void begin() {
        repeat_.stop();
        datagrams_.forget();
        if (!lookup_.addresses(server_, [this](std::vector<std::string> ips) { found(std::move(ips)); })) {
            again("name servers cannot be asked");
        }
    }

    void found(std::vector<std::string> ips) {
        // Where there is IPv6, nothing is translated: it must not take the place of what IPv4 looks like outside.
        const auto isIpv6 = [](const std::string& ip) { return ip.find(':') != std::string::npos; };
        if (!std::ranges::all_of(ips, isIpv6)) {
            std::erase_if(ips, isIpv6);
        }
        servers_ = std::move(ips);
        if (servers_.empty()) {
            again(server_ + " cannot be resolved");
            return;
        }
        std::ranges::reverse(servers_);
        ask();
    }

    /// The next of its addresses.
    void ask() {
        if (servers_.empty()) {
            again(server_ + " does not answer");
            return;
        }
        const auto ip = std::move(servers_.back());
        servers_.pop_back();
        peer_ = (ip.find(':') == std::string::npos ? ip : "[" + ip + "]") + ":" + port_;
        id_ = stun::randomId();
        sent_ = 1;
        if (!datagrams_.send(peer_, stun::bindingRequest(id_), kFirstPause * ((1U << kMostRequests) - 1U))) {
            ask();
            return;
        }
        repeat_.start(kFirstPause);
    }

    void repeat() {
        if (sent_ == kMostRequests) {
            return;
        }
        static_cast<void>(datagrams_.repeat(peer_, stun::bindingRequest(id_)));
        repeat_.start(kFirstPause << static_cast<unsigned>(sent_++));
    }

    bool came(std::optional<std::string_view> bytes) {
        if (!bytes) {
            repeat_.stop();
            ask();
            return true;
        }
        const auto answer = stun::readAnswer(*bytes, id_);
        if (!answer) {
            return false;
        }
        repeat_.stop();
        if (answer->error != 0 || answer->ip.empty()) {
            again(peer_ + " answers " + (answer->error != 0 ? std::to_string(answer->error) : "without an address"));
            return true;
        }
        answered_ = host_.steadyTime();
        learn(*answer);
        return true;
    }

    void learn(const stun::Answer& answer) {
        host_.debug("plugin_stun: " + peer_ + " sees " + answer.ip + " port " + std::to_string(answer.port));
        retry_ = kRetry;
        isSilent_ = false;
        next_.start(period_);
        if (answer.ip == known_) {
            return;
        }
        if (!host_.announce(answer.ip)) {
            host_.warning("plugin_stun: " + peer_ + " says that our address is " + answer.ip +
                          ", which cannot be");
            return;
        }
        host_.info("STUN: public IP has changed " + (known_.empty() ? "(none)" : known_) + " -> " + answer.ip);
        known_ = answer.ip;
    }

    /// What is known stays as it is meanwhile.
    void again(const std::string& why) {
        if (!std::exchange(isSilent_, true)) {
            host_.warning("plugin_stun: " + why + ", it is tried again and again");
        }
        next_.start(std::exchange(retry_, std::min(2 * retry_, kLongestRetry)));
    }

    Host host_;
    const std::string server_;
    const std::string port_;
    const std::uint32_t period_;  ///< ms
    std::uint32_t retry_ = kRetry;
    bool isSilent_ = false;       ///< that has been said
    std::string known_;           ///< our address, empty at first
    std::int64_t answered_ = -kFresh - 1;
    std::vector<std::string> servers_;  ///< addresses still to be asked, the next one last
    std::string peer_;                  ///< who is asked
    stun::TransactionId id_{};
    int sent_ = 0;  ///< requests to it
    Lookup lookup_;
    Datagrams datagrams_;
    Timer next_;
    Timer repeat_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_stun, Stun)
