// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/nft_export.h"

#include <algorithm>

#include "support/catch.h"

using namespace siproxd;
using namespace std::chrono_literals;
using access::Ban;
using access::NftExport;

namespace {

Ban ban(const char* source, base::Duration length) {
    return {base::IpAddress::parse(source).value(), base::TimePoint{} + length, "flood", true};
}

}  // namespace

TEST_CASE("Bans become elements of a set with a timeout", "[access]") {
    auto nft = NftExport::parse("inet  siproxd banned").value();
    CHECK(nft.take().empty());
    nft.add(ban("192.0.2.1", 1500ms), {});
    nft.add(ban("2001:db8::", 60s), {});
    nft.remove(ban("192.0.2.2", 0s));
    nft.add(ban("192.0.2.3", 0s), {});
    CHECK(nft.take() == "add element inet siproxd banned4 { 192.0.2.1 }\n"
                        "delete element inet siproxd banned4 { 192.0.2.1 }\n"
                        "add element inet siproxd banned4 { 192.0.2.1 timeout 2s }\n"
                        "add element inet siproxd banned6 { 2001:db8:: }\n"
                        "delete element inet siproxd banned6 { 2001:db8:: }\n"
                        "add element inet siproxd banned6 { 2001:db8:: timeout 60s }\n"
                        "add element inet siproxd banned4 { 192.0.2.2 }\n"
                        "delete element inet siproxd banned4 { 192.0.2.2 }\n");
    CHECK(nft.take().empty());
}

TEST_CASE("Bans that forged packets can bring about are not exported", "[access]") {
    auto nft = NftExport::parse("inet siproxd banned").value();
    auto forged = ban("192.0.2.1", 60s);
    forged.proven = false;
    nft.add(forged, {});
    nft.remove(forged);
    CHECK(nft.take().empty());
}

TEST_CASE("The table and its sets are made when they are missing", "[access]") {
    CHECK(NftExport::parse("inet siproxd banned")->setup() ==
          "add table inet siproxd\n"
          "add set inet siproxd banned4 { type ipv4_addr; flags timeout; }\n"
          "flush set inet siproxd banned4\n"
          "add set inet siproxd banned6 { type ipv6_addr; flags timeout; }\n"
          "flush set inet siproxd banned6\n");
}

TEST_CASE("Names that nft could take for something else are refused", "[access]") {
    for (const char* bad : {"", "inet siproxd", "ip siproxd banned", "inet siproxd banned more",
                            "inet sip;flush banned", "inet siproxd {", "inet 4tune banned",
                            "inet siproxd \"x\"", "inet siproxd a\nflush"}) {
        INFO(bad);
        CHECK_FALSE(NftExport::parse(bad));
    }
}

TEST_CASE("A flood of bans does not pile up", "[access]") {
    auto nft = NftExport::parse("inet siproxd banned").value();
    for (int i = 0; i < 5000; ++i) {
        nft.add(ban("192.0.2.1", 60s), {});
    }
    const auto text = nft.take();
    CHECK(static_cast<std::size_t>(std::ranges::count(text, '\n')) == 3 * NftExport::kMost);
    nft.add(ban("192.0.2.1", 60s), {});
    CHECK_FALSE(nft.take().empty());
}
