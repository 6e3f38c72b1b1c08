// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/load.h"

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "config/parser.h"
#include "config/schema.h"
#include "config/suggestion.h"
#include "config/value.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

namespace siproxd::config {

namespace {

constexpr std::string_view kPluginPrefix = "plugin_";

std::string suggestionFor(std::string_view key) {
    std::vector<std::string_view> keys;
    for (const Directive& directive : directives()) {
        keys.push_back(directive.key);
    }
    const auto meant = suggest(key, keys);
    return meant ? fmt::format(", did you mean {}?", *meant) : std::string{};
}

/// Turns lines into settings and remembers what is wrong with them.
class Reader {
public:
    explicit Reader(std::string file) { whole_.file = std::move(file); }

    void readText(std::string_view text);
    void applyOverride(const std::string& assignment);
    [[nodiscard]] LoadResult finish() &&;

private:
    void apply(const Line& line, Severity ifUnknown);
    void applyCore(const Directive& directive, const Line& line);
    void checkRequired();
    void checkRelayPorts();
    void checkExpires();
    void checkGroup(Group group, const char* complaint);
    void warn(const Origin& origin, std::string message);
    void fail(const Origin& origin, std::string message);
    [[nodiscard]] const Origin& originOf(std::string_view key) const;

    LoadResult result_;
    Origin whole_;  ///< the file without a line, for what is wrong as a whole
    std::map<std::string_view, std::size_t> given_;  ///< lines a directive had
};

void Reader::warn(const Origin& origin, std::string message) {
    result_.problems.push_back({Severity::Warning, origin, std::move(message)});
}

void Reader::fail(const Origin& origin, std::string message) {
    result_.problems.push_back({Severity::Error, origin, std::move(message)});
}

const Origin& Reader::originOf(std::string_view key) const {
    const auto found = result_.settings.origins.find(key);
    return found == result_.settings.origins.end() ? whole_ : found->second;
}

void Reader::readText(std::string_view text) {
    ParsedText parsed = parseText(text, whole_.file);
    result_.problems = std::move(parsed.problems);
    for (const Line& line : parsed.lines) {
        apply(line, Severity::Warning);
    }
    // The parser and the values have reported one after the other; users read top down.
    std::ranges::stable_sort(result_.problems, {},
                             [](const Problem& problem) { return problem.origin.line; });
}

void Reader::applyOverride(const std::string& assignment) {
    const Origin origin{"command line", 0};
    const auto line = parseLine(assignment, origin);
    if (!line) {
        fail(origin, line.error().message);
    } else if (*line) {
        apply(**line, Severity::Error);
    } else {
        fail(origin, "empty setting");
    }
}

void Reader::apply(const Line& line, Severity ifUnknown) {
    const Directive* directive = findDirective(line.key);
    const bool forPlugin = line.key.starts_with(kPluginPrefix);
    if (directive == nullptr && !forPlugin) {
        result_.problems.push_back(
            {ifUnknown, line.origin,
             fmt::format("unknown keyword in config file, line:\"{}\"{}",
                         quoted(fmt::format("{} = {}", line.key, line.value)),
                         suggestionFor(line.key))});
        return;
    }
    if (line.cutShort && (forPlugin || !directive->isNumber())) {
        warn(line.origin, fmt::format("the value of {} ends before the '#', which starts a comment",
                                      line.key));
    }
    if (directive != nullptr) {
        applyCore(*directive, line);
    } else {
        result_.settings.plugins.options.push_back({line.key, line.value, line.origin});
    }
}

void Reader::applyCore(const Directive& directive, const Line& line) {
    const std::size_t index = given_[directive.key]++;
    auto checked = checkValue(directive, line.value, line.origin);
    if (!checked) {
        fail(line.origin, std::move(checked.error().message));
        return;
    }
    if (!checked->warning.empty()) {
        warn(line.origin, std::move(checked->warning));
    }
    directive.binding.store(result_.settings, index, checked->value);
    result_.settings.origins.insert_or_assign(std::string(directive.key), line.origin);
}

void Reader::checkRequired() {
    for (const Directive& directive : directives()) {
        if (directive.required && !given_.contains(directive.key)) {
            fail(whole_, fmt::format("{} is not set. {}", directive.key, directive.help));
        }
    }
}

void Reader::checkRelayPorts() {
    MediaSettings& media = result_.settings.media;
    if (media.rtpPortLow % 2 != 0) {
        ++media.rtpPortLow;
        warn(originOf("rtp_port_low"),
             fmt::format("rtp_port_low must be even, {} is used", media.rtpPortLow));
    }
    // Not worth a line: the odd port is the RTCP port of the even one below it.
    media.rtpPortHigh = static_cast<std::uint16_t>(media.rtpPortHigh & ~1U);
    if (media.rtpPortHigh < media.rtpPortLow) {
        fail(originOf(given_.contains("rtp_port_high") ? "rtp_port_high" : "rtp_port_low"),
             fmt::format("no port for media: rtp_port_high ({}) is below rtp_port_low ({})",
                         media.rtpPortHigh + 1, media.rtpPortLow));
    }
}

void Reader::checkExpires() {
    const auto& registrar = result_.settings.registrar;
    if (registrar.maxExpires < registrar.minExpires) {
        fail(originOf(given_.contains("max_expires") ? "max_expires" : "min_expires"),
             fmt::format("max_expires ({}) is below min_expires ({})", registrar.maxExpires.count(),
                         registrar.minExpires.count()));
    }
}

void Reader::checkGroup(Group group, const char* complaint) {
    std::vector<std::size_t> counts;
    std::string listed;
    const Directive* any = nullptr;
    Origin origin = whole_;
    for (const Directive& directive : directives()) {
        if (directive.group != group) {
            continue;
        }
        any = &directive;
        counts.push_back(given_.contains(directive.key) ? given_[directive.key] : 0);
        listed += fmt::format("{}{} {}", listed.empty() ? "" : ", ", counts.back(), directive.key);
        if (counts.back() > 0) {
            origin = originOf(directive.key);
        }
    }
    if (std::ranges::adjacent_find(counts, std::ranges::not_equal_to{}) != counts.end()) {
        warn(origin, fmt::format("{} ({}; all are ignored)", complaint, listed));
        any->binding.copy(result_.settings, Settings{});
    }
}

LoadResult Reader::finish() && {
    checkRequired();
    checkRelayPorts();
    checkExpires();
    checkGroup(Group::OutboundDomain,
               "configuration of outbound_domain_ inconsistent, check config");
    checkGroup(Group::RelayDomain,
               "rtp_proxy_domain_name and rtp_proxy_domain_mode do not go together");
    checkGroup(Group::MaskedHost, "# of mask_host is not equal to # of masked_host in config!");
    if (!result_.settings.plugins.plugindir.ends_with('/')) {
        result_.settings.plugins.plugindir += '/';
    }
    return std::move(result_);
}

base::Result<std::string> readFile(const std::string& path) {
    constexpr std::size_t kMaxSize = std::size_t{16} << 20;
    auto text = base::readWholeFile(path, kMaxSize, base::FileKind::Any);
    if (text) {
        return *std::move(text);
    }
    const auto& failure = text.error();
    if (failure.step == base::ReadFailure::Step::Open) {
        return base::fail(fmt::format("could not open config file: {}", failure.message));
    }
    return base::fail(fmt::format("could not read config file: {}",
                                  failure.step == base::ReadFailure::Step::Size
                                      ? "it is longer than 16 MB"
                                      : failure.message));
}

}  // namespace

bool LoadResult::ok() const {
    return std::ranges::none_of(problems, [](const Problem& problem) {
        return problem.severity == Severity::Error;
    });
}

LoadResult read(std::string_view text, const std::string& file,
                std::span<const std::string> overrides) {
    Reader reader(file);
    reader.readText(text);
    for (const std::string& assignment : overrides) {
        reader.applyOverride(assignment);
    }
    return std::move(reader).finish();
}

LoadResult load(const std::string& path, std::span<const std::string> overrides) {
    auto text = readFile(path);
    if (!text) {
        LoadResult failed;
        failed.problems.push_back({Severity::Error, {path, 0}, std::move(text.error().message)});
        return failed;
    }
    return read(*text, path, overrides);
}

std::vector<std::string> searchPath(const char* home) {
    std::vector<std::string> path;
    const auto add = [&path](std::string name) {
        if (std::ranges::find(path, name) == path.end()) {
            path.push_back(std::move(name));
        }
    };
    if (home != nullptr && *home != '\0') {
        add(fmt::format("{}/.siproxdrc", home));
    }
    add(SYSCONFDIR "/siproxd.conf");
    add("/etc/siproxd.conf");
    add("/etc/siproxd/siproxd.conf");
    add("/usr/etc/siproxd.conf");
    add("/usr/local/etc/siproxd.conf");
    return path;
}

base::Result<std::string> findFile() {
    std::string tried;
    for (std::string& name : searchPath(std::getenv("HOME"))) {
        struct stat status {};
        if (::stat(name.c_str(), &status) == 0 && !S_ISREG(status.st_mode) &&
            !S_ISCHR(status.st_mode)) {
            // Not passed over: who has put it there wanted it to be used.
            return base::fail(
                fmt::format("could not open config file: {}: not a regular file", name));
        }
        // It may be another one by now, which open() would wait for.
        if (base::UniqueFd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))) {
            return std::move(name);
        }
        tried += fmt::format("{}{}: {}", tried.empty() ? "" : ", ", name, std::strerror(errno));
    }
    return base::fail(fmt::format("could not open config file: {}", tried));
}

}  // namespace siproxd::config
