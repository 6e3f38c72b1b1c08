// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siproxd::access {

/// What scanners of the telephone network give themselves away by. A value.
class ScannerSignatures {
public:
    /// The parts of a request that are compared; what is missing is empty.
    struct Traits {
        std::string_view userAgent{};
        std::string_view fromDisplay{};
        std::string_view fromUser{};
        std::string_view fromHost{};
        std::string_view toUser{};
    };

    /// No signatures.
    ScannerSignatures() = default;

    /// The built-in ones: sipvicious (friendly-scanner) and its kin, sipcli, sipsak, smap, nmap …
    [[nodiscard]] static ScannerSignatures builtIn();

    /// Adds one of the configuration: `field:pattern`, where field is `user-agent`, `from-display`,
    /// `from-user`, `from-host` or `to-user`, and `*` in the pattern stands for any text. Without
    /// case.
    [[nodiscard]] base::Result<void> add(std::string_view text);

    /// The first signature that fits, as text for the log; empty: none does. Takes time
    /// proportional to the length of the traits, whatever they are.
    [[nodiscard]] std::string_view match(const Traits& traits) const;

private:
    struct Signature {
        std::string_view Traits::*field;
        std::string pattern;  ///< lower case
        std::string text;
    };

    std::vector<Signature> list_;
};

}  // namespace siproxd::access
