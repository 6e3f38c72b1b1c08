// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "report.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// Writes a file in a thread of its own: a disk must not keep calls waiting. Who reads the file finds one state of it,
/// whole. Of texts that come faster than they can be written the last one counts.
class FileWriter {
public:
    explicit FileWriter(std::string path) : path_(std::move(path)) {}
    ~FileWriter() {
        {
            const std::lock_guard lock(mutex_);
            isEnding_ = true;
        }
        wake_.notify_one();
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    FileWriter(const FileWriter&) = delete;
    FileWriter& operator=(const FileWriter&) = delete;

    void write(std::string text) {
        {
            const std::lock_guard lock(mutex_);
            next_ = std::move(text);
        }
        if (!thread_.joinable()) {
            thread_ = std::thread([this] { run(); });
        }
        wake_.notify_one();
    }
    /// Why the last one could not be written; once.
    [[nodiscard]] std::string takeProblem() {
        const std::lock_guard lock(mutex_);
        return std::exchange(problem_, {});
    }

private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return isEnding_ || next_; });
            if (!next_) {
                return;
            }
            const auto text = *std::exchange(next_, std::nullopt);
            lock.unlock();
            auto problem = replace(text);
            lock.lock();
            problem_ = std::move(problem);
        }
    }

    [[nodiscard]] std::string replace(const std::string& text) const {
        const auto temporary = path_ + ".new";
        const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (file < 0) {
            return temporary + ": " + std::strerror(errno);
        }
        const bool isWritten = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
        const int error = errno;
        ::close(file);
        if (!isWritten) {
            ::unlink(temporary.c_str());
            return temporary + ": " + std::strerror(error);
        }
        return std::rename(temporary.c_str(), path_.c_str()) == 0 ? "" : path_ + ": " + std::strerror(errno);
    }

    std::string path_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::optional<std::string> next_;
    std::string problem_;
    bool isEnding_ = false;
    std::thread thread_;  ///< from the first text on: what it may do is settled by then
};

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
            writer_.emplace(std::string(*host.string("filename")));
        }
        start(logTimer_, logPeriod_);
        start(fileTimer_, filePeriod_);
    }

    void tick() {
        const auto problem = writer_ ? writer_->takeProblem() : "";
        if (!problem.empty()) {
            host_.warning("plugin_stats cannot write " + problem);
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
        writer_->write(stats::Report::of(host_).text(date, ::getpid()));
        start(fileTimer_, filePeriod_);
    }

    Host host_;
    std::int64_t logPeriod_;   ///< s; -1: when asked only, 0: never
    std::int64_t filePeriod_;  ///< likewise
    std::optional<FileWriter> writer_;
    Timer logTimer_;
    Timer fileTimer_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_stats, Stats)
