// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/records.h"

#include <utility>

#include "base/text.h"

namespace siproxd::dns {

namespace {

std::string_view typeName(RecordType type) {
    switch (type) {
        case RecordType::A: return "/A";
        case RecordType::Aaaa: return "/AAAA";
        case RecordType::Srv: return "/SRV";
        case RecordType::Naptr: return "/NAPTR";
        case RecordType::Both: break;
    }
    return "/*";
}

}  // namespace

RecordType addressType(base::Family family) {
    switch (family) {
        case base::Family::V4: return RecordType::A;
        case base::Family::V6: return RecordType::Aaaa;
        case base::Family::None: break;
    }
    return RecordType::Both;
}

std::string Question::key() const {
    return base::toLower(name).append(typeName(type));
}

Answer addressesIn(const RecordAnswer& answer) {
    if (!answer) {
        return std::unexpected(answer.error());
    }
    if (const auto* addresses = std::get_if<Addresses>(&*answer)) {
        return *addresses;
    }
    return base::fail("the answer holds no addresses");
}

Query RecordResolver::resolve(std::string_view host, base::Family family, Callback callback) {
    return ask({std::string(host), addressType(family)},
               [callback = std::move(callback)](const RecordAnswer& answer) {
                   callback(addressesIn(answer));
               });
}

std::optional<Answer> RecordResolver::known(std::string_view host, base::Family family) {
    const auto answer = knownRecords({std::string(host), addressType(family)});
    return answer ? std::optional(addressesIn(*answer)) : std::nullopt;
}

}  // namespace siproxd::dns
