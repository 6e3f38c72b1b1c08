// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <ctime>
#include <optional>
#include <string>

#include "../disk/saver.h"
#include "report.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// Says now and then, or when asked by SIGUSR1, how many calls there are.
class Stats {
public:
    static constexpr const char* kDescription = "Upon SIGUSR1 or periodically, dump some call statistics";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::Timer);
    static constexpr Option kOptions[] = {
        integerOption("to_syslog", "Seconds between log lines; 0: none, -1: upon SIGUSR1 only", "0", -1, 86'400),
        integerOption("to_file", "Seconds between states of the file; 0: none, -1: upon SIGUSR1 only", "0", -1, 86'400),
        stringOption("filename", "The file"),
    };

    static std::unique_ptr<Stats> create(Host host) {
        const auto path = host.string("filename");
        if (host.integer("to_file").value_or(0) != 0 && (!path || path->empty())) {
            host.optionError("to_file", 0, "plugin_stats_filename has to say which file");
            return nullptr;
        }
        return std::make_unique<Stats>(host);
    }

    explicit Stats(Host host)
        : host_(host), logPeriod_(host.integer("to_syslog").value_or(0)),
          filePeriod_(host.integer("to_file").value_or(0)),
          logTimer_(host, [this] { logNow(); }), fileTimer_(host, [this] { writeNow(); }) {
        if (filePeriod_ != 0) {
            writer_.emplace(std::string(*host.string("filename")), 0644, false);
        }
        start(logTimer_, logPeriod_);
        start(fileTimer_, filePeriod_);
    }

    void tick() {
        const auto problem = writer_ ? writer_->takeOutcome() : std::nullopt;
        if (problem && !problem->empty()) {
            host_.warning("plugin_stats cannot write " + *problem);
        }
    }

    void notice(Notice what) {
        if (what == Notice::Statistics) {
            if (logPeriod_ != 0) {
                logNow();
            }
            if (filePeriod_ != 0) {
                writeNow();
            }
        }
    }

private:
    static void start(Timer& timer, std::int64_t period) {
        if (period > 0) {
            timer.start(static_cast<std::uint32_t>(period) * 1000);
        }
    }

    void logNow() {
        host_.info(stats::Report::of(host_).line());
        start(logTimer_, logPeriod_);
    }

    void writeNow() {
        const std::time_t now = host_.wallTime();
        std::tm local{};
        char date[64] = "";
        if (::localtime_r(&now, &local) != nullptr) {
            std::strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &local);
        }
        writer_->save(stats::Report::of(host_).text(date, ::getpid()));
        start(fileTimer_, filePeriod_);
    }

    Host host_;
    std::int64_t logPeriod_;   ///< s; -1: when asked only, 0: never
    std::int64_t filePeriod_;  ///< likewise
    std::optional<siproxd::disk::Saver> writer_;
    Timer logTimer_;
    Timer fileTimer_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_stats, Stats)
