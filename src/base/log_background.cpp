// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/log.h"

namespace siproxd::log {

namespace {

struct Line {
    Level level;
    Class debugClass;
    std::string file;
    unsigned line;
    std::string message;
    std::chrono::system_clock::time_point time;
};

/// Shared with the thread, which may be stuck in the sink when everybody else is gone.
struct Queue {
    std::unique_ptr<Sink> sink;
    std::mutex mutex;
    std::condition_variable arrived;
    std::condition_variable emptied;
    std::deque<Line> lines;
    std::size_t dropped = 0;
    bool writing = false;
    bool closed = false;
};

void pass(Sink& sink, const Line& line) {
    sink.write({line.level, line.debugClass, line.file, line.line, line.message, line.time});
}

void tellDropped(Sink& sink, std::size_t count) {
    const auto text = fmt::format("{} lines were lost: the log was not written fast enough", count);
    sink.write({Level::Warning, Class::NoSpec, "log", 0, text, std::chrono::system_clock::now()});
}

void writeLines(const std::shared_ptr<Queue>& queue) {
    std::unique_lock lock(queue->mutex);
    for (;;) {
        queue->arrived.wait(lock, [&] { return !queue->lines.empty() || queue->closed; });
        if (queue->lines.empty()) {
            return;
        }
        const auto lines = std::exchange(queue->lines, {});
        const auto dropped = std::exchange(queue->dropped, 0);
        queue->writing = true;
        lock.unlock();
        for (const auto& line : lines) {
            pass(*queue->sink, line);
        }
        if (dropped > 0) {
            tellDropped(*queue->sink, dropped);
        }
        lock.lock();
        queue->writing = false;
        queue->emptied.notify_all();
    }
}

class BackgroundSink final : public Sink {
public:
    BackgroundSink(std::unique_ptr<Sink> sink, std::size_t capacity,
                   std::chrono::milliseconds patience)
        : capacity_(capacity), patience_(patience), queue_(std::make_shared<Queue>()) {
        queue_->sink = std::move(sink);
        thread_ = std::thread(writeLines, queue_);
    }
    BackgroundSink(const BackgroundSink&) = delete;
    BackgroundSink& operator=(const BackgroundSink&) = delete;
    ~BackgroundSink() override {
        std::unique_lock lock(queue_->mutex);
        queue_->closed = true;
        queue_->arrived.notify_all();
        const bool done = queue_->emptied.wait_for(
            lock, patience_, [this] { return queue_->lines.empty() && !queue_->writing; });
        lock.unlock();
        if (done) {
            thread_.join();
        } else {
            thread_.detach();
        }
    }
    [[nodiscard]] Level threshold() const override { return queue_->sink->threshold(); }
    [[nodiscard]] std::uint32_t debugClasses() const override {
        return queue_->sink->debugClasses();
    }
    void adjust(int silence, std::uint32_t debugClasses) override {
        queue_->sink->adjust(silence, debugClasses);
    }
    void write(const Record& record) override {
        const std::lock_guard lock(queue_->mutex);
        if (queue_->lines.size() >= capacity_) {
            ++queue_->dropped;
            return;
        }
        queue_->lines.push_back({record.level, record.debugClass, std::string(record.file),
                                 record.line, std::string(record.message), record.time});
        if (queue_->lines.size() == 1 && !queue_->writing) {
            queue_->arrived.notify_one();
        }
    }

private:
    std::size_t capacity_;
    std::chrono::milliseconds patience_;
    std::shared_ptr<Queue> queue_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Sink> inBackground(std::unique_ptr<Sink> sink, std::size_t capacity,
                                   std::chrono::milliseconds patience) {
    return std::make_unique<BackgroundSink>(std::move(sink), capacity, patience);
}

}  // namespace siproxd::log
