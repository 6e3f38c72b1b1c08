// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "frames.h"
#include "ring.h"
#include "selection.h"
#include "siproxd/plugin.hpp"
#include "sniffer.h"
#include "switch.h"

namespace {

using namespace siproxd::api;
using capture::Criteria;
using capture::End;
using capture::Filter;
using capture::Wish;

constexpr std::uint32_t kGlance = 500;  ///< ms between two looks at the switch, and at the media of calls
constexpr std::uint32_t kFirstGlance = 20;
constexpr std::uint32_t kPause = 50;  ///< ms from a call's beginning or end until its media is followed
constexpr std::uint64_t kMegabyte = 1'000'000;

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Writes SIP, and the media of calls, to files for Wireshark.
class Capture {
public:
    static constexpr const char* kDescription = "Captures SIP and media for Wireshark";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = 0;
    static constexpr Option kOptions[] = {
        stringOption("file", "Path of the files"),
        stringOption("format", "pcapng or pcap", "pcapng"),
        integerOption("files", "How many files are written in turn", "4", 1, 1000),
        integerOption("size", "Megabytes of a file", "50", 1, 100'000),
        stringOption("filter", "What is captured, in the syntax of tcpdump"),
        stringOption("addresses", "Phones and servers whose calls are captured; all"),
        listOption("call_id", "Call-IDs of what is captured; all"),
        stringOption("media", "Interfaces whose RTP is captured too, with ; between them, or any; none"),
        stringOption("switch", "A file: captured is while it is there, and what it says; always"),
    };

    static std::unique_ptr<Capture> create(Host host) {
        auto plugin = std::make_unique<Capture>(host);
        return plugin->configure() ? std::move(plugin) : nullptr;
    }

    explicit Capture(Host host)
        : host_(host), glance_(host, [this] { glance(); }), follower_(host, [this] { followMedia(); }) {}

    void traffic(const siproxd_packet& packet) {
        const std::string_view data(packet.data, packet.length);
        const auto callId = capture::callIdIn(data);
        const End local{packet.local_ip, static_cast<std::uint16_t>(packet.local_port)};
        const End remote{packet.remote_ip, static_cast<std::uint16_t>(packet.remote_port)};
        if (!isWanted(remote.ip, callId)) {
            return;
        }
        const bool isSent = packet.is_sent != 0;
        const auto& from = isSent ? local : remote;
        const auto& to = isSent ? remote : local;
        const bool isTls = packet.protocol == SIPROXD_PROTOCOL_TLS;
        // On the port of TLS nobody looks for SIP in a connection.
        const auto packets = packet.protocol == SIPROXD_PROTOCOL_TCP
                                 ? tcp_.packets(from, to, packet.connection, data)
                                 : std::vector{capture::udpPacket(from, to, data)};
        for (const auto& one : packets) {
            if (!one.empty() && criteria_.filter.lets(one)) {
                ring_->write(now(), one, isTls ? "decrypted, came or goes by TLS" : "");
                ++count_;
            }
        }
    }

    int call(CallEvent, const siproxd_call&) {
        // All calls are looked through then, however many have changed.
        if (!follower_.isRunning()) {
            follower_.start(kPause);
        }
        return 0;
    }

private:
    [[nodiscard]] std::string text(const char* option) const {
        return std::string(orEmpty(host_.string(option)));
    }

    /// What is wrong is logged.
    bool configure() {
        const auto format = host_.choice("format", {"pcapng", "pcap"});
        capture::Ring::Settings settings{
            .path = text("file"),
            .format = format == 1U ? capture::Format::Pcap : capture::Format::Pcapng,
            .files = static_cast<unsigned>(host_.integer("files").value_or(1)),
            .size = static_cast<std::uint64_t>(host_.integer("size").value_or(1)) * kMegabyte};
        if (settings.path.empty()) {
            host_.optionError("file", 0, "plugin_capture needs plugin_capture_file");
            return false;
        }
        addresses_ = host_.addresses("addresses");
        std::string why;
        if (!Filter::compile(text("filter"), why)) {
            host_.optionError("filter", host_.list("filter").size() - 1, why);
            return false;
        }
        if (!format || !addresses_) {
            return false;
        }
        path_ = settings.path;
        ring_ = std::make_unique<capture::Ring>(std::move(settings));
        if (const auto path = text("switch"); !path.empty()) {
            switch_.emplace(path);
        }
        turn(false);
        if (!openSniffer()) {
            return false;
        }
        // A thread begins when siproxd has given up its privileges.
        glance_.start(0);
        return true;
    }

    bool openSniffer() {
        std::vector<std::string> devices;
        auto list = text("media");
        for (std::size_t at = 0; at < list.size();) {
            const auto end = std::min(list.find(';', at), list.size());
            auto device = list.substr(at, end - at);
            std::erase(device, ' ');
            if (!device.empty()) {
                devices.push_back(std::move(device));
            }
            at = end + 1;
        }
        std::string why;
        if (!devices.empty()) {
            sniffer_ = capture::Sniffer::open(
                devices,
                [ring = ring_.get()](std::int64_t time, std::string_view packet) { ring->write(time, packet, ""); },
                why);
        }
        if (!why.empty()) {
            host_.optionError("media", host_.list("media").size() - 1, why);
        }
        return why.empty();
    }

    /// Looks whether it is to be on, how the files do, and where the media of calls is.
    void glance() {
        if (switch_) {
            switch_->look();
        }
        const auto wish = switch_ ? switch_->content() : std::optional(std::string());
        if (wish) {
            auto parsed = capture::wishIn(*wish);
            if (!isOn_ || parsed != wish_) {
                begin(std::move(parsed));
            }
        } else if (isOn_) {
            end();
        }
        const auto trouble = ring_->takeTrouble();
        if (trouble.lost > 0 && !isTroubled_) {
            host_.error("plugin_capture: packets are lost" + (trouble.error.empty() ? "" : ", " + trouble.error));
        }
        isTroubled_ = trouble.lost > 0;
        followMedia();
        glance_.start(std::exchange(isFirst_, false) ? kFirstGlance : kGlance);
    }

    void begin(Wish wish) {
        end();
        std::string why = wish.complaint;
        Criteria criteria;
        criteria.callIds = wish.callIds;
        for (const auto id : host_.list("call_id")) {
            criteria.callIds.emplace_back(id);
        }
        if (!wish.addresses.empty()) {
            if (auto list = host_.addressList(wish.addresses, why)) {
                criteria.isWanted = [list = std::make_shared<const AddressList>(std::move(*list))](const std::string& ip) {
                    return list->contains(ip);
                };
            }
        } else if (!addresses_->empty()) {
            criteria.isWanted = [this](const std::string& ip) { return addresses_->contains(ip); };
        }
        std::string filterProblem;
        if (auto filter = Filter::compile(wish.filter.empty() ? text("filter") : wish.filter, filterProblem)) {
            criteria.filter = std::move(*filter);
        } else {
            why = "filter " + wish.filter + ": " + filterProblem;
        }
        wish_ = std::move(wish);
        if (!why.empty()) {
            // Not everything instead of little.
            host_.error("plugin_capture: " + text("switch") + ": " + why + ", nothing is captured");
            turn(true);
            criteria_ = {.callIds = {"(nothing)"}, .isWanted = {}, .filter = {}};
            return;
        }
        criteria_ = std::move(criteria);
        turn(true);
        host_.info("plugin_capture: SIP" + std::string(sniffer_ == nullptr ? "" : " and media") +
                   " is captured to " + path_);
    }

    void turn(bool isOn) {
        isOn_ = isOn;
        host_.seeTraffic(isOn);
        // Then the media of calls begins or ends.
        host_.hearCalls(isOn && sniffer_ != nullptr ? events(CallEvent::Answered, CallEvent::Ended) : 0);
    }

    void end() {
        if (!isOn_) {
            return;
        }
        turn(false);
        host_.info("plugin_capture: " + std::to_string(std::exchange(count_, 0)) + " packets of SIP have been captured");
        followed_.clear();
        if (sniffer_ != nullptr) {
            sniffer_->want({});
        }
    }

    bool isWanted(const std::string& remote, std::string_view callId) {
        if (!isNamed(callId)) {
            return false;
        }
        if (criteria_.isWanted) {
            if (!followed_.has(callId) && !criteria_.isWanted(remote)) {
                return false;
            }
            followed_.follow(callId);
        }
        return true;
    }

    /// Whether it is one of the Call-IDs that are wanted.
    [[nodiscard]] bool isNamed(std::string_view callId) const {
        return criteria_.callIds.empty() || std::ranges::find(criteria_.callIds, callId) != criteria_.callIds.end();
    }

    /// The media of the calls that are captured.
    void followMedia() {
        if (sniffer_ == nullptr || !isOn_) {
            return;
        }
        std::unordered_set<std::string> ends;
        struct Context {
            Capture& self;
            std::unordered_set<std::string>& ends;
        } context{*this, ends};
        host_.table()->calls(
            host_.self(),
            [](void* known, const siproxd_call* call) {
                auto& [self, found] = *static_cast<Context*>(known);
                if (self.isNamed(call->call_id) &&
                    (!self.criteria_.isWanted || self.followed_.has(call->call_id))) {
                    for (std::uint32_t i = 0; i < call->stream_count; ++i) {
                        const auto* stream = reinterpret_cast<const siproxd_stream*>(
                            reinterpret_cast<const char*>(call->streams) + std::size_t{i} * call->stream_size);
                        add(found, stream->caller.remote);
                        add(found, stream->callee.remote);
                    }
                }
                return 1;
            },
            &context);
        sniffer_->want(std::move(ends));
    }

    /// RTP and RTCP.
    static void add(std::unordered_set<std::string>& ends, const char* remote) {
        const std::string_view where = remote == nullptr ? "" : remote;
        const auto colon = where.rfind(':');
        if (colon == std::string_view::npos) {
            return;
        }
        auto ip = where.substr(0, colon);
        if (ip.starts_with('[')) {
            ip = ip.substr(1, ip.size() - 2);
        }
        const auto port = static_cast<std::uint16_t>(std::stoul(std::string(where.substr(colon + 1))));
        ends.insert(capture::Sniffer::keyOf(ip, port));
        ends.insert(capture::Sniffer::keyOf(ip, static_cast<std::uint16_t>(port + 1)));
    }

    Host host_;
    std::string path_;
    std::optional<capture::Switch> switch_;
    bool isFirst_ = true;
    std::optional<AddressList> addresses_;
    std::unique_ptr<capture::Ring> ring_;
    std::unique_ptr<capture::Sniffer> sniffer_;  ///< ends before the ring it writes to; null: no media
    capture::TcpPackets tcp_;
    bool isOn_ = false;
    bool isTroubled_ = false;
    Wish wish_;
    Criteria criteria_;
    capture::FollowedCalls followed_;
    std::uint64_t count_ = 0;
    Timer glance_;
    Timer follower_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_capture, Capture)
