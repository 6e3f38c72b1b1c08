// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"

namespace siproxd::log {

namespace {

/// Records with texts of their own, which takes an allocation now and then, not two for each.
class Lines {
public:
    void add(const Record& record) {
        records_.push_back(record);
        texts_.append(record.file).append(record.message);
    }
    [[nodiscard]] std::size_t size() const { return records_.size(); }
    [[nodiscard]] bool empty() const { return records_.empty(); }
    void writeTo(Sink& sink) const {
        std::string_view texts(texts_);
        for (Record record : records_) {
            record.file = texts.substr(0, record.file.size());
            record.message = texts.substr(record.file.size(), record.message.size());
            texts.remove_prefix(record.file.size() + record.message.size());
            sink.write(record);
        }
    }
    /// The room stays, but not that of a flood of lines.
    void clear() {
        if (texts_.capacity() > kKept) {
            *this = {};
        }
        records_.clear();
        texts_.clear();
    }

private:
    static constexpr std::size_t kKept = 65'536;

    std::vector<Record> records_;  ///< of whose texts only the sizes count
    std::string texts_;
};

/// The first line is written at once, those that follow it within that time together: waking a thread costs more than
/// writing a line.
constexpr std::chrono::milliseconds kRest{20};

/// Shared with the thread, which may be stuck in the sink when everybody else is gone.
struct Queue {
    explicit Queue(std::size_t most) : capacity(most), hurry(most / 2) {}

    /// Whether the thread is to be woken by the line that has just come.
    [[nodiscard]] bool isNews() const { return isAwaited ? lines.size() == 1 : lines.size() == hurry; }

    const std::size_t capacity;
    const std::size_t hurry;  ///< with so many lines it rests no more
    std::unique_ptr<Sink> sink;
    std::mutex mutex;
    std::condition_variable arrived;
    std::condition_variable emptied;
    Lines lines;
    std::size_t dropped = 0;
    bool isAwaited = false;  ///< the thread has nothing to do
    bool writing = false;
    bool closed = false;
};

void tellDropped(Sink& sink, std::size_t count) {
    const auto text = fmt::format("{} lines were lost: the log was not written fast enough", count);
    sink.write({Level::Warning, Class::NoSpec, "log", 0, text, std::chrono::system_clock::now()});
}

void writeLines(const std::shared_ptr<Queue>& queue) {
    Lines lines;
    std::unique_lock lock(queue->mutex);
    for (;;) {
        queue->isAwaited = true;
        queue->arrived.wait(lock, [&] { return !queue->lines.empty() || queue->closed; });
        queue->isAwaited = false;
        if (queue->lines.empty()) {
            return;
        }
        std::swap(lines, queue->lines);
        const auto dropped = std::exchange(queue->dropped, 0);
        queue->writing = true;
        lock.unlock();
        lines.writeTo(*queue->sink);
        if (dropped > 0) {
            tellDropped(*queue->sink, dropped);
        }
        queue->sink->flush();
        lines.clear();
        lock.lock();
        queue->writing = false;
        queue->emptied.notify_all();
        queue->arrived.wait_for(lock, kRest, [&] { return queue->lines.size() >= queue->hurry || queue->closed; });
    }
}

class BackgroundSink final : public Sink {
public:
    BackgroundSink(std::unique_ptr<Sink> sink, std::size_t capacity,
                   std::chrono::milliseconds patience)
        : patience_(patience), queue_(std::make_shared<Queue>(capacity)) {
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
        if (queue_->lines.size() >= queue_->capacity) {
            ++queue_->dropped;
            return;
        }
        queue_->lines.add(record);
        if (queue_->isNews()) {
            queue_->arrived.notify_one();
        }
    }

private:
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
