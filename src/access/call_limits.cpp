// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/call_limits.h"

#include "access/source.h"

namespace siproxd::access {

namespace {

template <class Table, class Key>
std::size_t countOf(const Table& table, const Key& key) {
    const auto found = table.find(key);
    return found != table.end() ? found->second : 0;
}

bool reached(std::size_t calls, std::size_t limit) {
    return limit != 0 && calls >= limit;
}

template <class Table, class Key>
void decrement(Table& table, const Key& key) {
    const auto found = table.find(key);
    if (found != table.end() && --found->second == 0) {
        table.erase(found);
    }
}

}  // namespace

CallLimits::Ticket& CallLimits::Ticket::operator=(Ticket&& other) noexcept {
    if (this != &other) {
        release();
        limits_ = std::exchange(other.limits_, nullptr);
        user_ = std::move(other.user_);
        source_ = other.source_;
    }
    return *this;
}

void CallLimits::Ticket::release() {
    if (auto* limits = std::exchange(limits_, nullptr)) {
        limits->remove(user_, source_);
    }
}

std::expected<CallLimits::Ticket, CallLimits::Limit>
CallLimits::tryAdd(std::string_view user, const base::IpAddress& source) {
    const auto block = sourceOf(source);
    if (reached(calls_, options_.total)) {
        return std::unexpected(Limit::Total);
    }
    if (!user.empty() && reached(callsOf(user), options_.perUser)) {
        return std::unexpected(Limit::User);
    }
    if (block && reached(countOf(sources_, block), options_.perSource)) {
        return std::unexpected(Limit::Source);
    }
    ++calls_;
    if (!user.empty()) {
        ++users_[std::string(user)];
    }
    if (block) {
        ++sources_[block];
    }
    return Ticket(*this, user, block);
}

void CallLimits::remove(const std::string& user, const base::IpAddress& source) {
    --calls_;
    decrement(users_, user);
    decrement(sources_, source);
}

std::size_t CallLimits::callsOf(std::string_view user) const {
    return countOf(users_, user);
}

std::string_view limitName(CallLimits::Limit limit) {
    switch (limit) {
        case CallLimits::Limit::Total: return "calls in all";
        case CallLimits::Limit::User: return "calls of one user";
        case CallLimits::Limit::Source: return "calls from one source";
    }
    return "calls";
}

}  // namespace siproxd::access
