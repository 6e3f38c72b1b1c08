// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "dns/records.h"
#include "support/fake_loop.h"

namespace siproxd::test {

/// A resolver that has all it knows in tables and answers in virtual time.
class FakeRecords final : public dns::RecordResolver {
public:
    explicit FakeRecords(FakeLoop& loop) : loop_(loop) {}

    void addresses(const std::string& host, std::initializer_list<const char*> texts) {
        dns::Addresses four;
        dns::Addresses six;
        for (const char* text : texts) {
            const auto ip = *base::IpAddress::parse(text);
            (ip.isV4() ? four : six).push_back(ip);
        }
        put(host, dns::RecordType::A, four);
        put(host, dns::RecordType::Aaaa, six);
        four.insert(four.end(), six.begin(), six.end());
        put(host, dns::RecordType::Both, four);
    }
    void srv(const std::string& name, dns::SrvRecords records) {
        put(name, dns::RecordType::Srv, std::move(records));
    }
    void naptr(const std::string& name, dns::NaptrRecords records) {
        put(name, dns::RecordType::Naptr, std::move(records));
    }

    /// Everything is cached.
    bool cached = false;
    /// How long an answer takes, by key of the question; others take 10 ms.
    std::map<std::string, base::Duration> delays;
    std::map<std::string, int> asked;

    [[nodiscard]] dns::Query ask(const dns::Question& question, RecordCallback callback) override {
        const auto key = question.key();
        ++asked[key];
        const auto delay = delays.find(key);
        auto timer = std::make_shared<std::unique_ptr<event::Timer>>();
        *timer = loop_.timer(
            [this, question, callback = std::move(callback)] { callback(answerOf(question)); });
        (*timer)->start(delay == delays.end() ? std::chrono::milliseconds(10) : delay->second);
        return dns::Query(std::move(timer));
    }

    [[nodiscard]] std::optional<dns::RecordAnswer>
    knownRecords(const dns::Question& question) override {
        if (const auto literal = base::IpAddress::parse(question.name)) {
            return dns::Addresses{*literal};
        }
        return cached ? std::optional(answerOf(question)) : std::nullopt;
    }

private:
    template <class Type>
    void put(const std::string& name, dns::RecordType type, Type records) {
        if (!records.empty()) {
            answers_.insert_or_assign(dns::Question{name, type}.key(), std::move(records));
        }
    }

    dns::RecordAnswer answerOf(const dns::Question& question) const {
        const auto found = answers_.find(question.key());
        return found == answers_.end() ? base::fail("cannot resolve " + question.name)
                                       : dns::RecordAnswer(found->second);
    }

    FakeLoop& loop_;
    std::map<std::string, dns::Records> answers_;
};

}  // namespace siproxd::test
