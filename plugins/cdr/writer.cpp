// SPDX-License-Identifier: GPL-2.0-or-later
#include "writer.h"

#include "../disk/quiet_thread.h"

namespace cdr {

using namespace std::chrono_literals;

namespace {

constexpr auto kRest = 20ms;
constexpr std::size_t kMost = 64;  ///< in one go

}  // namespace

Writer::Writer(PathPattern pattern, std::string header, std::size_t most)
    : queue_(most), file_(std::move(pattern), std::move(header)), thread_(siproxd::disk::quietThread([this] { run(); })) {}

void Writer::end() {
    queue_.close();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Writer::run() {
    std::string lastProblem;
    while (!queue_.isOver()) {
        auto entries = queue_.wait(0ms, kMost);
        if (entries.empty()) {
            // A record is written at once, those that follow it so soon together.
            queue_.rest(kRest);
            entries = queue_.wait(1h, kMost);
        }
        if (entries.empty()) {
            continue;
        }
        const auto ended = entries.front().ended;
        std::string lines;
        std::size_t count = 0;
        for (; count < entries.size() && file_.isOne(ended, entries[count].ended); ++count) {
            lines += entries[count].line;
        }
        auto problem = file_.append(ended, lines);
        if (problem.empty()) {
            queue_.pop(count);
            lastProblem.clear();
            continue;
        }
        if (problem != lastProblem) {
            queue_.say("cannot write " + problem);
            lastProblem = std::move(problem);
        }
        if (queue_.isClosed()) {
            queue_.giveUp();
        }
        queue_.pause(1s);
    }
}

}  // namespace cdr
