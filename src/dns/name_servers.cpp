// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/name_servers.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"

namespace siproxd::dns {

namespace {

constexpr std::size_t kMaxServers = 8;
constexpr int kMaxTries = 10;
constexpr base::Duration kMinTimeout = std::chrono::milliseconds(1);
constexpr base::Duration kMaxTimeout = std::chrono::minutes(1);
constexpr base::Duration kSilence = std::chrono::seconds(30);

}  // namespace

struct NameServers::Asking {
    Question question;
    Done done;
    std::vector<std::size_t> servers;  ///< in the order that they are tried
    std::size_t tries = 0;             ///< that have been made
};

NameServers::NameServers(event::Loop& loop, NameServerSettings settings)
    : loop_(loop), settings_(std::move(settings)) {
    settings_.tries = std::clamp(settings_.tries, 1, kMaxTries);
    settings_.firstTimeout = std::clamp(settings_.firstTimeout, kMinTimeout, kMaxTimeout);
    if (settings_.servers.size() > kMaxServers) {
        settings_.servers.resize(kMaxServers);
    }
    silentUntil_.resize(settings_.servers.size());
    channels_.resize(settings_.servers.size() * static_cast<std::size_t>(settings_.tries));
}

NameServers::~NameServers() = default;

base::Result<std::unique_ptr<NameServers>> NameServers::open(event::Loop& loop,
                                                             NameServerSettings settings) {
    if (settings.servers.empty()) {
        return base::fail("cannot start the resolver: there is no name server to ask");
    }
    std::unique_ptr<NameServers> self(new NameServers(loop, std::move(settings)));
    auto first = self->openChannel(0, 0);
    if (!first) {
        return std::unexpected(std::move(first.error()));
    }
    self->channels_.front() = std::move(*first);
    return self;
}

void NameServers::ask(const Question& question, Done done) {
    tryNext(std::make_shared<Asking>(question, std::move(done), serverOrder()));
}

void NameServers::tryNext(const std::shared_ptr<Asking>& asking) {
    const auto server = asking->servers[asking->tries % asking->servers.size()];
    auto* channel = channelFor(server, asking->tries++);
    if (channel == nullptr) {
        answered(asking, server,
                 {.kind = Outcome::Kind::Failure,
                  .records = {},
                  .ttl = {},
                  .reason = "out of memory or descriptors"});
        return;
    }
    // The question is shared with the callback, which c-ares may run inside the call.
    channel->ask(asking->question, [this, asking, server](Outcome outcome) {
        answered(asking, server, std::move(outcome));
    });
}

void NameServers::answered(const std::shared_ptr<Asking>& asking, std::size_t server,
                           Outcome outcome) {
    const bool silent = outcome.kind == Outcome::Kind::Silence;
    silentUntil_[server] = silent ? loop_.now() + kSilence : base::TimePoint{};
    if (silent || outcome.kind == Outcome::Kind::Failure) {
        log::debug(log::Class::Dns, "{} from name server {}: {}", asking->question.key(),
                   settings_.servers[server].toString(), outcome.reason);
        // Who cannot say now will not be able to in the next moment.
        const auto tries = static_cast<std::size_t>(settings_.tries);
        if (asking->tries < (silent ? tries : std::min(tries, asking->servers.size()))) {
            tryNext(asking);
            return;
        }
    }
    asking->done(std::move(outcome));
}

std::vector<std::size_t> NameServers::serverOrder() {
    const auto count = settings_.servers.size();
    const auto begin = settings_.rotate ? next_++ % count : 0;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < count; ++i) {
        order.push_back((begin + i) % count);
    }
    std::ranges::stable_partition(
        order, [&](std::size_t server) { return silentUntil_[server] <= loop_.now(); });
    return order;
}

CaresChannel* NameServers::channelFor(std::size_t server, std::size_t number) {
    auto& channel = channels_[number * settings_.servers.size() + server];
    if (channel == nullptr) {
        auto opened = openChannel(server, number);
        if (!opened) {
            log::warningFromPeer("{}", opened.error().message);
            return nullptr;
        }
        channel = std::move(*opened);
    }
    return channel.get();
}

base::Result<std::unique_ptr<CaresChannel>> NameServers::openChannel(std::size_t server,
                                                                     std::size_t number) const {
    const auto timeout = settings_.firstTimeout * (static_cast<int>(number) + 1);
    return CaresChannel::open(loop_,
                              {.server = settings_.servers[server],
                               .timeout = std::chrono::ceil<std::chrono::milliseconds>(timeout),
                               .search = settings_.search,
                               .dots = settings_.dots});
}

}  // namespace siproxd::dns
