// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace siproxd::codecfilter {

/// A session description within a body.
struct Part {
    std::size_t begin = 0;
    std::size_t size = 0;
};

/// Where session descriptions stand in a body, in order: all of it when `contentType` (with its
/// parameters) is application/sdp, parts of it when that is multipart/mixed, related or alternative
/// (RFC 2046 §5.1), also within each other. Encoded ones are left out. At most 32.
[[nodiscard]] std::vector<Part> findDescriptions(std::string_view contentType,
                                                 std::string_view body);

}  // namespace siproxd::codecfilter
