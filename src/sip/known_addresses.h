// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sip/name_addr.h"

namespace siproxd::sip {

/// Addresses that have been read lately, by their text: the messages of a call repeat a few again and
/// again, and reading one costs more than finding it here. Of bounded size; a newer text takes the place of
/// an older one.
class KnownAddresses {
public:
    /// Longer texts are read each time.
    static constexpr std::size_t kLongest = 256;
    static constexpr std::size_t kPlaces = 1024;  ///< a power of two

    /// What NameAddr::parse() says; nullptr: not an address.
    [[nodiscard]] std::shared_ptr<const NameAddr> read(std::string_view text);

private:
    struct Place {
        std::string text;
        std::shared_ptr<const NameAddr> address;  ///< nullptr: nothing is here yet
    };
    std::vector<Place> places_;  ///< by the hash of the text; none before the first
};

}  // namespace siproxd::sip
