// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <utility>

#include "event/loop.h"
#include "support/fake_loop.h"

namespace siproxd::test {

/// Real sockets, virtual time: timers and the clock stand still until a test moves them.
class PacedLoop final : public event::Loop {
public:
    [[nodiscard]] base::TimePoint now() const override { return time_.now(); }
    [[nodiscard]] base::WallSeconds wallNow() const override { return time_.wallNow(); }
    [[nodiscard]] std::unique_ptr<event::Timer> timer(Callback callback) override {
        return time_.timer(std::move(callback));
    }
    [[nodiscard]] std::unique_ptr<event::Watch> watch(int fd, std::uint8_t interest,
                                                      ReadyCallback callback) override {
        return real_->watch(fd, interest, std::move(callback));
    }
    [[nodiscard]] std::unique_ptr<event::Stream> stream(base::UniqueFd fd,
                                                        event::Stream::Handler& handler,
                                                        const event::StreamOptions& options) override {
        return real_->stream(std::move(fd), handler, options);
    }
    [[nodiscard]] std::unique_ptr<event::Watch> onSignal(int signal, Callback callback) override {
        return real_->onSignal(signal, std::move(callback));
    }
    void post(Callback callback) override { real_->post(std::move(callback)); }
    void run() override { real_->run(); }
    void stop() override { real_->stop(); }

    void advance(base::Duration by) { time_.advance(by); }
    [[nodiscard]] event::Loop& real() { return *real_; }

private:
    std::unique_ptr<event::Loop> real_ = std::move(*event::makeLoop());
    FakeLoop time_;
};

}  // namespace siproxd::test
