// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "kernel/reception_math.h"

/// The relay in the kernel: a BPF program that forwards the RTP of flows which the process has agreed
/// to, without the process.
namespace siproxd::kernel {

/// Which of the two of our addresses that have the same port.
enum class Side : std::uint8_t { A, B };

/// Packets are counted in windows of 2^27 ns, about an eighth of a second, to find floods.
inline constexpr unsigned kWindowShift = 27;

/// `packetsPerSecond` of one window, rounded up.
[[nodiscard]] constexpr std::uint32_t packetsAWindow(std::uint32_t packetsPerSecond) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    return static_cast<std::uint32_t>(
        ((std::uint64_t{packetsPerSecond} << kWindowShift) + kSecond - 1) / kSecond);
}

/// One direction of a stream: what comes from `source` to `local` is sent from `newSource` to
/// `destination`. All four are of one address family.
struct Flow {
    base::SocketAddress source;
    base::SocketAddress local;
    base::SocketAddress newSource;
    base::SocketAddress destination;
    unsigned outInterface = 0;   ///< index of the interface that leads to the destination
    unsigned outMtu = 1500;      ///< longest IP packet it takes; longer ones go to the socket
    std::uint8_t tos = 0;        ///< DSCP and ECN of what is sent
    std::uint8_t ttl = 64;       ///< of what is sent
    unsigned packetsPerSecond = 0;  ///< more are dropped; 0: no limit

    friend bool operator==(const Flow&, const Flow&) = default;
};

/// What has been done for one side and port, by all flows there have been since the table was loaded.
struct FlowFigures {
    std::uint64_t packets = 0;  ///< forwarded
    std::uint64_t bytes = 0;    ///< of their payload
    std::uint64_t floods = 0;   ///< dropped for packetsPerSecond
    base::TimePoint heard{};    ///< when the last one came; no packets: the epoch
};

/// The table of flows, shared with the program in the kernel. Putting flows in, taking them out and
/// reading their figures is no system call and takes no privilege. One thread at a time may work on
/// one port; different ports are independent of each other.
class FlowTable {
public:
    /// Loads the program (CAP_BPF and CAP_NET_ADMIN, or root) for ports `first`, which is even, to
    /// `last`, both included. Error: built without it, or why the kernel does not take it.
    [[nodiscard]] static base::Result<std::unique_ptr<FlowTable>> load(std::uint16_t first,
                                                                       std::uint16_t last);
    FlowTable(const FlowTable&) = delete;
    FlowTable& operator=(const FlowTable&) = delete;
    ~FlowTable();

    /// The programs to attach where packets come in, as descriptors that live as long as this.
    [[nodiscard]] int ethernetProgram() const;
    /// For interfaces without a link-layer header: tun, ppp, wireguard.
    [[nodiscard]] int l3Program() const;

    /// Forwards from now on, and goes on with this state of what has been received. The flow's entry,
    /// that of side and local port, must be empty and have been for kSettling. Packets of another payload
    /// type than is measured go to the socket until learn().
    void put(Side side, const Flow& flow, const siproxd_reception& reception);
    /// The clock of a payload type as siproxd_reception_follow() takes it. There is room for
    /// SIPROXD_CLOCKS of them; a further one takes the place of another.
    void learn(Side side, std::uint16_t port, std::uint32_t clock);
    /// From now on its packets go to the socket. What is on its way at this moment is still
    /// forwarded.
    void take(Side side, std::uint16_t port);
    [[nodiscard]] FlowFigures figures(Side side, std::uint16_t port) const;
    /// What has been received since put(), on top of what it was given; no word of it is torn, but one may
    /// be a packet older than another.
    [[nodiscard]] siproxd_reception reception(Side side, std::uint16_t port) const;
    /// For a packet that came to the socket all the same. What the kernel counts in the same moment is
    /// lost.
    void setReception(Side side, std::uint16_t port, const siproxd_reception& reception);

    /// How long an entry rests before it is filled again: no run of the program lasts that long, so
    /// none sees half of each.
    static constexpr base::Duration kSettling = std::chrono::milliseconds(20);

private:
    class Impl;
    explicit FlowTable(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace siproxd::kernel
