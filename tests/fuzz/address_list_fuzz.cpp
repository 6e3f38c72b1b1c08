// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>

#include "access/address_list.h"
#include "base/address.h"
#include "demand.h"

using namespace siproxd;
using fuzz::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::text(data, size);
    if (const auto ip = base::IpAddress::parse(text)) {
        demand(base::IpAddress::parse(ip->toString()) == ip, "an address stays what it is");
        demand(base::IpAddress::parse(ip->toHost()) == ip, "an address stays what it is in a URI");
    }
    if (const auto network = base::Network::parse(text)) {
        demand(base::Network::parse(network->toString()) == network, "a network stays what it is");
        demand(network->contains(network->address()), "a network has its own address");
    }
    if (const auto file = access::AddressList::parseFile(text, "file")) {
        demand(!file->empty(), "a file is a list");
    } else {
        demand(file.error().message.starts_with("file:"), "an error of a file says where");
    }
    auto list = access::AddressList::parse(text);
    if (!list) {
        demand(!list.error().message.empty(), "an error says what it is");
        return 0;
    }
    const std::array addresses{*base::IpAddress::parse("192.0.2.1"),
                               *base::IpAddress::parse("2001:db8::1")};
    const auto names = list->names();
    demand(names.empty() || list->pending(), "names wait for their addresses");
    for (const auto& name : names) {
        list->resolve(name, addresses);
    }
    demand(!list->pending(), "a resolved list waits for nothing");
    const bool excludes = text.find('!') != std::string_view::npos;
    for (const auto& address : addresses) {
        demand(names.empty() || excludes || list->contains(address),
               "the addresses of a name are in the list");
    }
    for (const auto& name : names) {
        list->resolve(name, {});
    }
    demand(!list->empty() || names.empty(), "names count as entries");
    return 0;
}
