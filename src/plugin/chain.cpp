// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/chain.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/log.h"
#include "plugin/description.h"
#include "plugin/handles.h"
#include "plugin/instance.h"
#include "plugin/module.h"
#include "plugin/suspensions.h"
#include "plugin/verdict.h"

namespace siproxd::plugin {

namespace {

/// The module names of load_plugin in their order, each once.
std::vector<std::string> wantedModules(const config::PluginSettings& settings) {
    std::vector<std::string> names;
    for (const auto& entry : settings.loadPlugin) {
        std::string name = moduleName(entry.text);
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

std::vector<config::PluginOption> optionsOf(const std::string& module,
                                            const std::vector<config::PluginOption>& all,
                                            const std::vector<std::string>& modules) {
    std::vector<config::PluginOption> own;
    std::copy_if(all.begin(), all.end(), std::back_inserter(own),
                 [&](const auto& option) { return ownerOf(option.key, modules) == module; });
    return own;
}

}  // namespace

struct Chain::Impl {
    Impl(event::Loop& theLoop, const Patience& thePatience)
        : loop(theLoop), patience(thePatience), suspensions(theLoop) {}

    [[nodiscard]] bool has(const std::string& module) const {
        return std::any_of(instances.begin(), instances.end(),
                           [&](const auto& one) { return one->module() == module; });
    }

    /// Opens and checks one module of load_plugin. Nothing: logged why.
    std::unique_ptr<Instance> open(const std::string& directory, const std::string& text,
                                   std::vector<config::PluginOption> options);

    bool start(std::unique_ptr<Instance> instance) {
        if (instance == nullptr || !instance->start()) {
            return false;
        }
        instance->self().services = services;
        instance->self().wishesChanged = wishesChanged;
        instances.push_back(std::move(instance));
        return true;
    }

    /// The stages that any plugin wants, TIMER included.
    [[nodiscard]] std::uint32_t stages() const {
        std::uint32_t all = 0;
        for (const auto& instance : instances) {
            all |= instance->stages();
        }
        return all;
    }

    /// After a change of `instances`, or for those that are disabled by now: not while any is asked.
    void arrange() {
        askedAt = {};
        for (std::size_t position = 0; position < instances.size(); ++position) {
            for (std::size_t bit = 0; bit < askedAt.size(); ++bit) {
                if (instances[position]->wants(std::uint32_t{1} << bit)) {
                    askedAt[bit].push_back(position);
                }
            }
        }
    }

    [[nodiscard]] const std::vector<std::size_t>& asked(Stage stage) const {
        return askedAt.at(static_cast<std::size_t>(std::countr_zero(static_cast<std::uint32_t>(stage))));
    }

    /// Nothing: the message goes on.
    std::optional<Outcome> ask(std::size_t position, Stage stage, Context& context, Token resumed);

    event::Loop& loop;
    base::SystemRandom random;  // To tags of answers only, which no test has to foresee
    Patience patience;
    Suspensions suspensions;
    Services* services = nullptr;
    std::function<void()> wishesChanged;
    std::vector<std::unique_ptr<Instance>> instances;
    /// Positions in `instances` of those that want a stage, by the bit that stands for it; some of them may be disabled
    /// meanwhile.
    std::array<std::vector<std::size_t>, std::bit_width(std::uint32_t{SIPROXD_STAGE_POST_PROXY})> askedAt;
};

std::unique_ptr<Instance> Chain::Impl::open(const std::string& directory, const std::string& text,
                                            std::vector<config::PluginOption> options) {
    auto module = Module::open(directory, text);
    if (!module) {
        log::error("plugin {} not found - skipped", text);
        log::error("plugin {}: {}", text, module.error().message);
        return nullptr;
    }
    auto description = readDescription(module->exported());
    if (!description) {
        if (description.error().wrongVersion) {
            log::error("Plugin '{}' does not support correct API version. "
                       "Please compile plugin with correct siproxd version.",
                       module->name());
        } else {
            log::error("plugin {} does not provide correct API functions - skipped", text);
        }
        log::error("plugin {}: {}", text, description.error().why);
        return nullptr;
    }
    std::string name = module->name();
    return std::make_unique<Instance>(loop, random, suspensions, patience, std::move(name),
                                      *description, std::move(options), std::move(*module));
}

std::optional<Outcome> Chain::Impl::ask(std::size_t position, Stage stage, Context& context, Token resumed) {
    Instance& instance = *instances[position];
    siproxd_message message{.self = instance.self(),
                            .context = context,
                            .suspendable = maySuspend(stage, context),
                            .resumed = resumed};
    const int verdict = instance.process(stage, message);
    if (verdict == SIPROXD_CONTINUE) {
        return std::nullopt;  // as nearly always
    }
    auto [outcome, complaint] = readVerdict(verdict, context, message.draft);
    if (!complaint.empty()) {
        instance.blame(stage, complaint);
    }
    if (outcome.verdict == Verdict::Suspend) {
        suspensions.park(outcome.token,
                         {.position = position,
                          .stage = stage,
                          .statusAtDeadline = message.draft.statusAtDeadline},
                         message.draft.deadline);
    }
    if (outcome.goesOn()) {
        return std::nullopt;
    }
    outcome.plugin = instance.self().name;
    log::debug(log::Class::Plugin, "plugin {} decided at stage 0x{:X}: verdict {}",
               outcome.plugin, static_cast<std::uint32_t>(stage), verdict);
    return std::move(outcome);
}

Chain::Chain(event::Loop& loop, Patience patience)
    : impl_(std::make_unique<Impl>(loop, patience)) {
    impl_->wishesChanged = [this] { learnWishes(); };
}

Chain::~Chain() {
    while (!impl_->instances.empty()) {
        impl_->instances.pop_back();
    }
}

std::size_t Chain::load(const config::PluginSettings& settings) {
    const auto modules = wantedModules(settings);
    std::size_t loaded = 0;
    for (const auto& entry : settings.loadPlugin) {
        const std::string module = moduleName(entry.text);
        if (impl_->has(module)) {
            log::warning("{}: plugin {} is loaded already - skipped", entry.origin.toString(),
                         entry.text);
            continue;
        }
        auto options = optionsOf(module, settings.options, modules);
        if (impl_->start(impl_->open(settings.plugindir, entry.text, std::move(options)))) {
            ++loaded;
        }
    }
    arrange();
    return loaded;
}

bool Chain::add(const siproxd_plugin& description, std::vector<config::PluginOption> options) {
    auto checked = readDescription(&description);
    if (!checked) {
        log::error("plugin built in: {}", checked.error().why);
        return false;
    }
    std::string name = checked->plugin.name;
    const bool started = impl_->start(
        std::make_unique<Instance>(impl_->loop, impl_->random, impl_->suspensions, impl_->patience,
                                   std::move(name), *checked, std::move(options), std::nullopt));
    arrange();
    return started;
}

void Chain::setServices(Services* services) {
    impl_->services = services;
    for (const auto& instance : impl_->instances) {
        instance->self().services = services;
    }
}

void Chain::onReady(ReadyCallback callback) {
    impl_->suspensions.onReady(std::move(callback));
}

Outcome Chain::runFrom(Stage stage, Context& context, std::size_t first) {
    const auto wanting = [&](std::size_t position) {
        return impl_->instances[position]->wants(static_cast<std::uint32_t>(stage));
    };
    const auto& positions = impl_->asked(stage);
    for (auto next = std::ranges::lower_bound(positions, first); next != positions.end(); ++next) {
        if (!wanting(*next)) {
            continue;  // disabled since the last tick
        }
        auto outcome = impl_->ask(*next, stage, context, Token::None);
        if (!wanting(*next)) {
            stages_ = impl_->stages();
        }
        if (outcome) {
            return std::move(*outcome);
        }
    }
    return {};
}

Outcome Chain::proceed(Token token, Context& context) {
    const auto suspension = impl_->suspensions.take(token);
    if (!suspension) {
        return {.verdict = Verdict::Drop};
    }
    const auto stage = suspension->stage;
    const std::size_t position = suspension->position;
    Instance& instance = *impl_->instances[position];
    if (suspension->timedOut) {
        log::warningFromPeer("Plugin '{}' did not decide in time about a suspended message",
                             instance.self().name);
        Draft draft{.status = suspension->statusAtDeadline};
        if (draft.status != 0) {
            const bool request = context.message != nullptr && context.message->isRequest();
            const int verdict = request ? SIPROXD_REJECT : SIPROXD_DROP;
            Outcome outcome = readVerdict(verdict, context, draft).outcome;
            outcome.plugin = instance.self().name;
            return outcome;
        }
    } else if (instance.wants(static_cast<std::uint32_t>(stage))) {
        if (auto outcome = impl_->ask(position, stage, context, token)) {
            return std::move(*outcome);
        }
    }
    return runFrom(stage, context, position + 1);
}

void Chain::forget(Token token) {
    impl_->suspensions.forget(token);
}

bool Chain::explainRoute(const std::string& number, const std::string& from,
                         const std::function<void(std::string_view)>& print) {
    return std::ranges::any_of(impl_->instances, [&](const auto& instance) {
        return instance->explainRoute(number, from, print);
    });
}

void Chain::notify(Notice what) {
    for (const auto& instance : impl_->instances) {
        instance->notify(what);
    }
}

int Chain::tell(CallEvent event, const CallView& call) {
    const CallShown shown(call);
    const auto& instances = impl_->instances;
    for (std::size_t i = 0; i < instances.size(); ++i) {
        const int result = instances[i]->hears(event) ? instances[i]->tell(event, shown.call()) : 0;
        if (result == 0) {
            continue;
        }
        // Who has had nothing against it has counted it.
        for (std::size_t j = 0; event == CallEvent::Trying && j < i; ++j) {
            if (instances[j]->hears(CallEvent::Left)) {
                instances[j]->tell(CallEvent::Left, shown.call());
            }
        }
        return result;
    }
    return 0;
}

void Chain::showTraffic(bool isSent, const base::Flow& flow, std::string_view bytes) {
    const auto local = flow.local.ip.toString();
    const auto remote = flow.remote.ip.toString();
    const siproxd_packet packet{.size = sizeof packet,
                                .is_sent = isSent ? 1U : 0U,
                                .protocol = protocolNumber(flow.protocol),
                                .reserved = 0,
                                .local_ip = local.c_str(),
                                .remote_ip = remote.c_str(),
                                .local_port = flow.local.port,
                                .remote_port = flow.remote.port,
                                .connection = flow.connection,
                                .data = bytes.data(),
                                .length = bytes.size()};
    for (const auto& instance : impl_->instances) {
        instance->show(packet);
    }
}

void Chain::arrange() {
    impl_->arrange();
    stages_ = impl_->stages();
    learnWishes();
}

void Chain::learnWishes() {
    callEvents_ = 0;
    seesTraffic_ = false;
    for (const auto& instance : impl_->instances) {
        callEvents_ |= instance->callEvents();
        seesTraffic_ = seesTraffic_ || instance->seesTraffic();
    }
}

void Chain::tick() {
    for (const auto& instance : impl_->instances) {
        if (instance->wants(SIPROXD_STAGE_TIMER)) {
            instance->tick();
        }
    }
    arrange();
}

std::vector<Status> Chain::status() const {
    std::vector<Status> all;
    for (const auto& instance : impl_->instances) {
        all.push_back(instance->status());
    }
    return all;
}

std::vector<access::AddressList*> Chain::lists() {
    std::vector<access::AddressList*> all;
    for (const auto& instance : impl_->instances) {
        for (const auto& list : instance->self().lists) {
            all.push_back(&list->addresses);
        }
    }
    return all;
}

}  // namespace siproxd::plugin
