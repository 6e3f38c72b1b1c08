// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/run.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/application.h"
#include "app/module_settings.h"
#include "app/options.h"
#include "app/process.h"
#include "app/reading.h"
#include "app/start_check.h"
#include "app/version.h"
#include "base/log.h"
#include "config/dump.h"
#include "config/load.h"
#include "config/problem.h"
#include "event/loop.h"
#include "net/interface_table.h"
#include "plugin/chain.h"
#include "plugin/check.h"

namespace siproxd::app {

namespace {

void print(std::FILE* to, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), to);
    std::fflush(to);
}

int checkModule(const std::string& file) {
    const auto text = plugin::checkPlugin(file);
    print(text ? stdout : stderr, text ? *text : text.error().message + "\n");
    return text ? EXIT_SUCCESS : EXIT_FAILURE;
}

int suggestInterfaces() {
    const auto table = net::InterfaceTable::read();
    const auto found = table ? table->suggestInterfaces() : std::nullopt;
    if (!found) {
        print(stderr, "there is no default route: name the interfaces with if_inbound and "
                      "if_outbound\n");
        return EXIT_FAILURE;
    }
    print(stdout, "if_inbound=" + found->inbound + "\nif_outbound=" + found->outbound + "\n");
    return EXIT_SUCCESS;
}

/// The log of the process, to be replaced as it becomes a daemon.
class Logging {
public:
    void toStderr(std::uint32_t classes) { set(log::stderrSink(classes)); }
    void toSyslog(int silence, std::uint32_t classes) { set(log::syslogSink(silence, classes)); }

    /// From now on writing must not keep anybody waiting.
    void continueInBackground() {
        attachment_ = log::Attachment();
        set(log::inBackground(std::move(sink_)));
    }

private:
    void set(std::unique_ptr<log::Sink> sink) {
        attachment_ = log::Attachment();
        sink_ = std::move(sink);
        attachment_ = log::Attachment(*sink_);
    }
    std::unique_ptr<log::Sink> sink_;
    log::Attachment attachment_;
};

/// Counts the warnings that pass while it is attached.
class WarningCount final : public log::Sink {
public:
    [[nodiscard]] log::Level threshold() const override { return log::Level::Warning; }
    [[nodiscard]] std::uint32_t debugClasses() const override { return 0; }
    void write(const log::Record& record) override {
        count_ += record.level == log::Level::Warning ? 1 : 0;
    }
    /// `, with 2 warnings`; nothing when there were none.
    [[nodiscard]] std::string text() const {
        return count_ == 0 ? "" : fmt::format(", with {} warning{}", count_, count_ == 1 ? "" : "s");
    }

private:
    std::size_t count_ = 0;
};

void report(const std::vector<config::Problem>& problems) {
    for (const auto& problem : problems) {
        if (problem.severity == config::Severity::Error) {
            log::error("{}", problem.toString());
        } else {
            log::warning("{}", problem.toString());
        }
    }
}

/// Logs everything that is wrong; false when the daemon must not start.
bool report(const Reading& reading) {
    const auto& loaded = reading.fresh;
    report(loaded.problems);
    bool ok = loaded.ok();
    if (!reading.access) {
        log::error("{}", reading.access.error().message);
        ok = false;
    }
    if (!loaded.ok()) {
        return false;
    }
    if (const auto modules = checkModuleSettings(loaded.settings); !modules) {
        log::error("{}", modules.error().message);
        ok = false;
    }
    if (!reading.certificates) {
        log::error("{}", reading.certificates.error().message);
        ok = false;
    }
    const auto problems = checkStart(loaded.settings);
    report(problems);
    return ok && std::ranges::none_of(problems, [](const config::Problem& problem) {
        return problem.severity == config::Severity::Error;
    });
}

int runDaemon(const Options& options, Reading reading, const std::string& file, Logging& logging) {
    const auto& settings = reading.fresh.settings;
    std::optional<Background> background;
    if (settings.process.daemonize) {
        auto entered = Background::enter();
        if (!entered) {
            log::error("{}", entered.error().message);
            return EXIT_FAILURE;
        }
        background = std::move(*entered);
        logging.toSyslog(settings.log.silenceLog, settings.log.debugLevel);
    } else {
        logging.toStderr(settings.log.debugLevel);
    }
    log::info("{} starting up", versionText());
    auto application = Application::create(options, std::move(reading), file);
    if (!application) {
        log::error("{}", application.error().message);
        if (background) {
            print(stderr, "siproxd: " + application.error().message + "\n");
        }
        return EXIT_FAILURE;
    }
    if (options.showFirewall) {
        print(stdout, (*application)->firewallText());
    }
    if (background) {
        background->ready();
    }
    logging.continueInBackground();
    (*application)->run();
    return EXIT_SUCCESS;
}

/// What the plugins would do with a number; nothing is sent.
int testRoute(const Options& options, const config::Settings& settings) {
    const auto loop = event::makeLoop();
    if (!loop) {
        log::error("{}", loop.error().message);
        return EXIT_FAILURE;
    }
    plugin::Chain chain(**loop);
    chain.load(settings.plugins);
    const bool isDecided = chain.explainRoute(options.number, options.caller, [](std::string_view line) {
        print(stdout, std::string(line) + "\n");
    });
    if (!isDecided) {
        print(stdout, "no plugin changes it: it goes on as it was dialled\n");
    }
    return EXIT_SUCCESS;
}

int runWithConfiguration(const Options& options, Logging& logging) {
    std::string file = options.configFile;
    if (file.empty()) {
        const auto found = config::findFile();
        if (!found && options.overrides.empty()) {
            log::error("{}", found.error().message);
            return EXIT_FAILURE;
        }
        file = found.value_or("");
    }
    WarningCount warnings;
    log::Attachment counting(warnings);
    auto reading = Reading::of(file, options);
    const bool ok = report(reading);
    counting = log::Attachment();
    if (options.action == Action::CheckConfig) {
        print(stdout, ok ? "configuration is correct" + warnings.text() + "\n"
                         : "configuration has errors\n");
        return ok ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (!ok) {
        return EXIT_FAILURE;
    }
    if (options.action == Action::DumpConfig) {
        print(stdout, config::dump(reading.fresh.settings));
        return EXIT_SUCCESS;
    }
    if (options.action == Action::RouteTest) {
        return testRoute(options, reading.fresh.settings);
    }
    return runDaemon(options, std::move(reading), file, logging);
}

}  // namespace

int run(int argc, char* argv[]) {
    const auto options = parseOptions(argc, argv);
    if (!options) {
        print(stderr, "siproxd: " + options.error().message + "\n");
        return EXIT_FAILURE;
    }
    Logging logging;
    logging.toStderr(0);
    for (const auto& unknown : options->unknown) {
        log::warning("unknown option {} is ignored", unknown);
    }
    switch (options->action) {
        case Action::Help: print(stderr, helpText()); return EXIT_SUCCESS;
        case Action::Version: print(stdout, versionText() + "\n"); return EXIT_SUCCESS;
        case Action::CheckPlugin: return checkModule(options->plugin);
        case Action::SuggestInterfaces: return suggestInterfaces();
        case Action::CheckConfig:
        case Action::DumpConfig:
        case Action::RouteTest:
        case Action::Run: break;
    }
    return runWithConfiguration(*options, logging);
}

}  // namespace siproxd::app
