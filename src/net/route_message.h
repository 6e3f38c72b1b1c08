// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "net/interface_table.h"

struct nlmsghdr;

namespace siproxd::net {

/// Makes an interface table of the kernel's answers to rtnetlink dumps of links, addresses and
/// routes (rtnetlink(7)). What is not understood is passed over; no length in a message is believed
/// beyond the bytes that are there.
class RouteAnswers {
public:
    enum class Progress : std::uint8_t {
        More,         ///< the answer goes on in the next datagram
        Done,         ///< that was the end of the answer
        Interrupted,  ///< the end, but something changed meanwhile: ask everything again
        Refused,      ///< the kernel does not answer this question
    };

    /// Takes one datagram. Messages that do not answer question `sequence` do not count. `datagram`
    /// has to be aligned like a nlmsghdr.
    Progress take(std::span<const char> datagram, std::uint32_t sequence);

    /// errno of the last refusal.
    [[nodiscard]] int refusal() const { return refusal_; }

    /// What has been learnt so far. Links are to be asked for before this has any sense.
    [[nodiscard]] InterfaceTable table() const;

private:
    struct Address {
        unsigned index = 0;
        std::string label;
        InterfaceAddress address;
    };
    struct DefaultRoute {
        base::Family family = base::Family::None;
        unsigned index = 0;
        std::uint32_t metric = 0;
    };

    void add(const nlmsghdr* message);
    void addLink(const nlmsghdr* message);
    void addAddress(const nlmsghdr* message);
    void addRoute(const nlmsghdr* message);
    [[nodiscard]] std::string defaultRoute(base::Family family) const;

    std::vector<Interface> links_;
    std::vector<Address> addresses_;
    std::vector<DefaultRoute> routes_;
    bool interrupted_ = false;
    int refusal_ = 0;
};

/// Whether a datagram of the rtnetlink multicast groups may mean another InterfaceTable: everything
/// about links and addresses, of routes the default ones. True as well when it is not understood.
/// `datagram` has to be aligned like a nlmsghdr.
[[nodiscard]] bool announcesChange(std::span<const char> datagram);

}  // namespace siproxd::net
