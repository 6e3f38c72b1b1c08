// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cares_resolver.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "dns/name_servers.h"
#include "dns/system_names.h"

namespace siproxd::dns {

namespace {

bool wantsAddresses(RecordType type) {
    return type != RecordType::Srv && type != RecordType::Naptr;
}

RecordAnswer answerOf(RecordType type, const base::IpAddress& literal) {
    const bool v4 = type == RecordType::A;
    if (type != RecordType::Both && v4 != literal.isV4()) {
        return base::fail(
            fmt::format("{} is no {} address", literal.toString(), v4 ? "IPv4" : "IPv6"));
    }
    return Addresses{literal};
}

class Implementation final : public CaresResolver {
public:
    Implementation(event::Loop& loop, ResolverSettings settings)
        : loop_(loop), settings_(std::move(settings)), system_(loop), cache_(loop, settings_.cache),
          delivery_(loop.timer([this] { deliver(); })) {}

    [[nodiscard]] base::Result<void> open();

    [[nodiscard]] base::Result<void> setSettings(ResolverSettings settings) override;
    void networkChanged() override;
    [[nodiscard]] Query ask(const Question& question, RecordCallback callback) override;
    [[nodiscard]] std::optional<RecordAnswer> knownRecords(const Question& question) override;

private:
    /// Lives as long as the caller keeps its Query.
    struct Waiter {
        RecordCallback callback;
    };
    struct Delivery {
        std::weak_ptr<Waiter> waiter;
        RecordAnswer answer;
    };
    /// A question that the name servers are at. It stays until they are done, even when nobody
    /// waits.
    struct Lookup {
        Question question;
        std::vector<std::weak_ptr<Waiter>> waiters;
        std::unique_ptr<event::Timer> deadline;
    };

    [[nodiscard]] Question narrowed(Question question) const;
    void join(Lookup& lookup, const std::shared_ptr<Waiter>& waiter);
    void start(const std::string& key);
    void startAll();
    void finish(const std::string& key, Outcome outcome);
    void fail(Lookup& lookup, const Outcome& outcome);
    void expire(const std::string& key);
    [[nodiscard]] bool isDummy(const Outcome& outcome) const;
    void reopenIfReconfigured();

    void deliverLater(std::weak_ptr<Waiter> waiter, RecordAnswer answer);
    void deliverAll(Lookup& lookup, const RecordAnswer& answer);
    void deliver();

    event::Loop& loop_;
    ResolverSettings settings_;
    SystemNames system_;
    Cache cache_;
    std::unordered_map<std::string, Lookup> lookups_;
    std::vector<Delivery> deliveries_;
    std::unique_ptr<event::Timer> delivery_;
    std::unique_ptr<NameServers> servers_;
};

base::Result<void> Implementation::open() {
    NameServerSettings settings{.servers = settings_.servers,
                                .firstTimeout = settings_.firstTimeout,
                                .tries = settings_.tries,
                                .rotate = settings_.rotate,
                                .search = {},
                                .dots = 1};
    // Servers of our own have nothing to do with the system's search list.
    if (settings.servers.empty()) {
        const auto& system = system_.configuration();
        settings.servers = system.servers;
        settings.search = system.search;
        settings.dots = system.dots;
        settings.rotate = settings.rotate || system.rotate;
    }
    auto servers = NameServers::open(loop_, std::move(settings));
    if (!servers) {
        return std::unexpected(std::move(servers.error()));
    }
    servers_ = std::move(*servers);
    return {};
}

base::Result<void> Implementation::setSettings(ResolverSettings settings) {
    std::swap(settings_, settings);
    if (auto opened = open(); !opened) {
        std::swap(settings_, settings);
        return opened;
    }
    cache_.clear();
    cache_.setLimits(settings_.cache);
    startAll();
    return {};
}

void Implementation::networkChanged() {
    if (const auto opened = setSettings(settings_); !opened) {
        log::warning("{}", opened.error().message);
    }
}

Question Implementation::narrowed(Question question) const {
    if (question.type == RecordType::Both) {
        question.type = addressType(settings_.family);
    }
    return question;
}

std::optional<RecordAnswer> Implementation::knownRecords(const Question& question) {
    const std::string& name = question.name;
    if (wantsAddresses(question.type)) {
        if (const auto literal = base::IpAddress::parse(name)) {
            return answerOf(question.type, *literal);
        }
    }
    if (!isHostName(name)) {
        return base::fail(fmt::format("'{}' is no host name", base::printable(name, 64)));
    }
    const auto narrow = narrowed(question);
    const auto only = addressType(settings_.family);
    if (wantsAddresses(narrow.type) && only != RecordType::Both && only != narrow.type) {
        return base::fail(fmt::format("addresses of {} are not looked up: only {} is wanted", name,
                                      only == RecordType::A ? "IPv4" : "IPv6"));
    }
    if (const RecordAnswer* cached = cache_.find(narrow)) {
        return *cached;
    }
    return std::nullopt;
}

Query Implementation::ask(const Question& question, RecordCallback callback) {
    auto waiter = std::make_shared<Waiter>(std::move(callback));
    if (auto answer = knownRecords(question)) {
        deliverLater(waiter, std::move(*answer));
        return Query(std::move(waiter));
    }
    auto narrow = narrowed(question);
    const std::string key = narrow.key();
    if (const auto running = lookups_.find(key); running != lookups_.end()) {
        join(running->second, waiter);
    } else if (lookups_.size() >= settings_.maxLookups) {
        deliverLater(waiter, base::fail(fmt::format("cannot resolve {}: too many other names are "
                                                    "being looked up",
                                                    question.name)));
    } else {
        reopenIfReconfigured();
        auto& lookup = lookups_[key];
        lookup.question = std::move(narrow);
        lookup.deadline = loop_.timer([this, key] { expire(key); });
        join(lookup, waiter);
        start(key);
    }
    return Query(std::move(waiter));
}

void Implementation::join(Lookup& lookup, const std::shared_ptr<Waiter>& waiter) {
    auto& waiters = lookup.waiters;
    // Whoever asks and cancels in turn must not make the list grow.
    if (waiters.size() == waiters.capacity()) {
        std::erase_if(waiters, [](const auto& other) { return other.expired(); });
    }
    waiters.push_back(waiter);
    if (!lookup.deadline->pending()) {
        lookup.deadline->start(settings_.deadline);
    }
}

void Implementation::start(const std::string& key) {
    log::debug(log::Class::Dns, "looking up {}", key);
    // A copy, because an answer from the hosts file ends the lookup inside the call.
    const Question question = lookups_.at(key).question;
    servers_->ask(question, [this, key](Outcome outcome) { finish(key, std::move(outcome)); });
}

void Implementation::startAll() {
    std::vector<std::string> keys;
    for (const auto& [key, lookup] : lookups_) {
        keys.push_back(key);
    }
    for (const auto& key : keys) {
        start(key);
    }
}

void Implementation::finish(const std::string& key, Outcome outcome) {
    auto node = lookups_.extract(key);
    if (node.empty()) {
        return;
    }
    Lookup& lookup = node.mapped();
    if (outcome.kind == Outcome::Kind::Found && isDummy(outcome)) {
        outcome.kind = Outcome::Kind::Negative;
        outcome.reason = "its address is one of the dummy addresses";
    }
    if (outcome.kind != Outcome::Kind::Found) {
        fail(lookup, outcome);
        return;
    }
    log::debug(log::Class::Dns, "{}: {} records for {} s", key,
               std::visit([](const auto& records) { return records.size(); }, outcome.records),
               std::chrono::duration_cast<std::chrono::seconds>(outcome.ttl).count());
    cache_.storeRecords(lookup.question, outcome.records, outcome.ttl);
    deliverAll(lookup, std::move(outcome.records));
}

void Implementation::fail(Lookup& lookup, const Outcome& outcome) {
    const Question& question = lookup.question;
    base::Error error{fmt::format("cannot resolve {}: {}", question.name, outcome.reason)};
    // Most domains have no SRV nor NAPTR records.
    if (wantsAddresses(question.type) || outcome.kind != Outcome::Kind::Negative) {
        log::warningFromPeer("{}", error.message);
    } else {
        log::debug(log::Class::Dns, "{}", error.message);
    }
    if (outcome.kind == Outcome::Kind::Negative) {
        cache_.storeNegative(question, error);
    } else {
        cache_.storeFailure(question, error);
    }
    deliverAll(lookup, std::unexpected(std::move(error)));
}

void Implementation::expire(const std::string& key) {
    Lookup& lookup = lookups_.at(key);
    base::Error error{fmt::format(
        "cannot resolve {}: no answer from a name server within {} ms", lookup.question.name,
        std::chrono::duration_cast<std::chrono::milliseconds>(settings_.deadline).count())};
    log::warningFromPeer("{}", error.message);
    cache_.storeFailure(lookup.question, error);
    deliverAll(lookup, std::unexpected(std::move(error)));
}

bool Implementation::isDummy(const Outcome& outcome) const {
    const auto* addresses = std::get_if<Addresses>(&outcome.records);
    return addresses != nullptr && !addresses->empty() &&
           settings_.isDummy && settings_.isDummy(addresses->front());
}

void Implementation::reopenIfReconfigured() {
    if (!settings_.servers.empty() || !system_.changed()) {
        return;
    }
    if (const auto reopened = open(); !reopened) {
        log::warning("the system's name servers have changed: {}", reopened.error().message);
        return;
    }
    log::info("the system's name servers have changed: resolv.conf is read again");
    startAll();
}

void Implementation::deliverLater(std::weak_ptr<Waiter> waiter, RecordAnswer answer) {
    deliveries_.push_back({std::move(waiter), std::move(answer)});
    if (!delivery_->pending()) {
        delivery_->start({});
    }
}

void Implementation::deliverAll(Lookup& lookup, const RecordAnswer& answer) {
    for (auto& waiter : std::exchange(lookup.waiters, {})) {
        deliverLater(std::move(waiter), answer);
    }
}

void Implementation::deliver() {
    // Nothing of the resolver is touched below: a callback may destroy it.
    const auto deliveries = std::exchange(deliveries_, {});
    for (const auto& [waiting, answer] : deliveries) {
        if (const auto waiter = waiting.lock()) {
            const auto callback = std::exchange(waiter->callback, nullptr);
            callback(answer);
        }
    }
}

}  // namespace

base::Result<std::unique_ptr<CaresResolver>> makeCaresResolver(event::Loop& loop,
                                                               ResolverSettings settings) {
    auto resolver = std::make_unique<Implementation>(loop, std::move(settings));
    if (const auto opened = resolver->open(); !opened) {
        return std::unexpected(opened.error());
    }
    return resolver;
}

}  // namespace siproxd::dns
