// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "base/flow.h"
#include "transaction/layer.h"

namespace siproxd::transaction {

/// Client transactions by whom their requests went to: what has been said of a peer concerns all of
/// them.
class PeerIndex {
public:
    void add(const base::Flow& to, ClientId id) { clients_[peerOf(to)].insert(id); }
    void remove(const base::Flow& to, ClientId id) {
        const auto known = clients_.find(peerOf(to));
        if (known != clients_.end() && known->second.erase(id) > 0 && known->second.empty()) {
            clients_.erase(known);
        }
    }
    /// A copy, for those that end are removed.
    [[nodiscard]] std::vector<ClientId> clientsOf(const base::Flow& flow) const {
        const auto known = clients_.find(peerOf(flow));
        return known == clients_.end()
                   ? std::vector<ClientId>()
                   : std::vector<ClientId>(known->second.begin(), known->second.end());
    }

private:
    struct Peer {
        base::Protocol protocol;
        base::SocketAddress address;

        friend bool operator==(const Peer&, const Peer&) = default;
    };
    struct PeerHash {
        std::size_t operator()(const Peer& peer) const {
            return base::AddressHash{}(peer.address) + static_cast<std::size_t>(peer.protocol);
        }
    };
    [[nodiscard]] static Peer peerOf(const base::Flow& flow) { return {flow.protocol, flow.remote}; }

    std::unordered_map<Peer, std::unordered_set<ClientId>, PeerHash> clients_;
};

}  // namespace siproxd::transaction
