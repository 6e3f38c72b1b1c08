// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registrar/location_table.h"
#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

namespace siproxd::test {

inline sip::Uri uri(std::string_view text) {
    auto parsed = sip::Uri::parse(text);
    INFO(text);
    REQUIRE(parsed);
    return *std::move(parsed);
}

inline base::SocketAddress at(const char* ip, std::uint16_t port = 5060) {
    return {base::IpAddress::parse(ip).value(), port};
}

inline constexpr const char* kOutbound = "203.0.113.1";

/// A table, and REGISTERs in short.
struct Locations {
    FakeLoop clock;
    FakeRandom random;
    registrar::LocationTable table{clock, random};

    static registrar::Registration phone(std::string_view aor, std::string_view contact,
                                         const char* provider = "203.0.113.50") {
        return {.aor = uri(aor),
                .contact = uri(contact),
                .flow = {base::Protocol::Udp, at("192.168.1.1"), at("192.168.1.10", 5062), 0},
                .provider = at(provider),
                .callId = "reg1@192.168.1.10",
                .cseq = 1};
    }

    registrar::Binding prepare(std::string_view aor, std::string_view contact,
                               const char* provider = "203.0.113.50") {
        auto prepared = table.prepare(phone(aor, contact, provider), {.host = kOutbound});
        REQUIRE(prepared);
        return *std::move(prepared);
    }

    /// The token of a confirmed binding.
    std::string enrol(std::string_view aor, std::string_view contact,
                      const char* provider = "203.0.113.50", std::uint32_t expires = 600) {
        const auto binding = prepare(aor, contact, provider);
        REQUIRE(table.confirm(binding.token, expires) != nullptr);
        return binding.token;
    }
};

}  // namespace siproxd::test
