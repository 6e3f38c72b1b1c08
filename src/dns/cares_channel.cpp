// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cares_channel.h"

// Newer versions have other calls besides; these are in all of them.
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/nameser.h>
#include <sys/time.h>

#include <cstring>
#include <span>
#include <utility>

namespace siproxd::dns {

namespace {

constexpr int kTypeNaptr = 35;  // RFC 3403; not every <arpa/nameser.h> has it

int addressFamily(RecordType type) {
    switch (type) {
        case RecordType::A: return AF_INET;
        case RecordType::Aaaa: return AF_INET6;
        default: return AF_UNSPEC;
    }
}

/// The server as c-ares wants it; it copies what it is given.
ares_addr_port_node nodeOf(const base::SocketAddress& server) {
    ares_addr_port_node node{};
    node.family = server.ip.isV4() ? AF_INET : AF_INET6;
    node.udp_port = server.port;
    node.tcp_port = server.port;
    std::memcpy(&node.addr, server.ip.bytes().data(), server.ip.isV4() ? 4 : 16);
    return node;
}

}  // namespace

void CaresChannel::Freed::operator()(ares_channeldata* channel) const {
    ::ares_destroy(channel);
}

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
    std::vector<std::string> search = settings.search;
    std::vector<char*> domains;
    for (auto& domain : search) {
        domains.push_back(domain.data());
    }
    ares_options options{};
    options.lookups = lookups;
    options.timeout = static_cast<int>(settings.timeout.count());
    options.tries = 1;
    options.ndots = settings.dots;
    options.domains = domains.data();
    options.ndomains = static_cast<int>(domains.size());
    // NOCHECKRESP, or a server that says that it cannot is taken for one that is not there.
    options.flags = ARES_FLAG_NOCHECKRESP | (domains.empty() ? ARES_FLAG_NOSEARCH : 0);
    options.sock_state_cb = &CaresChannel::socketState;
    options.sock_state_cb_data = self.get();
    ares_channel channel = nullptr;
    int status = ::ares_init_options(&channel, &options,
                                     ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                         ARES_OPT_NDOTS | ARES_OPT_DOMAINS | ARES_OPT_FLAGS |
                                         ARES_OPT_NOROTATE | ARES_OPT_SOCK_STATE_CB);
    self->channel_.reset(channel);
    if (status == ARES_SUCCESS) {
        auto node = nodeOf(settings.server);
        status = ::ares_set_servers_ports(channel, &node);
    }
    if (status != ARES_SUCCESS) {
        return base::fail(std::string("cannot start the resolver: ") + ::ares_strerror(status));
    }
    return self;
}

void CaresChannel::ask(const Question& question, Done done) {
    auto request = std::make_unique<Request>(question.type, std::move(done));
    if (question.type == RecordType::Srv || question.type == RecordType::Naptr) {
        ::ares_query(channel_.get(), question.name.c_str(), ns_c_in,
                     question.type == RecordType::Srv ? static_cast<int>(ns_t_srv) : kTypeNaptr,
                     &CaresChannel::messageCame, request.release());
    } else {
        ares_addrinfo_hints hints{};
        hints.ai_family = addressFamily(question.type);
        // Without NOSORT c-ares would open and connect a socket for every address.
        hints.ai_flags = ARES_AI_NOSORT;
        ::ares_getaddrinfo(channel_.get(), question.name.c_str(), nullptr, &hints,
                           &CaresChannel::addressesCame, request.release());
    }
    restartTimer();
}

void CaresChannel::addressesCame(void* request, int status, int /*timeouts*/, ares_addrinfo* info) {
    struct InfoDeleter {
        void operator()(ares_addrinfo* owned) const { ::ares_freeaddrinfo(owned); }
    };
    const std::unique_ptr<ares_addrinfo, InfoDeleter> owned(info);
    const std::unique_ptr<Request> mine(static_cast<Request*>(request));
    if (status != ARES_EDESTRUCTION) {
        mine->done(addressOutcome(status, info));
    }
}

void CaresChannel::messageCame(void* request, int status, int /*timeouts*/, unsigned char* message,
                               int length) {
    const std::unique_ptr<Request> mine(static_cast<Request*>(request));
    if (status == ARES_EDESTRUCTION) {
        return;
    }
    const std::span<const std::uint8_t> bytes(
        message, message == nullptr ? 0 : static_cast<std::size_t>(length));
    mine->done(mine->type == RecordType::Srv ? srvOutcome(status, bytes)
                                             : naptrOutcome(status, bytes));
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
