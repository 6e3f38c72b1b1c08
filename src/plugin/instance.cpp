// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/instance.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace siproxd::plugin {

std::string Instance::Place::toString() const {
    return callback != nullptr ? callback
                               : fmt::format("stage 0x{:X}", static_cast<std::uint32_t>(stage));
}

template <class Call>
int Instance::guarded(const Place& place, int fallback, Call&& call) {
    status_.calls += running_ ? 1 : 0;
    const auto start = self_.loop.now();
    int result = fallback;
    std::optional<std::string> thrown;
    try {
        result = call();
    } catch (const std::exception& error) {
        thrown = base::printable(error.what());
    } catch (...) {
        thrown = "an unknown exception";
    }
    if (thrown) {
        ++status_.failures;
        log::warningFromPeer("Plugin '{}' threw at {}: {}", self_.name, place.toString(), *thrown);
    }
    noteDuration(place, self_.loop.now() - start);
    return result;
}

Instance::Instance(event::Loop& loop, base::Random& random, Suspensions& suspensions,
                   const Patience& patience, std::string module, const Description& description,
                   std::vector<config::PluginOption> options, std::optional<Module> code)
    : module_(std::move(module)), code_(std::move(code)), description_(description),
      patience_(patience), self_{.loop = loop,
                                 .random = random,
                                 .suspensions = suspensions,
                                 .resume = suspensions.resumer(),
                                 .options =
                                     Options(module_, description.options, std::move(options)),
                                 .name = description.plugin.name,
                                 .description = description.plugin.description,
                                 .stages = description.plugin.stages,
                                 .timers = Timers(loop),
                                 .call = [this](const char* place,
                                                const std::function<void()>& body) {
                                     callFromElsewhere(place, body);
                                 }} {}

Instance::~Instance() {
    if (std::exchange(running_, false) && description_.plugin.destroy != nullptr) {
        guarded({"destroy()"}, 0, [this] {
            description_.plugin.destroy(state_);
            return 0;
        });
    }
    self_.timers.clear();
}

bool Instance::start() {
    int result = SIPROXD_NOT_CREATED;
    if (self_.options.check()) {
        self_.creating = true;
        result = guarded({"create()"}, SIPROXD_NOT_CREATED, [this] {
            return description_.plugin.create(&hostTable(), &self_, &state_);
        });
        self_.creating = false;
    }
    running_ = result == SIPROXD_CREATED;
    if (running_) {
        log::info("Plugin '{}' [{}] loaded with success, exemask=0x{:X}", self_.name,
                  self_.description, self_.stages);
        self_.options.warnAboutUnknown();
    } else if (result == SIPROXD_WRONG_VERSION) {
        log::error("Plugin '{}' does not support correct API version. "
                   "Please compile plugin with correct siproxd version.",
                   self_.name);
    } else {
        log::error("Plugin '{}' [{}] loaded with failure, exemask=0x{:X}", self_.name,
                   self_.description, self_.stages);
    }
    return running_;
}

int Instance::process(Stage stage, siproxd_message& message) {
    return guarded({nullptr, stage}, SIPROXD_FAILED, [&] {
        const int verdict =
            description_.plugin.process(state_, static_cast<std::uint32_t>(stage), &message);
        if (verdict == SIPROXD_FAILED) {
            ++status_.failures;
            log::warningFromPeer("Plugin '{}' failed at {}", self_.name,
                                 Place{nullptr, stage}.toString());
        }
        return verdict;
    });
}

void Instance::tick() {
    guarded({"tick()"}, 0, [this] {
        description_.plugin.tick(state_);
        return 0;
    });
}

bool Instance::explainRoute(const std::string& number, const std::string& from,
                            const std::function<void(std::string_view)>& print) {
    auto printNamed = [&](std::string_view line) { print(self_.name + ": " + std::string(line)); };
    using Print = decltype(printNamed);
    return description_.plugin.route != nullptr && guarded({"route()"}, 0, [&] {
               return description_.plugin.route(
                   state_, number.c_str(), from.c_str(),
                   [](void* context, const char* line) {
                       (*static_cast<Print*>(context))(view(line));
                   },
                   &printNamed);
           }) != 0;
}

void Instance::notify(Notice what) {
    if (description_.plugin.notice != nullptr && !status_.disabled) {
        guarded({"notice()"}, 0, [&] {
            description_.plugin.notice(state_, static_cast<int>(what));
            return 0;
        });
    }
}

int Instance::tell(CallEvent event, const siproxd_call& call) {
    return guarded({"call()"}, 0, [&] {
        return description_.plugin.call(state_, static_cast<int>(event), &call);
    });
}

void Instance::show(const siproxd_packet& packet) {
    if (seesTraffic()) {
        guarded({"traffic()"}, 0, [&] {
            description_.plugin.traffic(state_, &packet);
            return 0;
        });
    }
}

void Instance::callFromElsewhere(const char* place, const std::function<void()>& body) {
    if (!status_.disabled) {
        guarded({place}, 0, [&] {
            body();
            return 0;
        });
    }
}

void Instance::blame(Stage stage, std::string_view why) {
    ++status_.failures;
    log::warningFromPeer("Plugin '{}' at {}: {}; the message goes on", self_.name,
                         Place{nullptr, stage}.toString(), why);
}

Status Instance::status() const {
    Status status = status_;
    status.name = self_.name;
    status.description = self_.description;
    status.version = description_.plugin.version;
    status.stages = self_.stages;
    return status;
}

void Instance::noteDuration(const Place& place, base::Duration duration) {
    // create() and destroy() are called outside of the traffic.
    if (!running_ || duration <= patience_.call) {
        return;
    }
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    ++status_.slowCalls;
    log::warning("Plugin '{}' blocked all calls for {} ms at {} (allowed are {} ms)", self_.name,
                 duration_cast<milliseconds>(duration).count(), place.toString(),
                 duration_cast<milliseconds>(patience_.call).count());
    if (status_.slowCalls >= patience_.strikes) {
        status_.disabled = true;
        log::error("Plugin '{}' is disabled: it was too slow {} times", self_.name,
                   status_.slowCalls);
    }
}

}  // namespace siproxd::plugin
