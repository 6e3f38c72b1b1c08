// SPDX-License-Identifier: GPL-2.0-or-later
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <atomic>

#include "base/log.h"

namespace siproxd::log {

namespace {

Level leastLevel(int silence) {
    switch (silence) {
        case 0: return Level::Debug;
        case 1: return Level::Info;
        case 2: return Level::Warning;
        default: return Level::Error;
    }
}

// Sinks may be adjusted while another thread is writing to them (inBackground()).

class StderrSink final : public Sink {
public:
    explicit StderrSink(std::uint32_t classes) : classes_(classes) {
        out_.set_pattern("%v");
    }
    [[nodiscard]] Level threshold() const override {
        return classes_ != 0 ? Level::Debug : Level::Info;
    }
    [[nodiscard]] std::uint32_t debugClasses() const override { return classes_; }
    void adjust(int /*silence*/, std::uint32_t debugClasses) override { classes_ = debugClasses; }
    void write(const Record& record) override {
        if (!lines_.empty()) {
            lines_ += '\n';
        }
        lines_ += formatLine(record);
    }
    /// All lines in one system call.
    void flush() override {
        if (!lines_.empty()) {
            out_.log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info, lines_));
            lines_.clear();
        }
    }

private:
    std::atomic<std::uint32_t> classes_;
    std::string lines_;  ///< not written yet
    spdlog::sinks::stderr_sink_st out_;
};

class SyslogSink final : public Sink {
public:
    SyslogSink(int silence, std::uint32_t classes) : silence_(silence), classes_(classes) {
        // At once: in a jail there is no /dev/log to connect to later.
        ::openlog("siproxd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    }
    ~SyslogSink() override { ::closelog(); }
    [[nodiscard]] Level threshold() const override { return leastLevel(silence_); }
    [[nodiscard]] std::uint32_t debugClasses() const override { return classes_; }
    void adjust(int silence, std::uint32_t debugClasses) override {
        silence_ = silence;
        classes_ = debugClasses;
    }
    void write(const Record& record) override {
        if (silence_ >= 4) {
            return;
        }
        // Information has priority notice, as warnings have: log rules of users depend on it.
        // (spdlog's own syslog sink has no level for that.)
        int priority = LOG_NOTICE;
        std::string_view name;
        switch (record.level) {
            case Level::Error: name = "ERROR:", priority = LOG_ERR; break;
            case Level::Warning: name = "WARNING:"; break;
            case Level::Info: name = "INFO:"; break;
            case Level::Debug: priority = LOG_DEBUG; break;
        }
        ::syslog(priority, "%s", fmt::format("{}:{} {}{}", record.file, record.line, name,
                                             record.message).c_str());
    }

private:
    std::atomic<int> silence_;
    std::atomic<std::uint32_t> classes_;
};

}  // namespace

std::unique_ptr<Sink> stderrSink(std::uint32_t debugClasses) {
    return std::make_unique<StderrSink>(debugClasses);
}

std::unique_ptr<Sink> syslogSink(int silence, std::uint32_t debugClasses) {
    return std::make_unique<SyslogSink>(silence, debugClasses);
}

}  // namespace siproxd::log
