// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/locator.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "dns/facts.h"
#include "dns/service_search.h"

namespace siproxd::dns {

namespace {

struct Parts {
    event::Loop& loop;
    RecordResolver& resolver;
    const DeadServers& dead;
    base::Random& random;
    LocatorSettings settings;
};

bool isRecord(const Question& question) {
    return question.type == RecordType::Srv || question.type == RecordType::Naptr;
}

Located deadLast(const Parts& parts, Located located) {
    if (located) {
        std::ranges::stable_partition(*located, [&](const Service& service) {
            return !parts.dead.isDead(service.protocol, service.address);
        });
    }
    return located;
}

/// One search. It lives as long as the caller keeps its Query.
class Run {
public:
    Run(const std::shared_ptr<Parts>& parts, Wanted wanted, Locator::Callback callback)
        : parts_(parts), wanted_(std::move(wanted)), callback_(std::move(callback)),
          facts_(parts->resolver, parts->random), begun_(parts->loop.now()),
          timer_(parts->loop.timer([this] { timeOver(); })) {}

    /// Goes as far as what is known allows. It calls back from a timer only, never inside this.
    void begin();

private:
    void advance();
    void wait(const Parts& parts);
    void ask(RecordResolver& resolver, const Question& question);
    void startTimer(const Parts& parts);
    void timeOver();
    void finish(const Parts& parts, Located located);

    std::weak_ptr<Parts> parts_;  ///< gone when the locator has gone
    Wanted wanted_;
    Locator::Callback callback_;
    Facts facts_;
    base::TimePoint begun_;
    std::optional<base::TimePoint> firstAddresses_;
    std::set<std::string> asked_;
    std::vector<Question> missing_;  ///< what the search waits for
    std::vector<Query> queries_;
    std::unique_ptr<event::Timer> timer_;
};

void Run::begin() {
    if (searchServices(wanted_, facts_)) {
        timer_->start({});
    } else if (const auto parts = parts_.lock()) {
        wait(*parts);
    }
}

void Run::advance() {
    const auto parts = parts_.lock();
    if (auto located = searchServices(wanted_, facts_)) {
        finish(*parts, std::move(*located));
    } else {
        wait(*parts);
    }
}

void Run::wait(const Parts& parts) {
    missing_ = facts_.takeMissing();
    for (const auto& question : missing_) {
        if (asked_.insert(question.key()).second) {
            ask(parts.resolver, question);
        }
    }
    startTimer(parts);
}

void Run::ask(RecordResolver& resolver, const Question& question) {
    queries_.push_back(resolver.ask(question, [this, question](const RecordAnswer& answer) {
        if (!parts_.expired()) {
            facts_.learn(question, answer);
            advance();
        }
    }));
}

void Run::startTimer(const Parts& parts) {
    const auto now = parts.loop.now();
    auto until = begun_ + parts.settings.deadline;
    if (std::ranges::any_of(missing_, isRecord)) {
        until = std::min(until, begun_ + parts.settings.recordPatience);
    } else if (facts_.hasAddresses()) {
        firstAddresses_ = firstAddresses_.value_or(now);
        until = std::min(until, *firstAddresses_ + parts.settings.targetPatience);
    }
    timer_->start(until - now);
}

void Run::timeOver() {
    if (parts_.expired()) {
        return;
    }
    for (const auto& question : missing_) {
        if (!facts_.knows(question)) {
            log::debug(log::Class::Dns, "{} is not waited for any longer", question.key());
            facts_.learn(question,
                         base::fail("cannot resolve " + question.name + ": no answer in time"));
        }
    }
    advance();
}

void Run::finish(const Parts& parts, Located located) {
    timer_->stop();
    queries_.clear();
    // The callback may destroy this search.
    const auto callback = std::exchange(callback_, nullptr);
    callback(deadLast(parts, std::move(located)));
}

class Implementation final : public Locator {
public:
    explicit Implementation(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}

    [[nodiscard]] Query locate(const Wanted& wanted, Callback callback) override {
        auto run = std::make_shared<Run>(parts_, wanted, std::move(callback));
        run->begin();
        return Query(std::move(run));
    }

    [[nodiscard]] std::optional<Located> known(const Wanted& wanted) override {
        Facts facts(parts_->resolver, parts_->random);
        auto located = searchServices(wanted, facts);
        return located ? std::optional(deadLast(*parts_, std::move(*located))) : std::nullopt;
    }

private:
    // Shared, because a search that the caller keeps too long must notice that they have gone.
    std::shared_ptr<Parts> parts_;
};

}  // namespace

std::unique_ptr<Locator> makeLocator(event::Loop& loop, RecordResolver& resolver,
                                     const DeadServers& dead, base::Random& random,
                                     const LocatorSettings& settings) {
    return std::make_unique<Implementation>(
        std::make_shared<Parts>(loop, resolver, dead, random, settings));
}

}  // namespace siproxd::dns
