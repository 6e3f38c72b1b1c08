// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cares_channel.h"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace siproxd::dns {

namespace {

/// More than any host has; a hostile server could send thousands by TCP.
constexpr std::size_t kMaxAddresses = 32;

int addressFamily(base::Family family) {
    switch (family) {
        case base::Family::V4:
            return AF_INET;
        case base::Family::V6:
            return AF_INET6;
        case base::Family::None:
            break;
    }
    return AF_UNSPEC;
}

Outcome addressesOf(const ares_addrinfo& info) {
    Outcome outcome{.kind = Outcome::Kind::Found, .addresses = {}, .ttl = {}, .reason = {}};
    int ttl = INT32_MAX;
    for (const auto* alias = info.cnames; alias != nullptr; alias = alias->next) {
        ttl = std::min(ttl, alias->ttl);
    }
    for (const auto* node = info.nodes; node != nullptr; node = node->ai_next) {
        ttl = std::min(ttl, node->ai_ttl);
        const base::IpAddress ip = base::SocketAddress::fromSockaddr(node->ai_addr).ip;
        if (ip && outcome.addresses.size() < kMaxAddresses) {
            outcome.addresses.push_back(ip);
        }
    }
    std::ranges::stable_partition(outcome.addresses, &base::IpAddress::isV4);
    outcome.ttl = std::chrono::seconds(std::max(ttl, 0));
    return outcome;
}

Outcome outcomeOf(int status, const ares_addrinfo* info) {
    if (status == ARES_SUCCESS && info != nullptr) {
        auto outcome = addressesOf(*info);
        if (!outcome.addresses.empty()) {
            return outcome;
        }
        status = ARES_ENODATA;
    }
    const bool negative = status == ARES_ENODATA || status == ARES_ENOTFOUND;
    return {.kind = negative ? Outcome::Kind::Negative : Outcome::Kind::Failure,
            .addresses = {},
            .ttl = {},
            .reason = ::ares_strerror(status)};
}

/// The list as c-ares wants it; it copies what it is given.
std::vector<ares_addr_port_node> serverNodes(const std::vector<base::SocketAddress>& servers) {
    std::vector<ares_addr_port_node> nodes(servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const auto& bytes = servers[i].ip.bytes();
        nodes[i].next = i + 1 < servers.size() ? &nodes[i + 1] : nullptr;
        nodes[i].family = addressFamily(servers[i].ip.family());
        nodes[i].udp_port = servers[i].port;
        nodes[i].tcp_port = servers[i].port;
        std::memcpy(&nodes[i].addr, bytes.data(), servers[i].ip.isV4() ? 4 : 16);
    }
    return nodes;
}

}  // namespace

void CaresChannel::Freed::operator()(ares_channeldata* channel) const { ::ares_destroy(channel); }

CaresChannel::CaresChannel(event::Loop& loop)
    : loop_(loop), timer_(loop.timer([this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); })) {
    ::ares_library_init(ARES_LIB_INIT_ALL);
}

CaresChannel::~CaresChannel() {
    channel_.reset();
    ::ares_library_cleanup();
}

base::Result<std::unique_ptr<CaresChannel>> CaresChannel::open(event::Loop& loop,
                                                               const ChannelSettings& settings) {
    std::unique_ptr<CaresChannel> self(new CaresChannel(loop));
    char lookups[] = "fb";  // the hosts file, then DNS
    ares_options options{};
    options.lookups = lookups;
    options.timeout = static_cast<int>(settings.tryTimeout.count());
    options.tries = settings.tries;
    options.sock_state_cb = &CaresChannel::socketState;
    options.sock_state_cb_data = self.get();
    int mask = ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (!settings.servers.empty()) {
        // Servers of our own have nothing to do with the system's search list.
        options.flags = ARES_FLAG_NOSEARCH;
        mask |= ARES_OPT_FLAGS;
    }
    ares_channel channel = nullptr;
    int status = ::ares_init_options(&channel, &options, mask);
    self->channel_.reset(channel);
    if (status == ARES_SUCCESS && !settings.servers.empty()) {
        auto nodes = serverNodes(settings.servers);
        status = ::ares_set_servers_ports(channel, nodes.data());
    }
    if (status != ARES_SUCCESS) {
        return base::fail(std::string("cannot start the resolver: ") + ::ares_strerror(status));
    }
    return self;
}

void CaresChannel::ask(const std::string& host, base::Family family, Done done) {
    ares_addrinfo_hints hints{};
    hints.ai_family = addressFamily(family);
    // Without NOSORT c-ares would open and connect a socket for every address.
    hints.ai_flags = ARES_AI_NOSORT;
    auto request = std::make_unique<Done>(std::move(done));
    ::ares_getaddrinfo(channel_.get(), host.c_str(), nullptr, &hints, &CaresChannel::answered,
                       request.release());
    restartTimer();
}

void CaresChannel::answered(void* request, int status, int /*timeouts*/, ares_addrinfo* info) {
    struct InfoDeleter {
        void operator()(ares_addrinfo* owned) const { ::ares_freeaddrinfo(owned); }
    };
    const std::unique_ptr<ares_addrinfo, InfoDeleter> owned(info);
    const std::unique_ptr<Done> done(static_cast<Done*>(request));
    if (status != ARES_EDESTRUCTION) {
        (*done)(outcomeOf(status, info));
    }
}

void CaresChannel::socketState(void* self, int fd, int readable, int writable) {
    auto& channel = *static_cast<CaresChannel*>(self);
    const auto interest = static_cast<std::uint8_t>((readable != 0 ? event::kReadable : 0) |
                                                    (writable != 0 ? event::kWritable : 0));
    if (interest == 0) {
        channel.watches_.erase(fd);
    } else if (const auto found = channel.watches_.find(fd); found != channel.watches_.end()) {
        found->second->setInterest(interest);
    } else {
        channel.watches_.emplace(
            fd, channel.loop_.watch(fd, interest, [&channel, fd](std::uint8_t ready) {
                channel.process((ready & event::kReadable) != 0 ? fd : ARES_SOCKET_BAD,
                                (ready & event::kWritable) != 0 ? fd : ARES_SOCKET_BAD);
            }));
    }
}

void CaresChannel::process(int readable, int writable) {
    ::ares_process_fd(channel_.get(), readable, writable);
    restartTimer();
}

void CaresChannel::restartTimer() {
    timeval next{};
    if (::ares_timeout(channel_.get(), nullptr, &next) == nullptr) {
        timer_->stop();
        return;
    }
    timer_->start(std::chrono::seconds(next.tv_sec) + std::chrono::microseconds(next.tv_usec));
}

}  // namespace siproxd::dns
