// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/call_limits.h"

#include <optional>
#include <vector>

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using access::CallLimits;
using Limit = access::CallLimits::Limit;
using test::ip;

namespace {

}  // namespace

TEST_CASE("Calls are limited in all, for each user and for each source", "[access]") {
    CallLimits limits({.total = 4, .perUser = 2, .perSource = 3});
    std::vector<CallLimits::Ticket> calls;
    const auto add = [&](std::string_view user, const char* source) -> std::optional<Limit> {
        auto ticket = limits.tryAdd(user, ip(source));
        if (!ticket) {
            return ticket.error();
        }
        calls.push_back(*std::move(ticket));
        return std::nullopt;
    };
    CHECK_FALSE(add("alice", "10.0.0.1"));
    CHECK_FALSE(add("alice", "10.0.0.1"));
    CHECK(add("alice", "10.0.0.2") == Limit::User);
    CHECK_FALSE(add("", "10.0.0.1"));
    CHECK(add("bob", "10.0.0.1") == Limit::Source);
    CHECK_FALSE(add("bob", "10.0.0.2"));
    CHECK(add("carol", "10.0.0.3") == Limit::Total);
    CHECK(limits.calls() == 4);
    CHECK(limits.callsOf("alice") == 2);

    calls.erase(calls.begin());
    CHECK(limits.calls() == 3);
    CHECK(limits.callsOf("alice") == 1);
    CHECK_FALSE(add("alice", "10.0.0.2"));
    calls.clear();
    CHECK(limits.calls() == 0);
    CHECK(limits.callsOf("alice") == 0);
}

TEST_CASE("Without limits every call has its place", "[access]") {
    CallLimits limits;
    std::vector<CallLimits::Ticket> calls;
    for (int i = 0; i < 1000; ++i) {
        auto ticket = limits.tryAdd("alice", ip("10.0.0.1"));
        REQUIRE(ticket);
        calls.push_back(*std::move(ticket));
    }
    limits.setOptions({.total = 10});
    CHECK(limits.tryAdd("", {}).error() == Limit::Total);
    CHECK(limits.calls() == 1000);
}

TEST_CASE("A place is given back once", "[access]") {
    CallLimits limits;
    auto first = limits.tryAdd("alice", ip("2001:db8::1")).value();
    auto second = limits.tryAdd("bob", ip("2001:db8::2")).value();
    CHECK(first);
    second = std::move(first);
    CHECK(limits.calls() == 1);
    CHECK(limits.callsOf("bob") == 0);
    second.release();
    second.release();
    CHECK_FALSE(second);
    CHECK(limits.calls() == 0);
    CHECK_FALSE(CallLimits::Ticket());
}

TEST_CASE("An IPv6 network counts as one source", "[access]") {
    CallLimits limits({.perSource = 1});
    const auto call = limits.tryAdd("", ip("2001:db8::1")).value();
    CHECK(limits.tryAdd("", ip("2001:db8::2")).error() == Limit::Source);
    CHECK(limits.tryAdd("", ip("2001:db8:0:1::2")));
}
