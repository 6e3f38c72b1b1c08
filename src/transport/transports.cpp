// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/transports.h"

#include <algorithm>
#include <utility>

namespace siproxd::transport {

using base::Protocol;

std::string Transports::Place::toString() const {
    return std::string(base::viaName(protocol)) + ' ' + address.toString();
}

Transports::Transports(event::Loop& loop, Transport::Handler& handler, const Settings& settings,
                       StreamTransport::Admission admission)
    : port_(settings.port), tlsPort_(settings.tlsPort), udp_(loop, handler, settings.udp),
      streams_(loop, handler, settings.stream, std::move(admission)) {}

std::vector<Transports::Place> Transports::wantedOn(const base::IpAddress& ip) const {
    std::vector<Place> places{{Protocol::Udp, {ip, port_}}, {Protocol::Tcp, {ip, port_}}};
    if (streams_.canServeTls()) {
        places.push_back({Protocol::Tls, {ip, tlsPort_}});
    }
    return places;
}

base::Result<void> Transports::add(const Place& place) {
    const auto bound = place.protocol == Protocol::Udp
                           ? udp_.add(place.address, 0)
                           : streams_.add(place.protocol, place.address, 0);
    return bound ? base::Result<void>() : std::unexpected(bound.error());
}

void Transports::remove(const Place& place) {
    if (place.protocol == Protocol::Udp) {
        udp_.remove(place.address);
    } else {
        streams_.remove(place.protocol, place.address);
    }
}

Transports::Change Transports::listenOn(const std::vector<base::IpAddress>& addresses) {
    std::vector<Place> wanted;
    for (const auto& ip : addresses) {
        std::ranges::move(wantedOn(ip), std::back_inserter(wanted));
    }
    Change change;
    // First those that go: an address may have moved to another interface.
    for (const auto& place : std::exchange(places_, {})) {
        if (std::ranges::find(wanted, place) != wanted.end()) {
            places_.push_back(place);
        } else {
            remove(place);
            change.closed.push_back(place);
        }
    }
    for (const auto& ip : std::exchange(addresses_, addresses)) {
        if (std::ranges::find(addresses, ip) == addresses.end()) {
            streams_.leave(ip);
        }
    }
    for (const auto& place : wanted) {
        if (std::ranges::find(places_, place) != places_.end()) {
            continue;
        }
        if (auto added = add(place); added) {
            places_.push_back(place);
            change.opened.push_back(place);
        } else {
            change.failed.push_back({place, std::move(added.error())});
        }
    }
    return change;
}

std::vector<Transports::Place> Transports::places() const { return places_; }

base::Result<void> Transports::send(std::string_view bytes, const base::Flow& flow) {
    return flow.protocol == Protocol::Udp ? udp_.send(bytes, flow) : streams_.send(bytes, flow);
}

base::Result<base::Flow> Transports::open(const base::Flow& flow, std::string_view name) {
    return flow.protocol == Protocol::Udp ? base::Result<base::Flow>(flow)
                                          : streams_.open(flow, name);
}

bool Transports::alias(std::uint64_t connection, std::uint16_t port) {
    return streams_.alias(connection, port);
}

void Transports::keep(std::uint64_t connection) { streams_.keep(connection); }

void Transports::close(std::uint64_t connection) { streams_.close(connection); }

void Transports::drop(const Selection& unwanted) {
    streams_.drop(unwanted);
}

bool Transports::isOpen(std::uint64_t connection) const { return streams_.isOpen(connection); }

}  // namespace siproxd::transport
