// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/udp_transport.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "base/log.h"
#include "net/udp_socket.h"
#include "transport/trace.h"

namespace siproxd::transport {

namespace {

constexpr std::size_t kLargestDatagram = 65536;

/// What keeps a NAT binding open and is no message: nothing, line ends, or the zero bytes that some
/// phones send.
bool isKeepalive(std::string_view bytes) {
    return std::ranges::all_of(bytes, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

struct Waiting {
    std::string bytes;
    base::SocketAddress to;
    base::IpAddress from;  ///< only for a socket on all addresses
};

base::Error sendFailure(const base::Flow& flow, const std::string& reason) {
    return {"cannot send to " + flow.remote.toString() + " from " + flow.local.toString() + ": " +
            reason};
}

}  // namespace

/// A socket with what waits for it.
class UdpTransport::Listener {
public:
    Listener(net::UdpSocket opened, SocketTag mark) : socket(std::move(opened)), tag(mark) {}

    net::UdpSocket socket;
    SocketTag tag;
    bool closed = false;
    std::deque<Waiting> queue;
    std::size_t queuedBytes = 0;
    std::unique_ptr<event::Watch> watch;
    std::size_t burst = 1;  ///< datagrams that are thought to come together
    unsigned filled = 0;    ///< how often in a row there were as many

    [[nodiscard]] bool onAllAddresses() const { return socket.local().ip.isUnspecified(); }

    [[nodiscard]] bool sendsFrom(const base::SocketAddress& local) const {
        return socket.local() == local ||
               (onAllAddresses() && socket.local().port == local.port &&
                socket.local().ip.family() == local.ip.family());
    }
};

UdpTransport::UdpTransport(event::Loop& loop, Handler& handler, const UdpSettings& settings)
    : loop_(loop), handler_(handler), settings_(settings), buffer_(kLargestDatagram) {}

UdpTransport::~UdpTransport() = default;

base::Result<base::SocketAddress> UdpTransport::add(const base::SocketAddress& local,
                                                    SocketTag tag) {
    auto socket = net::UdpSocket::bind(local, {.packetInfo = true, .peerErrors = true});
    if (!socket) {
        return std::unexpected(std::move(socket.error()));
    }
    socket->setReceiveBuffer(settings_.receiveBuffer);
    if (settings_.dscp != 0) {
        if (const auto marked = socket->setDscp(settings_.dscp); !marked) {
            log::warning("{}", marked.error().message);
        }
    }
    auto listener = std::make_shared<Listener>(std::move(*socket), tag);
    listener->watch =
        loop_.watch(listener->socket.fd(), event::kReadable,
                    [this, weak = std::weak_ptr(listener)](std::uint8_t ready) {
                        if (const auto woken = weak.lock()) {
                            wake(woken, ready);
                        }
                    });
    listeners_.push_back(std::move(listener));
    return listeners_.back()->socket.local();
}

bool UdpTransport::remove(const base::SocketAddress& local) {
    const auto found = std::ranges::find_if(
        listeners_, [&](const auto& listener) { return listener->socket.local() == local; });
    if (found == listeners_.end()) {
        return false;
    }
    (*found)->closed = true;
    counters_.dropped += (*found)->queue.size();
    listeners_.erase(found);
    return true;
}

std::vector<base::SocketAddress> UdpTransport::addresses() const {
    std::vector<base::SocketAddress> result;
    for (const auto& listener : listeners_) {
        result.push_back(listener->socket.local());
    }
    return result;
}

base::Result<void> UdpTransport::send(std::string_view bytes, const base::Flow& flow) {
    // An exact match goes before a socket on all addresses.
    auto found = std::ranges::find_if(listeners_, [&](const auto& listener) {
        return listener->socket.local() == flow.local;
    });
    if (found == listeners_.end()) {
        found = std::ranges::find_if(
            listeners_, [&](const auto& listener) { return listener->sendsFrom(flow.local); });
    }
    if (found == listeners_.end()) {
        ++counters_.sendErrors;
        return std::unexpected(sendFailure(flow, "there is no socket on that address"));
    }
    Listener& listener = **found;
    trace(Direction::Out, flow, bytes);
    const base::IpAddress from = listener.onAllAddresses() ? flow.local.ip : base::IpAddress();
    if (!listener.queue.empty()) {
        return enqueue(listener, bytes, flow, from);
    }
    const auto sent = listener.socket.send(bytes, flow.remote, from);
    if (sent) {
        countSent(bytes.size());
        return {};
    }
    if (sent.error().kind == net::SendError::Kind::WouldBlock) {
        return enqueue(listener, bytes, flow, from);
    }
    ++counters_.sendErrors;
    return std::unexpected(sendFailure(flow, sent.error().message()));
}

base::Result<void> UdpTransport::enqueue(Listener& listener, std::string_view bytes,
                                         const base::Flow& flow, const base::IpAddress& from) {
    if (listener.queue.size() >= settings_.queueDatagrams ||
        listener.queuedBytes + bytes.size() > settings_.queueBytes) {
        ++counters_.dropped;
        return std::unexpected(sendFailure(flow, "too much is waiting to be sent"));
    }
    listener.queue.push_back({std::string(bytes), flow.remote, from});
    listener.queuedBytes += bytes.size();
    ++counters_.queued;
    listener.watch->setInterest(event::kReadable | event::kWritable);
    return {};
}

void UdpTransport::flush(Listener& listener) {
    while (!listener.queue.empty()) {
        const Waiting& next = listener.queue.front();
        const auto sent = listener.socket.send(next.bytes, next.to, next.from);
        if (!sent && sent.error().kind == net::SendError::Kind::WouldBlock) {
            return;
        }
        if (sent) {
            countSent(next.bytes.size());
        } else {
            ++counters_.sendErrors;
            log::warningFromPeer("cannot send to {} from {}: {}", next.to.toString(),
                                 listener.socket.local().toString(), sent.error().message());
        }
        listener.queuedBytes -= next.bytes.size();
        listener.queue.pop_front();
    }
    listener.watch->setInterest(event::kReadable);
}

void UdpTransport::countSent(std::size_t bytes) {
    ++counters_.sent;
    counters_.sentBytes += bytes;
}

void UdpTransport::wake(const std::shared_ptr<Listener>& listener, std::uint8_t ready) {
    if ((ready & event::kWritable) != 0) {
        flush(*listener);
    }
    if ((ready & event::kReadable) == 0) {
        return;
    }
    // As many as came together last time: to look for one more than there is costs a system call
    // every time, and what is left wakes us again.
    constexpr unsigned kGrowsAfter = 4;
    if (++listener->filled > kGrowsAfter) {
        listener->burst = std::min(2 * listener->burst, settings_.datagramsPerWakeUp);
        listener->filled = 0;
    }
    const std::size_t expected = listener->burst;
    // The handler may remove this socket; the caller's pointer keeps it until we are done.
    for (std::size_t i = 0; i < expected && !listener->closed; ++i) {
        net::Datagram datagram;
        switch (listener->socket.receive(buffer_, datagram)) {
            case net::ReceiveStatus::Empty:
                listener->burst = std::max<std::size_t>(i, 1);
                listener->filled = 0;
                if (i == 0) {
                    takeErrors(*listener);
                }
                return;
            case net::ReceiveStatus::Error:
                ++counters_.receiveErrors;
                takeErrors(*listener);
                break;
            case net::ReceiveStatus::Datagram:
                handUp(*listener, datagram);
                break;
        }
    }
}

void UdpTransport::takeErrors(const Listener& listener) {
    for (std::size_t i = 0; i < settings_.datagramsPerWakeUp && !listener.closed; ++i) {
        const auto told = listener.socket.takeError();
        if (!told) {
            return;
        }
        // One that is too big is sent in fragments the next time.
        if (told->error.kind == net::SendError::Kind::Unreachable && told->peer) {
            ++counters_.unreachable;
            const base::Flow flow{.protocol = base::Protocol::Udp,
                                  .local = listener.socket.local(),
                                  .remote = told->peer};
            handler_.onUnreachable(flow, told->quoted,
                                   {flow.toString() + ": " + told->error.message()});
        }
    }
}

void UdpTransport::handUp(const Listener& listener, const net::Datagram& datagram) {
    const std::string_view bytes(buffer_.data(), datagram.length);
    if (isKeepalive(bytes)) {
        ++counters_.keepalives;
        return;
    }
    if (!datagram.source) {
        ++counters_.unanswerable;
        return;
    }
    ++counters_.received;
    counters_.receivedBytes += bytes.size();
    const base::SocketAddress bound = listener.socket.local();
    Received received{
        .bytes = bytes,
        .flow = {.protocol = base::Protocol::Udp, .local = bound, .remote = datagram.source},
        .interfaceIndex = datagram.interfaceIndex,
        .tag = listener.tag,
        .time = loop_.now()};
    if (listener.onAllAddresses() && datagram.destination) {
        received.flow.local.ip = datagram.destination;
    }
    trace(Direction::In, received.flow, bytes);
    handler_.onReceived(received);
}

}  // namespace siproxd::transport
