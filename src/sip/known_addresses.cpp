// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/known_addresses.h"

#include <functional>

namespace siproxd::sip {

std::shared_ptr<const NameAddr> KnownAddresses::read(std::string_view text) {
    const auto readNow = [text]() -> std::shared_ptr<const NameAddr> {
        auto parsed = NameAddr::parse(text);
        return parsed ? std::make_shared<const NameAddr>(std::move(*parsed)) : nullptr;
    };
    if (text.size() > kLongest) {
        return readNow();
    }
    if (places_.empty()) {
        places_.resize(kPlaces);
    }
    // Who finds texts that share a place gains nothing but that they are read each time.
    auto& place = places_[std::hash<std::string_view>{}(text) % kPlaces];
    if (place.address != nullptr && place.text == text) {
        return place.address;
    }
    auto address = readNow();
    if (address != nullptr) {
        place.text = text;
        place.address = address;
    }
    return address;
}

}  // namespace siproxd::sip
