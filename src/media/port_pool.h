// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "base/address.h"
#include "base/random.h"
#include "base/result.h"
#include "media/leg.h"
#include "net/udp_socket.h"

namespace siproxd::media {

/// The two sockets of one leg: RTP on an even port, RTCP on the next.
struct LegSockets {
    net::UdpSocket rtp;
    net::UdpSocket rtcp;

    [[nodiscard]] std::uint16_t port() const { return rtp.local().port; }
};
using StreamSockets = PerLeg<LegSockets>;

/// The range of relay ports, given out in pairs picked at random. A pair is bound before it is
/// given away, so nobody is told of a port that another program has.
class PortPool {
public:
    /// Pairs are `even, even + 1` with both ports within low..high. `dscp` 0-63 for what is sent.
    PortPool(std::uint16_t low, std::uint16_t high, unsigned dscp, base::Random& random);

    /// Binds one pair on both addresses, or two pairs when the addresses are the same. Error:
    /// nothing free, no descriptors, or an address that is not ours.
    [[nodiscard]] base::Result<StreamSockets> acquire(const PerLeg<base::IpAddress>& local);

    /// Gives back the RTP ports of a stream whose sockets are closed.
    void release(const PerLeg<std::uint16_t>& ports);

    [[nodiscard]] std::size_t pairs() const { return pairs_; }
    [[nodiscard]] std::size_t freePairs() const { return free_.size(); }

private:
    using Addresses = std::vector<base::IpAddress>;

    /// Takes pairs at random until one can be bound on all of `addresses`. Pairs that other
    /// programs hold go to `busy`.
    [[nodiscard]] base::Result<std::vector<LegSockets>> bindAny(const Addresses& addresses,
                                                                std::vector<std::uint16_t>& busy);
    [[nodiscard]] base::Result<std::vector<LegSockets>> bindAll(const Addresses& addresses,
                                                                std::uint16_t port);
    [[nodiscard]] std::uint16_t takeRandom();
    void mark(LegSockets& sockets);

    std::uint16_t low_;
    std::uint16_t high_;
    unsigned dscp_;
    bool dscpFailureLogged_ = false;
    base::Random& random_;
    std::vector<std::uint16_t> free_;
    std::size_t pairs_ = 0;
};

}  // namespace siproxd::media
