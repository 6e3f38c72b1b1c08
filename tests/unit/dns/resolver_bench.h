// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/cares_resolver.h"
#include "support/catch.h"
#include "unit/dns/fake_dns_server.h"

namespace siproxd::test {

inline dns::Addresses addresses(std::initializer_list<const char*> texts) {
    dns::Addresses result;
    for (const char* text : texts) {
        result.push_back(*base::IpAddress::parse(text));
    }
    return result;
}

/// What a query's callback was told.
struct Reply {
    bool came = false;
    dns::Addresses found;
    std::string error;
};

/// A resolver that asks a name server of ours, both in a real loop.
struct ResolverBench {
    std::unique_ptr<event::Loop> loop = std::move(*event::makeLoop());
    FakeDnsServer server{*loop};
    std::unique_ptr<dns::CaresResolver> resolver;
    std::deque<dns::Query> queries;
    std::deque<Reply> answers;
    std::deque<dns::RecordAnswer> recordAnswers;

    explicit ResolverBench(dns::ResolverSettings settings = {}) {
        if (settings.servers.empty()) {
            settings.servers = {server.local()};
        }
        resolver = std::move(*dns::makeCaresResolver(*loop, settings));
    }

    /// Asks; the answer goes to the place that is returned.
    const Reply& ask(std::string_view host, base::Family family = base::Family::V4) {
        auto& place = answers.emplace_back();
        queries.push_back(resolver->resolve(host, family, [&](const dns::Answer& answer) {
            CHECK_FALSE(place.came);
            place = {true, answer.value_or(dns::Addresses()), answer ? "" : answer.error().message};
        }));
        return place;
    }

    /// The same for other records.
    const dns::RecordAnswer& askRecords(std::string_view name, dns::RecordType type) {
        auto& place = recordAnswers.emplace_back(base::fail("no answer yet"));
        auto& reply = answers.emplace_back();
        queries.push_back(
            resolver->ask({std::string(name), type}, [&](const dns::RecordAnswer& answer) {
                place = answer;
                reply.came = true;
            }));
        return place;
    }

    /// Runs the loop until each of the steps has come true, one after the other. Steps may act.
    void play(std::vector<std::function<bool()>> steps) {
        const auto end = loop->now() + std::chrono::seconds(5);
        std::size_t step = 0;
        std::unique_ptr<event::Timer> poll = loop->timer([&] {
            while (step < steps.size() && steps[step]()) {
                ++step;
            }
            if (step == steps.size() || loop->now() > end) {
                loop->stop();
            } else {
                poll->start(std::chrono::milliseconds(1));
            }
        });
        poll->start({});
        loop->run();
        REQUIRE(step == steps.size());
    }

    void waitForAll() {
        play({[&] { return std::ranges::all_of(answers, &Reply::came); }});
    }
};

}  // namespace siproxd::test
