// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "event/loop.h"
#include "plugin/chain.h"

namespace siproxd::plugin {

/// Where a suspended message stopped, and what is to become of it.
struct Suspension {
    std::size_t position = 0;  ///< of the plugin in the chain
    Stage stage = Stage::Validate;
    int statusAtDeadline = 0;  ///< 0: the message goes on
    bool timedOut = false;
};

/// Messages that wait for a plugin. All calls but the one of resumer() are for the loop's thread.
class Suspensions {
public:
    using ReadyCallback = std::function<void(Token)>;
    /// Says from any thread that a token's wait is over; outlives the Suspensions without harm.
    using Resumer = std::function<void(Token)>;

    explicit Suspensions(event::Loop& loop);

    void onReady(ReadyCallback callback);
    [[nodiscard]] Resumer resumer() const;

    /// A token for park(); None: nobody listens, or too many messages wait already.
    [[nodiscard]] Token reserve();
    void park(Token token, const Suspension& suspension, base::Duration deadline);

    /// Ends the wait; nothing when the token is unknown or not ready yet.
    [[nodiscard]] std::optional<Suspension> take(Token token);
    void forget(Token token);

private:
    struct State;

    // Shared with the resumers that plugins' threads hold, which look whether it still lives.
    std::shared_ptr<State> state_;
};

}  // namespace siproxd::plugin
