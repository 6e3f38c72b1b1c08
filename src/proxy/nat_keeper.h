// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "access/address_list.h"
#include "base/flow.h"
#include "event/loop.h"
#include "proxy/addresses.h"
#include "registrar/location_table.h"
#include "sip/message.h"
#include "transaction/layer.h"

namespace siproxd::proxy {

/// Phones behind a NAT of their own: finds out who is, keeps the way to them open, and forgets those
/// that answer no more, or whose NAT lets nothing in any more.
class NatKeeper final : private registrar::LocationTable::Listener {
public:
    enum class Method : std::uint8_t {
        Crlf,     ///< two line ends (RFC 5626 §3.5.1)
        Options,  ///< a request; who answers none of a few in a row is gone
        Empty,    ///< an empty datagram; line ends on connections
    };

    struct Options {
        access::AddressList networks;  ///< addresses that are used behind NATs
        std::chrono::seconds interval{25};  ///< 0: nothing is kept open
        Method method = Method::Crlf;
        unsigned mostSilent = 3;  ///< pings without an answer, or refused keepalives, in a row
    };

    /// The way out; implemented by the proxy.
    class Outlet {
    public:
        virtual ~Outlet() = default;
        virtual void sendKeepalive(std::string_view bytes, const base::Flow& flow) = 0;
        /// Sends OPTIONS to the phone.
        virtual transaction::ClientId sendPing(const registrar::Binding& binding) = 0;
    };

    NatKeeper(Options options, event::Loop& loop, registrar::LocationTable& locations,
              Outlet& outlet);
    ~NatKeeper() override;
    NatKeeper(const NatKeeper&) = delete;
    NatKeeper& operator=(const NatKeeper&) = delete;

    /// At once: the next keepalive comes by the new interval.
    void setOptions(Options options);
    [[nodiscard]] access::AddressList& networks() { return options_.networks; }

    /// Whether the sender says an address of such a network, in its Contact or its topmost Via, while
    /// its packets come from another one. Packets from the inside count only when they come from
    /// outside of these networks: phones of several inside networks are reached as they say.
    [[nodiscard]] bool isNatted(const sip::Message& message, const base::Flow& from,
                                Side side) const;

    /// The outcome of a transaction; false: it was not a ping.
    bool pingEnded(transaction::ClientId id, bool answered);

    /// An ICMP error has come back (Transport::Handler::onUnreachable()). It counts against the phones
    /// there, once for each of their keepalives: after Options::mostSilent of these in a row they are
    /// forgotten. Whoever can forge such errors can make up no more than that, and only while the
    /// phones say nothing.
    void unreachable(const base::Flow& flow);
    /// A packet has come by this flow: its phones are there.
    void heard(const base::Flow& flow);

    /// Phones that are being kept.
    [[nodiscard]] std::size_t size() const { return kept_.size(); }

private:
    using Queue = std::multimap<base::TimePoint, std::string>;
    struct Kept {
        Queue::iterator due;
        base::SocketAddress remote;  ///< where keepalives go
        unsigned silent = 0;         ///< pings in a row without an answer
        bool waiting = false;        ///< for the answer to a ping
        unsigned refused = 0;        ///< keepalives in a row
        bool isRefused = false;      ///< the last one
    };
    using Place = std::pair<base::SocketAddress, std::string_view>;

    // registrar::LocationTable::Listener
    void bindingChanged(std::uint64_t serial, const registrar::Binding& binding,
                        base::TimePoint expiry) override;
    void bindingGone(std::uint64_t serial, const registrar::Binding& binding) override;

    void run();
    void refresh(const std::string& token, Kept& kept);
    [[nodiscard]] std::vector<std::string> tokensAt(const base::SocketAddress& remote) const;
    void moveTo(std::string_view token, Kept& kept, const base::SocketAddress& remote);
    void drop(const std::string& token, std::string_view why);
    void arm();

    Options options_;
    event::Loop& loop_;
    registrar::LocationTable& locations_;
    Outlet& outlet_;
    std::unordered_map<std::string, Kept> kept_;  ///< by token
    std::set<Place> places_;  ///< of kept_, whose keys these tokens are
    /// Places with Kept::refused.
    std::unordered_set<base::SocketAddress, base::AddressHash> refused_;
    Queue queue_;
    std::unordered_map<transaction::ClientId, std::string> pings_;
    std::unique_ptr<event::Timer> timer_;
};

}  // namespace siproxd::proxy
