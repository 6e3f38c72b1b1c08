// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hook.h"
#include "path.h"
#include "record.h"
#include "siproxd/plugin.hpp"
#include "writer.h"

namespace {

using namespace siproxd::api;

/// Calls whose labels are remembered until they end.
constexpr std::size_t kMostTried = 100'000;

struct Settings {
    std::optional<cdr::PathPattern> file;
    std::vector<std::string> hook;  ///< program and arguments; empty: none
    cdr::Format format = cdr::Format::Csv;
    bool withChallenged = false;
    std::size_t queue = 0;
};

std::vector<std::string> wordsOf(std::string_view text) {
    std::vector<std::string> words;
    while (true) {
        const auto begin = text.find_first_not_of(" \t");
        if (begin == std::string_view::npos) {
            return words;
        }
        const auto end = std::min(text.find_first_of(" \t", begin), text.size());
        words.emplace_back(text.substr(begin, end - begin));
        text.remove_prefix(end);
    }
}

/// Nothing: what is wrong has been logged.
std::optional<Settings> read(const Host& host) {
    Settings settings;
    const auto lastOf = [&host](const char* option) {
        const auto lines = host.list(option).size();
        return lines == 0 ? 0 : lines - 1;
    };
    const auto format = host.choice("format", {"csv", "json"});
    if (!format) {
        return std::nullopt;
    }
    settings.format = *format == 0 ? cdr::Format::Csv : cdr::Format::Json;
    if (const auto path = orEmpty(host.string("file")); !path.empty()) {
        std::string why;
        settings.file = cdr::PathPattern::parse(path, why);
        if (!settings.file) {
            host.optionError("file", lastOf("file"), why);
            return std::nullopt;
        }
    }
    settings.hook = wordsOf(orEmpty(host.string("hook")));
    if (!settings.hook.empty() && !settings.hook.front().starts_with('/')) {
        host.optionError("hook", lastOf("hook"), "the path of a program is needed that begins with /");
        return std::nullopt;
    }
    if (!settings.file && settings.hook.empty()) {
        host.error("plugin_cdr: neither plugin_cdr_file nor plugin_cdr_hook says where records go");
        return std::nullopt;
    }
    settings.withChallenged = host.integer("challenged").value_or(0) != 0;
    settings.queue = static_cast<std::size_t>(host.integer("queue").value_or(0));
    return settings;
}

/// Writes a record of each call when it is over.
class Cdr {
public:
    static constexpr const char* kDescription = "Writes a record of each call";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::Timer);
    static constexpr Option kOptions[] = {
        stringOption("file", "Where records go; yyyy, mm and dd stand for the date"),
        stringOption("format", "csv or json", "csv"),
        stringOption("hook", "A program, with arguments, that gets the records on its standard input"),
        integerOption("challenged", "1: records, too, of INVITEs that ended with a challenge (401, 407)", "0", 0, 1),
        integerOption("queue", "Records that may wait for the disk, or for the hook", "10000", 1, 1'000'000),
    };

    static std::unique_ptr<Cdr> create(Host host) {
        auto settings = read(host);
        return settings ? std::make_unique<Cdr>(host, std::move(*settings)) : nullptr;
    }

    Cdr(Host host, Settings settings)
        : host_(host), settings_(std::move(settings)), records_(settings_.format), starter_(host, [this] { start(); }) {
        ::tzset();  // as long as there is a /etc/localtime: a jail has none
        host_.hearCalls(events(CallEvent::Trying, CallEvent::Ended));
        // Threads and programs begin when siproxd has given up its privileges.
        starter_.start(0);
    }
    ~Cdr() {
        if (writer_) {
            writer_->end();
        }
        if (hook_) {
            hook_->end();
        }
        tick();
    }
    Cdr(const Cdr&) = delete;
    Cdr& operator=(const Cdr&) = delete;

    int call(CallEvent event, const siproxd_call& call) {
        if (event == CallEvent::Trying && (tried_.size() < kMostTried || tried_.contains(call.id))) {
            tried_[call.id] = orEmpty(call.label);
        } else if (event == CallEvent::Ended) {
            end(call);
        }
        return 0;
    }

    void tick() {
        if (writer_) {
            tell(writer_->takeNews(), "the file");
        }
        if (hook_) {
            tell(hook_->takeNews(), "the hook");
        }
    }

private:
    void end(const siproxd_call& call) {
        const auto tried = tried_.extract(call.id);
        const bool isChallenge = call.answered == 0 && (call.status == 401 || call.status == 407);
        if (isChallenge && !settings_.withChallenged) {
            return;
        }
        start();
        auto shown = call;
        if (call.answered == 0 && !tried.empty()) {
            shown.label = tried.mapped().c_str();
        }
        const cdr::Entry entry{call.ended, records_.of(shown)};
        if (writer_) {
            writer_->put(entry);
        }
        if (hook_) {
            hook_->put(entry);
        }
    }

    void start() {
        if (isStarted_) {
            return;
        }
        isStarted_ = true;
        const auto header = records_.heading();
        if (settings_.file) {
            writer_.emplace(*settings_.file, header, settings_.queue);
        }
        if (!settings_.hook.empty()) {
            hook_.emplace(settings_.hook, header, settings_.queue);
        }
    }

    void tell(const std::pair<std::size_t, std::string>& news, std::string_view where) const {
        if (!news.second.empty()) {
            host_.warning("plugin_cdr: " + news.second);
        }
        if (news.first > 0) {
            host_.error("plugin_cdr: " + std::to_string(news.first) + " records are lost for " + std::string(where));
        }
    }

    Host host_;
    Settings settings_;
    cdr::Records records_;
    bool isStarted_ = false;
    std::optional<cdr::Writer> writer_;
    std::optional<cdr::Hook> hook_;
    std::unordered_map<std::uint64_t, std::string> tried_;  ///< the last label, by call
    Timer starter_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_cdr, Cdr)
