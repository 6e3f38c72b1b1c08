// SPDX-License-Identifier: GPL-2.0-or-later
/// plugin.h for C++20: the same interface with types, and nothing that has to be linked. A plugin
/// is a class that is made from a Host, and one line:
///
///     class Hello {
///     public:
///         static constexpr const char* kDescription = "Greets every call";
///         static constexpr const char* kVersion = "1.0";
///         static constexpr std::uint32_t kStages = siproxd::api::stages(Stage::PreProxy);
///         explicit Hello(siproxd::api::Host host);
///         siproxd::api::Verdict process(Stage stage, siproxd::api::Message& message);
///     };
///     SIPROXD_PLUGIN(plugin_hello, Hello)
///
/// It may also have
///   - `static constexpr Option kOptions[]`: its directives in the configuration;
///   - `static std::unique_ptr<Hello> create(Host)` instead of the constructor: a null pointer
///     means that it cannot run and has said why;
///   - `void tick()`, with Stage::Timer among its stages;
///   - `int call(CallEvent event, const siproxd_call& call)`, to hear of calls;
///   - `void notice(Notice what)`, to hear of other things;
///   - `bool route(std::string_view number, std::string_view from, const std::function<void(std::string_view)>& print)`,
///     for siproxd --route-test;
///   - `void traffic(const siproxd_packet& packet)`, to see all SIP on the wire.
/// Views that are given back are borrowed as plugin.h says: until the message is changed.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "plugin.h"
#include "api/client.hpp"
#include "api/datagrams.hpp"
#include "api/host.hpp"
#include "api/lookup.hpp"
#include "api/message.hpp"
#include "api/text.hpp"
#include "api/timer.hpp"
#include "api/types.hpp"

namespace siproxd::api {

/// What siproxd calls: from here no exception gets through.
template <class Plugin>
class Trampoline {
public:
    static int create(const siproxd_host* table, siproxd_self* self, void** state) noexcept {
        const Host host(table, self);
        try {
            auto plugin = make(host);
            if (plugin == nullptr) {
                return SIPROXD_NOT_CREATED;
            }
            *state = new Holder{host, std::move(plugin)};
            return SIPROXD_CREATED;
        } catch (...) {
            detail::report(host);
            return SIPROXD_NOT_CREATED;
        }
    }

    static void destroy(void* state) noexcept { delete static_cast<Holder*>(state); }

    static int process(void* state, std::uint32_t stage, siproxd_message* handle) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            Message message(holder->host.table(), handle);
            return static_cast<int>(holder->plugin->process(static_cast<Stage>(stage), message));
        } catch (...) {
            detail::report(holder->host);
            return SIPROXD_FAILED;
        }
    }

    static void tick(void* state) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            holder->plugin->tick();
        } catch (...) {
            detail::report(holder->host);
        }
    }

    static int route(void* state, const char* number, const char* from,
                     void (*print)(void* context, const char* line), void* context) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            return holder->plugin->route(number, from, [print, context](std::string_view line) {
                print(context, detail::z(line).c_str());
            })
                       ? 1
                       : 0;
        } catch (...) {
            detail::report(holder->host);
            return 0;
        }
    }

    static void notice(void* state, int what) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            holder->plugin->notice(static_cast<Notice>(what));
        } catch (...) {
            detail::report(holder->host);
        }
    }

    static void traffic(void* state, const siproxd_packet* packet) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            holder->plugin->traffic(*packet);
        } catch (...) {
            detail::report(holder->host);
        }
    }

    static int call(void* state, int event, const siproxd_call* call) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            return holder->plugin->call(static_cast<CallEvent>(event), *call);
        } catch (...) {
            detail::report(holder->host);
            return 0;
        }
    }

    static constexpr siproxd_plugin describe(const char* name) {
        siproxd_plugin plugin{SIPROXD_PLUGIN_HEADER,
                              Plugin::kStages,
                              name,
                              Plugin::kDescription,
                              Plugin::kVersion,
                              nullptr,
                              0,
                              sizeof(siproxd_option),
                              create,
                              destroy,
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr};
        if constexpr (requires { Plugin::kOptions; }) {
            plugin.options = std::data(Plugin::kOptions);
            plugin.option_count = static_cast<std::uint32_t>(std::size(Plugin::kOptions));
        }
        if constexpr (requires { &Plugin::process; }) {
            plugin.process = process;
        }
        if constexpr (requires { &Plugin::tick; }) {
            plugin.tick = tick;
        }
        if constexpr (requires { &Plugin::call; }) {
            plugin.call = call;
        }
        if constexpr (requires { &Plugin::notice; }) {
            plugin.notice = notice;
        }
        if constexpr (requires { &Plugin::route; }) {
            plugin.route = route;
        }
        if constexpr (requires { &Plugin::traffic; }) {
            plugin.traffic = traffic;
        }
        return plugin;
    }

private:
    struct Holder {
        Host host;
        std::unique_ptr<Plugin> plugin;
    };

    static std::unique_ptr<Plugin> make(const Host& host) {
        if constexpr (requires { Plugin::create(host); }) {
            return Plugin::create(host);
        } else {
            return std::make_unique<Plugin>(host);
        }
    }
};

}  // namespace siproxd::api

/// Exports the class as the plugin `name` (plugin_something, as in load_plugin).
#define SIPROXD_PLUGIN(name, Class)                                                                \
    extern "C" {                                                                                   \
    extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(name);                 \
    constinit const siproxd_plugin                                                                 \
        SIPROXD_PLUGIN_SYMBOL(name) = ::siproxd::api::Trampoline<Class>::describe(#name);          \
    }
