// SPDX-License-Identifier: GPL-2.0-or-later
#include "writer.h"

#include "quiet_thread.h"

namespace cdr {

using namespace std::chrono_literals;

namespace {

constexpr auto kRest = 20ms;

}  // namespace

Writer::Writer(PathPattern pattern, std::string header, std::size_t most)
    : queue_(most), file_(std::move(pattern), std::move(header)), thread_(quietThread([this] { run(); })) {}

void Writer::end() {
    queue_.close();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Writer::run() {
    std::string lastProblem;
    while (!queue_.isOver()) {
        auto entry = queue_.wait(0ms);
        if (!entry) {
            // A record is written at once, those that follow it so soon together.
            queue_.rest(kRest);
            entry = queue_.wait(1h);
        }
        if (!entry) {
            continue;
        }
        auto problem = file_.append(entry->ended, entry->line);
        if (problem.empty()) {
            queue_.pop();
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
