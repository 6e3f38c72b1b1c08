// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace limit {

/// Lets `perMinute` through in a minute, as many at once when there have been none for a while.
class TokenBucket {
public:
    /// Whether one more may pass at `now` (ms). Counts it if so. A rate of 0 lets all through.
    [[nodiscard]] bool take(std::uint32_t perMinute, std::int64_t now);
    /// The last one was none.
    void giveBack() { used_ = used_ > 1 ? used_ - 1 : 0; }
    /// Whether it is as good as new.
    [[nodiscard]] bool isFull(std::int64_t now);

private:
    void drain(std::int64_t now);

    double used_ = 0;
    std::uint32_t perMinute_ = 0;
    std::int64_t last_ = 0;
};

/// What somebody uses at the moment.
struct Usage {
    std::uint32_t calls = 0;
    TokenBucket bucket;
};

/// Who uses how much. Bounded: those for whom there is no room are counted together.
class Usages {
public:
    explicit Usages(std::size_t most) : most_(most) {}

    /// Lives as long as somebody holds it, and longer.
    [[nodiscard]] std::shared_ptr<Usage> of(const std::string& name, std::int64_t now);
    [[nodiscard]] std::size_t size() const { return all_.size(); }

private:
    void sweep(std::int64_t now);

    const std::size_t most_;
    std::map<std::string, std::shared_ptr<Usage>> all_;
    std::shared_ptr<Usage> others_ = std::make_shared<Usage>();
    std::int64_t nextSweep_ = 0;
};

}  // namespace limit
