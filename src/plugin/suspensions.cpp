// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/suspensions.h"

#include <unordered_map>
#include <utility>

namespace siproxd::plugin {

namespace {

constexpr std::size_t kMost = 10'000;

}  // namespace

struct Suspensions::State {
    struct Entry {
        Suspension suspension;
        bool ready = false;
        std::unique_ptr<event::Timer> timer = {};
    };

    explicit State(event::Loop& theLoop) : loop(theLoop) {}

    void finish(Token token, bool timedOut) {
        const auto found = entries.find(token);
        if (found == entries.end() || found->second.ready) {
            return;
        }
        found->second.ready = true;
        found->second.suspension.timedOut = timedOut;
        found->second.timer->stop();
        if (callback) {
            callback(token);
        }
    }

    event::Loop& loop;
    ReadyCallback callback;
    std::unordered_map<Token, Entry> entries;
    std::uint64_t last = 0;
};

Suspensions::Suspensions(event::Loop& loop) : state_(std::make_shared<State>(loop)) {}

void Suspensions::onReady(ReadyCallback callback) {
    state_->callback = std::move(callback);
}

Suspensions::Resumer Suspensions::resumer() const {
    return [loop = &state_->loop, weak = std::weak_ptr(state_)](Token token) {
        loop->post([weak, token] {
            if (const auto state = weak.lock()) {
                state->finish(token, false);
            }
        });
    };
}

Token Suspensions::reserve() {
    if (!state_->callback || state_->entries.size() >= kMost) {
        return Token::None;
    }
    return static_cast<Token>(++state_->last);
}

void Suspensions::park(Token token, const Suspension& suspension, base::Duration deadline) {
    State::Entry entry{.suspension = suspension};
    entry.timer = state_->loop.timer([state = state_.get(), token] { state->finish(token, true); });
    entry.timer->start(deadline);
    state_->entries.insert_or_assign(token, std::move(entry));
}

std::optional<Suspension> Suspensions::take(Token token) {
    const auto found = state_->entries.find(token);
    if (found == state_->entries.end() || !found->second.ready) {
        return std::nullopt;
    }
    const Suspension suspension = found->second.suspension;
    state_->entries.erase(found);
    return suspension;
}

void Suspensions::forget(Token token) {
    state_->entries.erase(token);
}

}  // namespace siproxd::plugin
