// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "plugin/chain.h"
#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/log_spy.h"

/// What tests of plugins and of their host share.
namespace siproxd::test {

inline sip::Message parsed(std::string_view text) {
    auto message = sip::Message::parse(text);
    REQUIRE(message.has_value());
    return std::move(*message);
}

/// A request that a phone would send; `uri` is the whole request URI.
inline sip::Message request(std::string_view method = "INVITE",
                            std::string_view uri = "sip:bob@example.net",
                            std::string_view to = "<sip:bob@example.net>") {
    return parsed(std::string(method) + " " + std::string(uri) +
                  " SIP/2.0\r\n"
                  "Via: SIP/2.0/UDP 192.168.1.10:5062;branch=z9hG4bKa;rport\r\n"
                  "Max-Forwards: 70\r\n"
                  "From: \"Alice\" <sip:alice@example.org>;tag=f1\r\n"
                  "To: " +
                  std::string(to) +
                  "\r\n"
                  "Call-ID: c1@192.168.1.10\r\n"
                  "CSeq: 7 " +
                  std::string(method) +
                  "\r\n"
                  "Contact: <sip:alice@192.168.1.10:5062;line=1>;expires=60\r\n"
                  "X-One: a\r\n"
                  "x-one: b\r\n"
                  "Content-Type: application/sdp\r\n"
                  "Content-Length: 5\r\n\r\nv=0\r\n");
}

inline sip::Message response() {
    return parsed("SIP/2.0 200 Fine\r\n"
                  "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKb\r\n"
                  "Via: SIP/2.0/UDP 192.168.1.10:5062;branch=z9hG4bKa;received=10.1.1.1\r\n"
                  "From: <sip:alice@example.org>;tag=f1\r\n"
                  "To: <sip:bob@example.net>;tag=t1\r\n"
                  "Call-ID: c1@192.168.1.10\r\n"
                  "CSeq: 7 INVITE\r\n"
                  "Content-Length: 0\r\n\r\n");
}

inline base::SocketAddress address(std::string_view ip, std::uint16_t port) {
    return {*base::IpAddress::parse(ip), port};
}

/// A message as the proxy would show it to the chain.
struct Shown {
    explicit Shown(sip::Message text,
                   plugin::Direction direction = plugin::Direction::RequestOutgoing)
        : message(std::move(text)) {
        context.message = &message;
        context.flow.local = address("192.168.1.1", 5060);
        context.flow.remote = address("192.168.1.10", 5062);
        context.direction = direction;
    }
    Shown(const Shown&) = delete;
    Shown& operator=(const Shown&) = delete;

    sip::Message message;
    plugin::Context context;
};

/// A plugin made of lambdas.
struct Probe {
    using Process = std::function<int(std::uint32_t stage, siproxd_message* message)>;

    explicit Probe(Process body = {}) : process(std::move(body)) {}

    /// Adds it to the chain under that name, asking for these stages.
    bool join(plugin::Chain& chain, const char* name = "plugin_probe",
              std::uint32_t stages = SIPROXD_STAGE_PRE_PROXY,
              std::vector<config::PluginOption> lines = {}) {
        siproxd_plugin description{SIPROXD_PLUGIN_HEADER,
                                   stages,
                                   name,
                                   "Made for a test",
                                   "0.1",
                                   options.data(),
                                   static_cast<std::uint32_t>(options.size()),
                                   sizeof(siproxd_option),
                                   onCreate,
                                   onDestroy,
                                   onProcess,
                                   onTick,
                                   call ? onCall : nullptr,
                                   notice ? onNotice : nullptr,
                                   route ? onRoute : nullptr,
                                   traffic ? onTraffic : nullptr};
        starting() = this;
        return chain.add(description, std::move(lines));
    }

    Process process;
    std::function<int()> create;
    std::function<void()> tick;
    std::function<int(int event, const siproxd_call& call)> call;  ///< before join(): hears of calls
    std::function<void(int what)> notice;  ///< before join(): hears of other things
    using Print = std::function<void(const char* line)>;
    /// Before join(): explains routes.
    std::function<int(const std::string& number, const std::string& from, const Print& print)> route;
    std::function<void(const siproxd_packet& packet)> traffic;  ///< before join(): sees SIP
    std::function<void()> destroyed;
    std::vector<siproxd_option> options;
    const siproxd_host* host = nullptr;
    siproxd_self* self = nullptr;

private:
    static Probe*& starting() {
        static Probe* probe = nullptr;
        return probe;
    }
    static int onCreate(const siproxd_host* host, siproxd_self* self, void** state) {
        Probe* probe = starting();
        *state = probe;
        probe->host = host;
        probe->self = self;
        return probe->create ? probe->create() : SIPROXD_CREATED;
    }
    static void onDestroy(void* state) {
        auto* probe = static_cast<Probe*>(state);
        if (probe->destroyed) {
            probe->destroyed();
        }
    }
    static int onProcess(void* state, std::uint32_t stage, siproxd_message* message) {
        auto* probe = static_cast<Probe*>(state);
        return probe->process ? probe->process(stage, message) : SIPROXD_CONTINUE;
    }
    static int onCall(void* state, int event, const siproxd_call* call) {
        return static_cast<Probe*>(state)->call(event, *call);
    }
    static int onRoute(void* state, const char* number, const char* from,
                       void (*print)(void* context, const char* line), void* context) {
        return static_cast<Probe*>(state)->route(
            number, from, [print, context](const char* line) { print(context, line); });
    }
    static void onTraffic(void* state, const siproxd_packet* packet) {
        static_cast<Probe*>(state)->traffic(*packet);
    }
    static void onNotice(void* state, int what) { static_cast<Probe*>(state)->notice(what); }
    static void onTick(void* state) {
        auto* probe = static_cast<Probe*>(state);
        if (probe->tick) {
            probe->tick();
        }
    }
};

/// `text` compared as a string; a null pointer is "(null)".
inline std::string str(const char* text) {
    return text == nullptr ? "(null)" : text;
}

inline config::PluginOption option(std::string key, std::string value, unsigned line = 1) {
    return {std::move(key), std::move(value), {"siproxd.conf", line}};
}

}  // namespace siproxd::test
