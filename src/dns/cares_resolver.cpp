// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cares_resolver.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "dns/cares_channel.h"

namespace siproxd::dns {

namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr base::Duration kConfigurationCheck = std::chrono::seconds(5);

/// Tells one state of a file from another.
struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;

    [[nodiscard]] static std::optional<FileStamp> of(const char* path) {
        struct stat status {};
        if (::stat(path, &status) != 0) {
            return std::nullopt;
        }
        return FileStamp{status.st_dev, status.st_ino, status.st_mtim.tv_sec,
                         status.st_mtim.tv_nsec};
    }
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

Answer answerOf(base::Family family, const base::IpAddress& literal) {
    if (family != base::Family::None && family != literal.family()) {
        return base::fail(fmt::format("{} is no {} address", literal.toString(),
                                      family == base::Family::V4 ? "IPv4" : "IPv6"));
    }
    return Addresses{literal};
}

class CaresResolver final : public Resolver {
public:
    CaresResolver(event::Loop& loop, ResolverSettings settings)
        : loop_(loop), settings_(std::move(settings)), cache_(loop, settings_.cache),
          delivery_(loop.timer([this] { deliver(); })) {}

    [[nodiscard]] base::Result<void> open();

    [[nodiscard]] Query resolve(std::string_view host, base::Family family,
                                Callback callback) override;
    [[nodiscard]] std::optional<Answer> known(std::string_view host, base::Family family) override;

private:
    /// Lives as long as the caller keeps its Query.
    struct Waiter {
        Callback callback;
    };
    struct Delivery {
        std::weak_ptr<Waiter> waiter;
        Answer answer;
    };
    /// A question that c-ares is at. It stays until c-ares is done, even when nobody waits.
    struct Lookup {
        std::string host;
        base::Family family;
        std::vector<std::weak_ptr<Waiter>> waiters;
        std::unique_ptr<event::Timer> deadline;
    };

    void join(Lookup& lookup, const std::shared_ptr<Waiter>& waiter);
    void start(const std::string& key);
    void finish(const std::string& key, Outcome outcome);
    void expire(const std::string& key);
    void reopenIfReconfigured();

    void deliverLater(std::weak_ptr<Waiter> waiter, Answer answer);
    void deliverAll(Lookup& lookup, const Answer& answer);
    void deliver();

    event::Loop& loop_;
    ResolverSettings settings_;
    Cache cache_;
    std::unordered_map<std::string, Lookup> lookups_;
    std::vector<Delivery> deliveries_;
    std::unique_ptr<event::Timer> delivery_;
    std::optional<FileStamp> configuration_;
    base::TimePoint configurationChecked_;
    std::unique_ptr<CaresChannel> channel_;
};

base::Result<void> CaresResolver::open() {
    configurationChecked_ = loop_.now();
    configuration_ = FileStamp::of(kResolvConf);
    auto channel = CaresChannel::open(
        loop_, {.servers = settings_.servers,
                .tryTimeout = std::chrono::ceil<std::chrono::milliseconds>(settings_.tryTimeout),
                .tries = settings_.tries});
    if (!channel) {
        return std::unexpected(std::move(channel.error()));
    }
    channel_ = std::move(*channel);
    return {};
}

std::optional<Answer> CaresResolver::known(std::string_view host, base::Family family) {
    if (const auto literal = base::IpAddress::parse(host)) {
        return answerOf(family, *literal);
    }
    if (!isHostName(host)) {
        return base::fail(fmt::format("'{}' is no host name", base::printable(host, 64)));
    }
    if (const Answer* cached = cache_.find(host, family)) {
        return *cached;
    }
    return std::nullopt;
}

Query CaresResolver::resolve(std::string_view host, base::Family family, Callback callback) {
    auto waiter = std::make_shared<Waiter>(std::move(callback));
    if (auto answer = known(host, family)) {
        deliverLater(waiter, std::move(*answer));
        return Query(std::move(waiter));
    }
    const std::string key = questionKey(host, family);
    if (const auto running = lookups_.find(key); running != lookups_.end()) {
        join(running->second, waiter);
    } else if (lookups_.size() >= settings_.maxLookups) {
        deliverLater(waiter, base::fail(fmt::format("cannot resolve {}: too many other names are "
                                                    "being looked up", host)));
    } else {
        reopenIfReconfigured();
        auto& lookup = lookups_[key];
        lookup.host = host;
        lookup.family = family;
        lookup.deadline = loop_.timer([this, key] { expire(key); });
        join(lookup, waiter);
        start(key);
    }
    return Query(std::move(waiter));
}

void CaresResolver::join(Lookup& lookup, const std::shared_ptr<Waiter>& waiter) {
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

void CaresResolver::start(const std::string& key) {
    const Lookup& lookup = lookups_.at(key);
    log::debug(log::Class::Dns, "looking up {}", key);
    // Copies, because an answer from the hosts file ends the lookup inside the call.
    const std::string host = lookup.host;
    channel_->ask(host, lookup.family,
                  [this, key](Outcome outcome) { finish(key, std::move(outcome)); });
}

void CaresResolver::finish(const std::string& key, Outcome outcome) {
    auto node = lookups_.extract(key);
    if (node.empty()) {
        return;
    }
    Lookup& lookup = node.mapped();
    if (outcome.kind == Outcome::Kind::Found) {
        log::debug(log::Class::Dns, "{} is {} and {} more, for {} s", key,
                   outcome.addresses.front().toString(), outcome.addresses.size() - 1,
                   std::chrono::duration_cast<std::chrono::seconds>(outcome.ttl).count());
        cache_.storeAddresses(lookup.host, lookup.family, outcome.addresses, outcome.ttl);
        deliverAll(lookup, std::move(outcome.addresses));
        return;
    }
    base::Error error{fmt::format("cannot resolve {}: {}", lookup.host, outcome.reason)};
    log::warningFromPeer("{}", error.message);
    if (outcome.kind == Outcome::Kind::Negative) {
        cache_.storeNegative(lookup.host, lookup.family, error);
    } else {
        cache_.storeFailure(lookup.host, lookup.family, error);
    }
    deliverAll(lookup, std::unexpected(std::move(error)));
}

void CaresResolver::expire(const std::string& key) {
    Lookup& lookup = lookups_.at(key);
    base::Error error{fmt::format("cannot resolve {}: no answer from a name server within {} ms",
                                  lookup.host,
                                  std::chrono::duration_cast<std::chrono::milliseconds>(
                                      settings_.deadline).count())};
    log::warningFromPeer("{}", error.message);
    cache_.storeFailure(lookup.host, lookup.family, error);
    deliverAll(lookup, std::unexpected(std::move(error)));
}

void CaresResolver::reopenIfReconfigured() {
    if (!settings_.servers.empty() || loop_.now() - configurationChecked_ < kConfigurationCheck) {
        return;
    }
    configurationChecked_ = loop_.now();
    const auto stamp = FileStamp::of(kResolvConf);
    // A file that has gone is one that is being replaced, or we are in a chroot.
    if (!stamp || stamp == configuration_) {
        return;
    }
    if (const auto reopened = open(); !reopened) {
        log::warning("{} has changed: {}", kResolvConf, reopened.error().message);
        return;
    }
    log::info("{} has changed and is read again", kResolvConf);
    std::vector<std::string> keys;
    for (const auto& [key, lookup] : lookups_) {
        keys.push_back(key);
    }
    for (const auto& key : keys) {
        start(key);
    }
}

void CaresResolver::deliverLater(std::weak_ptr<Waiter> waiter, Answer answer) {
    deliveries_.push_back({std::move(waiter), std::move(answer)});
    if (!delivery_->pending()) {
        delivery_->start({});
    }
}

void CaresResolver::deliverAll(Lookup& lookup, const Answer& answer) {
    for (auto& waiter : std::exchange(lookup.waiters, {})) {
        deliverLater(std::move(waiter), answer);
    }
}

void CaresResolver::deliver() {
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

base::Result<std::unique_ptr<Resolver>> makeCaresResolver(event::Loop& loop,
                                                          ResolverSettings settings) {
    auto resolver = std::make_unique<CaresResolver>(loop, std::move(settings));
    if (const auto opened = resolver->open(); !opened) {
        return std::unexpected(opened.error());
    }
    return resolver;
}

}  // namespace siproxd::dns
