// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "plugin/chain.h"
#include "plugin/description.h"
#include "plugin/handles.h"
#include "plugin/module.h"

namespace siproxd::plugin {

/// One running plugin: its state, and every call into it. Whatever it does wrong ends here: what it
/// throws is caught and counted, how long it takes is measured, and too much of that disables it.
class Instance {
public:
    /// `module` is the name by which the configuration knows it; it may have come from nowhere
    /// (`code` empty) when the description is part of the program.
    Instance(event::Loop& loop, base::Random& random, Suspensions& suspensions,
             const Patience& patience, std::string module, const Description& description,
             std::vector<config::PluginOption> options, std::optional<Module> code);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    /// Calls create(). False: it has been logged why, and the plugin is never called again.
    [[nodiscard]] bool start();

    /// Asks it about a message; what it threw counts as SIPROXD_FAILED.
    [[nodiscard]] int process(Stage stage, siproxd_message& message);
    void tick();
    /// Whether it decides about the number; false when it threw, or does not explain itself.
    bool explainRoute(const std::string& number, const std::string& from,
                      const std::function<void(std::string_view)>& print);
    void notify(Notice what);
    /// 0 when it threw.
    int tell(CallEvent event, const siproxd_call& call);
    /// The events of calls that it hears of, by bits 1 << CallEvent.
    [[nodiscard]] std::uint32_t callEvents() const {
        return description_.plugin.call == nullptr || status_.disabled ? 0 : self_.callEvents;
    }
    [[nodiscard]] bool hears(CallEvent event) const {
        return (callEvents() >> static_cast<std::uint32_t>(event) & 1) != 0;
    }
    [[nodiscard]] bool seesTraffic() const {
        return description_.plugin.traffic != nullptr && self_.seesTraffic && !status_.disabled;
    }
    void show(const siproxd_packet& packet);
    /// Its verdict made no sense.
    void blame(Stage stage, std::string_view why);

    /// The stages at which it is to be called.
    [[nodiscard]] std::uint32_t stages() const { return status_.disabled ? 0 : self_.stages; }
    [[nodiscard]] bool wants(std::uint32_t stage) const { return (stages() & stage) != 0; }
    [[nodiscard]] siproxd_self& self() { return self_; }
    [[nodiscard]] const std::string& module() const { return module_; }
    [[nodiscard]] Status status() const;

private:
    /// Where the plugin is called.
    struct Place {
        const char* callback;
        Stage stage{};

        [[nodiscard]] std::string toString() const;
    };

    /// Calls into the plugin; `fallback` is the result when it throws.
    template <class Call>
    int guarded(const Place& place, int fallback, Call&& call);
    void callFromElsewhere(const char* place, const std::function<void()>& body);
    void noteDuration(const Place& place, base::Duration duration);

    std::string module_;
    // Declared before everything that points into it: unloaded last.
    std::optional<Module> code_;
    Description description_;
    Patience patience_;
    siproxd_self self_;
    Status status_;
    void* state_ = nullptr;
    bool running_ = false;
};

}  // namespace siproxd::plugin
