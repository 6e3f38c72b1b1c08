// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <utility>

#include "harness.h"
#include "siproxd/plugin.h"

namespace siproxd::test {

/// A plugin made of a lambda.
struct Probe {
    using Process = std::function<int(const siproxd_host& host, siproxd_message* message)>;
    using Traffic = std::function<void(const siproxd_packet& packet)>;
    using Call = std::function<int(int event, const siproxd_call& call)>;

    /// With `hears` it hears of calls.
    Probe(House& house, std::uint32_t stages, Process body, Call hears = {}, Traffic sees = {})
        : process(std::move(body)), call(std::move(hears)), traffic(std::move(sees)) {
        starting = this;
        const siproxd_plugin description{SIPROXD_PLUGIN_HEADER, stages,    "plugin_probe", "test",
                                         "1",  nullptr,   0,         sizeof(siproxd_option),
                                         onCreate, nullptr, onProcess, nullptr,
                                         call ? onCall : nullptr, nullptr, nullptr,
                                         traffic ? onTraffic : nullptr};
        REQUIRE(house.chain.add(description));
    }

    Process process;
    Call call;
    Traffic traffic;
    const siproxd_host* host = nullptr;
    siproxd_self* self = nullptr;

private:
    static inline Probe* starting = nullptr;

    static int onCreate(const siproxd_host* host, siproxd_self* self, void** state) {
        starting->host = host;
        starting->self = self;
        *state = starting;
        return SIPROXD_CREATED;
    }
    static int onCall(void* state, int event, const siproxd_call* call) {
        return static_cast<Probe*>(state)->call(event, *call);
    }
    static void onTraffic(void* state, const siproxd_packet* packet) {
        static_cast<Probe*>(state)->traffic(*packet);
    }
    static int onProcess(void* state, std::uint32_t, siproxd_message* message) {
        auto* probe = static_cast<Probe*>(state);
        return probe->process(*probe->host, message);
    }
};

}  // namespace siproxd::test
