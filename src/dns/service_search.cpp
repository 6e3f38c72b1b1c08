// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/service_search.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace siproxd::dns {

namespace {

using base::Protocol;

constexpr std::size_t kMaxServices = 16;
/// Names looked up for one request: a stranger's domain must not make us ask half the world.
constexpr std::size_t kMaxTargets = 8;
constexpr std::size_t kMaxOffers = 6;
/// Of one target, so that a server with many addresses leaves room for the next server.
constexpr std::size_t kMaxAddressesOfTarget = 4;

constexpr std::uint16_t defaultPort(Protocol protocol) {
    return protocol == Protocol::Tls ? 5061 : 5060;
}

/// What stands in NAPTR records and in front of SRV names.
struct ServiceName {
    Protocol protocol;
    std::string_view naptr;
    std::string_view srv;
};
constexpr std::array kServiceNames{
    ServiceName{Protocol::Udp, "SIP+D2U", "_sip._udp."},
    ServiceName{Protocol::Tcp, "SIP+D2T", "_sip._tcp."},
    ServiceName{Protocol::Tls, "SIPS+D2T", "_sips._tcp."},
};

std::string srvName(Protocol protocol, std::string_view host) {
    const auto* const name = std::ranges::find(kServiceNames, protocol, &ServiceName::protocol);
    return std::string(name->srv).append(host);
}

/// Whether a NAPTR replacement names a SIP service by the protocol. It may be of another domain,
/// but not some service that knows nothing of SIP.
bool isServiceOf(Protocol protocol, std::string_view replacement) {
    const auto labels = base::split(replacement, '.');
    if (labels.size() < 3) {
        return false;
    }
    const bool sip =
        base::equalsIgnoreCase(labels[0], "_sip") || base::equalsIgnoreCase(labels[0], "_sips");
    return sip && (protocol == Protocol::Udp ? base::equalsIgnoreCase(labels[1], "_udp")
                                             : base::equalsIgnoreCase(labels[1], "_tcp") ||
                                                   base::equalsIgnoreCase(labels[1], "_tls"));
}

/// IPv4 and IPv6 in turn, so that one family that does not work costs one try and not all.
Addresses interleaved(const Addresses& addresses, base::Family preferred) {
    Addresses first;
    Addresses second;
    for (const auto& ip : addresses) {
        (ip.family() == preferred ? first : second).push_back(ip);
    }
    Addresses mixed;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) {
            mixed.push_back(first[i]);
        }
        if (i < second.size()) {
            mixed.push_back(second[i]);
        }
    }
    return mixed;
}

/// One pass over the rules.
class Search {
public:
    Search(const Wanted& wanted, Facts& facts) : wanted_(wanted), facts_(facts) {}

    std::optional<Located> run();

private:
    /// A service's SRV records are at `name`.
    struct Offer {
        Protocol protocol;
        std::string name;
        friend bool operator==(const Offer&, const Offer&) = default;
    };
    struct Offers {
        std::vector<Offer> list;
        bool byDomain = false;  ///< NAPTR records say so; else these are the usual ones
    };
    /// A host that gives a service.
    struct Target {
        Protocol protocol;
        std::string host;
        std::uint16_t port;
    };

    bool chooseProtocols();
    [[nodiscard]] bool isRefused(Protocol protocol) const;
    [[nodiscard]] std::vector<Protocol> protocolsWithoutRecords() const;
    [[nodiscard]] std::vector<Protocol> protocolsWithoutTargets(const Offers& offers) const;
    /// Nothing when it is not known yet.
    std::optional<Offers> offers();
    [[nodiscard]] std::vector<Offer> usable(const NaptrRecords& records) const;
    std::optional<std::vector<Target>> targetsOf(const Offers& offers);
    std::optional<Located> byRecords();
    Located byLiteral(const base::IpAddress& ip);
    std::optional<Located> byAddress(const std::vector<Protocol>& protocols);
    std::optional<Located> resolved(const std::vector<Target>& targets, std::size_t ofTarget);
    void add(const Target& target, const Addresses& addresses, std::size_t limit);

    const Wanted& wanted_;
    Facts& facts_;
    std::string host_;                 ///< without the dot at its end
    std::vector<Protocol> protocols_;  ///< that may be used, the best first
    std::vector<Protocol> refused_;    ///< that the domain says it does not offer
    std::vector<Service> services_;
};

std::optional<Located> Search::run() {
    const auto literal = base::IpAddress::parse(wanted_.host);
    if (!literal && !isHostName(wanted_.host)) {
        return base::fail(fmt::format("'{}' is no host name", base::printable(wanted_.host, 64)));
    }
    host_ = literal ? literal->toString() : wanted_.host;
    if (host_.ends_with('.')) {
        host_.pop_back();
    }
    if (!chooseProtocols()) {
        return base::fail(fmt::format("cannot reach {}: it must be reached by {}, which is not "
                                      "available",
                                      host_,
                                      wanted_.secure      ? "TLS"
                                      : wanted_.transport ? base::viaName(*wanted_.transport)
                                                          : "UDP, TCP or TLS"));
    }
    if (literal && (wanted_.families == base::Family::None ||
                    wanted_.families == literal->family())) {
        return byLiteral(*literal);
    }
    return literal || wanted_.port != 0 ? byAddress(protocolsWithoutRecords()) : byRecords();
}

bool Search::chooseProtocols() {
    protocols_ = wanted_.protocols;
    const auto keepOnly = [this](Protocol protocol) {
        std::erase_if(protocols_, [&](Protocol other) { return other != protocol; });
    };
    if (wanted_.secure) {
        // TCP under sips means TLS over TCP (RFC 5630 §3.1.3).
        if (wanted_.transport == Protocol::Udp) {
            return false;
        }
        keepOnly(Protocol::Tls);
    } else if (wanted_.transport) {
        keepOnly(*wanted_.transport);
    } else if (wanted_.large) {
        std::ranges::stable_partition(protocols_, &base::isReliable);
    }
    return !protocols_.empty();
}

bool Search::isRefused(Protocol protocol) const {
    return std::ranges::find(refused_, protocol) != refused_.end();
}

std::vector<Protocol> Search::protocolsWithoutRecords() const {
    const auto offered = [this](Protocol protocol) {
        return std::ranges::find(protocols_, protocol) != protocols_.end() && !isRefused(protocol);
    };
    std::vector<Protocol> chosen;
    if (wanted_.large && offered(Protocol::Tcp)) {
        chosen.push_back(Protocol::Tcp);
    }
    if (offered(Protocol::Udp)) {
        chosen.push_back(Protocol::Udp);
    }
    if (chosen.empty()) {
        const auto first = std::ranges::find_if(protocols_, offered);
        if (first != protocols_.end()) {
            chosen.push_back(*first);
        }
    }
    return chosen;
}

std::vector<Protocol> Search::protocolsWithoutTargets(const Offers& offers) const {
    if (!offers.byDomain) {
        return protocolsWithoutRecords();
    }
    const auto first = std::ranges::find_if(
        offers.list, [this](const Offer& offer) { return !isRefused(offer.protocol); });
    return first == offers.list.end() ? std::vector<Protocol>() : std::vector{first->protocol};
}

std::optional<Search::Offers> Search::offers() {
    Offers usual;
    for (const auto protocol : protocols_) {
        usual.list.push_back({protocol, srvName(protocol, host_)});
    }
    if (wanted_.transport) {
        return usual;
    }
    const auto* naptr = facts_.find({host_, RecordType::Naptr});
    if (naptr == nullptr) {
        // They are needed next, whatever the NAPTR records say most of the time.
        for (const auto& offer : usual.list) {
            static_cast<void>(facts_.find({offer.name, RecordType::Srv}));
        }
        return std::nullopt;
    }
    if (const auto* records = *naptr ? std::get_if<NaptrRecords>(&**naptr) : nullptr) {
        if (auto byDomain = usable(*records); !byDomain.empty()) {
            return Offers{std::move(byDomain), true};
        }
    }
    return usual;
}

std::vector<Search::Offer> Search::usable(const NaptrRecords& records) const {
    struct Ranked {
        std::tuple<bool, unsigned, unsigned, std::ptrdiff_t> rank;
        Offer offer;
    };
    std::vector<Ranked> ranked;
    for (const auto& record : records) {
        const auto* const service =
            std::ranges::find_if(kServiceNames, [&](const ServiceName& name) {
                return base::equalsIgnoreCase(name.naptr, record.service);
            });
        if (service == kServiceNames.end() || !base::equalsIgnoreCase(record.flags, "s") ||
            !isServiceOf(service->protocol, record.replacement)) {
            continue;
        }
        const auto ours = std::ranges::find(protocols_, service->protocol);
        if (ours != protocols_.end()) {
            ranked.push_back({{wanted_.large && !base::isReliable(*ours), record.order,
                               record.preference, ours - protocols_.begin()},
                              {service->protocol, record.replacement}});
        }
    }
    std::ranges::stable_sort(ranked, {}, &Ranked::rank);
    std::vector<Offer> offers;
    for (auto& [rank, offer] : ranked) {
        if (offers.size() < kMaxOffers && std::ranges::find(offers, offer) == offers.end()) {
            offers.push_back(std::move(offer));
        }
    }
    return offers;
}

std::optional<std::vector<Search::Target>> Search::targetsOf(const Offers& offers) {
    std::vector<Target> targets;
    bool all = true;
    for (const auto& offer : offers.list) {
        const auto* answer = facts_.find({offer.name, RecordType::Srv});
        all = all && answer != nullptr;
        const auto* records =
            answer != nullptr && *answer ? std::get_if<SrvRecords>(&**answer) : nullptr;
        if (records == nullptr) {
            continue;
        }
        if (std::ranges::all_of(*records, &std::string::empty, &SrvRecord::target)) {
            refused_.push_back(offer.protocol);
        }
        for (const auto& record : *records) {
            if (!record.target.empty()) {
                targets.push_back({offer.protocol, record.target, record.port});
            }
        }
    }
    return all ? std::optional(std::move(targets)) : std::nullopt;
}

std::optional<Located> Search::byRecords() {
    const auto known = offers();
    if (!known) {
        return std::nullopt;
    }
    const auto targets = targetsOf(*known);
    if (!targets) {
        return std::nullopt;
    }
    if (!targets->empty()) {
        return resolved(*targets, kMaxAddressesOfTarget);
    }
    const auto protocols = protocolsWithoutTargets(*known);
    if (protocols.empty()) {
        return base::fail(fmt::format("cannot reach {}: its domain says that it offers no such "
                                      "service",
                                      host_));
    }
    return byAddress(protocols);
}

Located Search::byLiteral(const base::IpAddress& ip) {
    for (const auto protocol : protocolsWithoutRecords()) {
        const auto port = wanted_.port != 0 ? wanted_.port : defaultPort(protocol);
        services_.push_back({protocol, {ip, port}, host_});
    }
    return std::move(services_);
}

std::optional<Located> Search::byAddress(const std::vector<Protocol>& protocols) {
    std::vector<Target> targets;
    targets.reserve(protocols.size());
    for (const auto protocol : protocols) {
        targets.push_back(
            {protocol, host_, wanted_.port != 0 ? wanted_.port : defaultPort(protocol)});
    }
    return resolved(targets, kMaxServices / targets.size());
}

std::optional<Located> Search::resolved(const std::vector<Target>& targets, std::size_t ofTarget) {
    bool all = true;
    std::optional<base::Error> error;
    std::vector<std::string_view> hosts;
    for (const auto& target : targets) {
        if (std::ranges::find(hosts, target.host) == hosts.end()) {
            if (hosts.size() == kMaxTargets) {
                continue;
            }
            hosts.push_back(target.host);
        }
        const auto* answer = facts_.find({target.host, addressType(wanted_.families)});
        all = all && answer != nullptr;
        if (answer == nullptr) {
            continue;
        }
        if (const auto addresses = addressesIn(*answer)) {
            add(target, *addresses, ofTarget);
        } else if (!error) {
            error = addresses.error();
        }
    }
    if (!all) {
        return std::nullopt;
    }
    if (services_.empty()) {
        return std::unexpected(
            error.value_or(base::Error{fmt::format("cannot resolve {}: no addresses", host_)}));
    }
    return std::move(services_);
}

void Search::add(const Target& target, const Addresses& addresses, std::size_t limit) {
    std::size_t added = 0;
    for (const auto& ip : interleaved(addresses, wanted_.preferred)) {
        const Service service{target.protocol, {ip, target.port}, host_};
        if (added == limit || services_.size() == kMaxServices) {
            return;
        }
        if (std::ranges::find(services_, service) == services_.end()) {
            services_.push_back(service);
            ++added;
        }
    }
}

}  // namespace

std::optional<Located> searchServices(const Wanted& wanted, Facts& facts) {
    return Search(wanted, facts).run();
}

}  // namespace siproxd::dns
