// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

namespace siproxd::log {

namespace {

struct Shared {
    std::mutex mutex;
    std::vector<Sink*> sinks;
};

/// Never destroyed, so that lines written by late destructors are safe.
Shared& shared() {
    static auto* instance = new Shared;
    return *instance;
}

std::atomic<std::uint32_t> wantedClasses{0};
std::atomic<Level> wantedLevel{Level::Error};
std::atomic<bool> anySink{false};

std::string_view label(Level level) {
    switch (level) {
        case Level::Error: return "ERROR:";
        case Level::Warning: return "WARNING:";
        case Level::Info: return "INFO:";
        case Level::Debug: break;
    }
    return "";
}

bool wanted(const Sink& sink, const Record& record) {
    if (record.level < sink.threshold()) {
        return false;
    }
    return record.level != Level::Debug ||
           (sink.debugClasses() & static_cast<std::uint32_t>(record.debugClass)) != 0;
}

void recompute(const std::vector<Sink*>& sinks) {
    std::uint32_t classes = 0;
    Level level = Level::Error;
    for (const Sink* sink : sinks) {
        level = std::min(level, sink->threshold());
        classes |= sink->threshold() == Level::Debug ? sink->debugClasses() : 0;
    }
    wantedClasses.store(classes, std::memory_order_relaxed);
    wantedLevel.store(level, std::memory_order_relaxed);
    anySink.store(!sinks.empty(), std::memory_order_relaxed);
}

std::string_view baseName(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

void Sink::adjust(int /*silence*/, std::uint32_t /*debugClasses*/) {}

Attachment::Attachment(Sink& sink) : sink_(&sink) {
    auto& log = shared();
    const std::lock_guard lock(log.mutex);
    log.sinks.push_back(sink_);
    recompute(log.sinks);
}

Attachment& Attachment::operator=(Attachment&& other) noexcept {
    std::swap(sink_, other.sink_);
    return *this;
}

Attachment::~Attachment() {
    if (sink_ != nullptr) {
        auto& log = shared();
        const std::lock_guard lock(log.mutex);
        std::erase(log.sinks, sink_);
        recompute(log.sinks);
    }
}

void refresh() {
    auto& log = shared();
    const std::lock_guard lock(log.mutex);
    recompute(log.sinks);
}

void adjust(int silence, std::uint32_t debugClasses) {
    auto& log = shared();
    const std::lock_guard lock(log.mutex);
    for (Sink* sink : log.sinks) {
        sink->adjust(silence, debugClasses);
    }
    recompute(log.sinks);
}

bool wants(Level level, Class debugClass) {
    if (!anySink.load(std::memory_order_relaxed)) {
        return false;
    }
    if (level == Level::Debug) {
        return (wantedClasses.load(std::memory_order_relaxed) &
                static_cast<std::uint32_t>(debugClass)) != 0;
    }
    return level >= wantedLevel.load(std::memory_order_relaxed);
}

void write(Level level, Class debugClass, std::string_view file, unsigned line,
           std::string_view message) {
    const Record record{level, debugClass, baseName(file), line, message,
                        std::chrono::system_clock::now()};
    auto& log = shared();
    const std::lock_guard lock(log.mutex);
    for (Sink* sink : log.sinks) {
        if (wanted(*sink, record)) {
            sink->write(record);
            sink->flush();
        }
    }
}

/// Of a line, without the name of the file.
constexpr std::size_t kLongestBeginning = 48;

std::string formatLine(const Record& record) {
    using namespace std::chrono;
    const auto millis = duration_cast<milliseconds>(record.time.time_since_epoch()).count() % 1000;
    // Lines come many to a second.
    thread_local std::time_t known = -1;
    thread_local std::string clock;
    if (const std::time_t seconds = system_clock::to_time_t(record.time); seconds != known) {
        std::tm local{};
        ::localtime_r(&seconds, &local);
        clock = fmt::format("{:02}:{:02}:{:02}.", local.tm_hour, local.tm_min, local.tm_sec);
        known = seconds;
    }
    std::string line;
    line.reserve(kLongestBeginning + record.file.size() + record.message.size());
    line += clock;
    line += static_cast<char>('0' + millis / 100);
    line += static_cast<char>('0' + millis / 10 % 10);
    line += static_cast<char>('0' + millis % 10);
    line += ' ';
    line += label(record.level);
    line += record.file;
    line += ':';
    line += std::to_string(record.line);
    line += ' ';
    line += record.message;
    return line;
}

namespace detail {

void vwrite(Level level, Class debugClass, const std::source_location& where,
            fmt::string_view text, fmt::format_args args) {
    if (wants(level, debugClass)) {
        write(level, debugClass, where.file_name(), where.line(), fmt::vformat(text, args));
    }
}

bool admit(const std::source_location& where) {
    using Clock = std::chrono::steady_clock;
    constexpr unsigned kLinesPerSecond = 20;
    struct Window {
        Clock::time_point start;
        unsigned lines = 0;
    };
    // One entry for each place in the code that logs for peers: it cannot grow by what they send.
    static std::mutex mutex;
    static std::map<std::pair<std::string_view, unsigned>, Window> windows;

    unsigned suppressed = 0;
    {
        const std::lock_guard lock(mutex);
        auto& window = windows[{where.file_name(), where.line()}];
        const auto now = Clock::now();
        if (now - window.start >= std::chrono::seconds(1)) {
            suppressed = window.lines > kLinesPerSecond ? window.lines - kLinesPerSecond : 0;
            window = {now, 0};
        }
        if (++window.lines > kLinesPerSecond) {
            return false;
        }
    }
    if (suppressed > 0) {
        write(Level::Warning, Class::NoSpec, where.file_name(), where.line(),
              fmt::format("{} more lines like the next one were left out", suppressed));
    }
    return true;
}

}  // namespace detail

}  // namespace siproxd::log
