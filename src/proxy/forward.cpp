// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/forward.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace siproxd::proxy {

namespace {

constexpr std::string_view kChallengeHeaders[] = {"WWW-Authenticate", "Proxy-Authenticate"};

/// Of all branches together: the memory, and the room in a response, are not theirs to fill.
constexpr std::size_t kMostChallenges = 16;
constexpr std::size_t kLongestChallenges = 4096;  // bytes

bool isChallenge(int status) { return status == 401 || status == 407; }

/// Lower is better: any 6xx, then the lowest class; within 4xx those that tell the caller how to do
/// better.
int preference(int status) {
    if (status >= 600) {
        return 0;
    }
    const int byClass = status / 100 * 100;
    switch (status) {
        case 401:
        case 407:
        case 415:
        case 420:
        case 484: return byClass;
        case 408:
        case 480: return byClass + 2;  // says less than what a phone has really answered
        default: return byClass + 1;
    }
}

}  // namespace

Branch* Forward::branchOf(transaction::ClientId client) {
    const auto it = std::find_if(branches.begin(), branches.end(),
                                 [client](const Branch& b) {
                                     return b.client == client ||
                                            std::ranges::find(b.former, client) != b.former.end();
                                 });
    return it == branches.end() ? nullptr : &*it;
}

bool Forward::waiting() const {
    return std::ranges::any_of(branches, &Branch::isUnderWay);
}

std::uint32_t Forward::breadthInUse() const {
    std::uint32_t sum = 0;
    for (const auto& branch : branches) {
        sum += branch.isUnderWay() ? branch.breadth : 0;
    }
    return sum;
}

std::vector<std::size_t> Forward::nextRank() {
    std::optional<std::uint32_t> rank;
    for (const auto& branch : branches) {
        // Whoever is behind it may still be wanted.
        if (branch.state == Branch::State::Waiting && branch.isWantedAfter(outcomes)) {
            rank = std::min(rank.value_or(branch.rank), branch.rank);
        }
    }
    std::vector<std::size_t> started;
    for (std::size_t i = 0; rank && i < branches.size(); ++i) {
        auto& branch = branches[i];
        if (branch.state != Branch::State::Waiting || branch.rank > *rank) {
            continue;
        }
        const bool isWanted = branch.rank == *rank && branch.isWantedAfter(outcomes);
        branch.state = isWanted ? Branch::State::Locating : Branch::State::Done;
        if (isWanted) {
            started.push_back(i);
        }
    }
    outcomes = started.empty() ? outcomes : 0;
    return started;
}

bool Forward::hasSubstituteFor(const Branch& branch) const {
    return branch.isAccount && std::ranges::any_of(branches, [&branch](const Branch& other) {
               return other.state == Branch::State::Waiting && other.rank > branch.rank &&
                      other.isWantedAfter(SIPROXD_AFTER_FAILURE);
           });
}

bool Forward::hasSubstituteAfter(std::uint32_t outcome) const {
    return !answered && !ending && std::ranges::any_of(branches, [outcome](const Branch& branch) {
        return branch.state == Branch::State::Waiting && branch.terms != nullptr &&
               (branch.terms->after & outcome) != 0;
    });
}

void Forward::insertBehind(std::size_t index, std::uint32_t place, Branch branch) {
    const auto rank = branches[index].rank + place;
    for (auto& other : branches) {
        if (place > 0 && other.state == Branch::State::Waiting && other.rank >= rank) {
            ++other.rank;
        }
    }
    branch.rank = rank;
    branches.push_back(std::move(branch));
}

std::vector<std::size_t> Forward::replace(std::size_t index, std::vector<Branch> others) {
    const auto present = branches[index].rank;
    branches[index].state = Branch::State::Done;
    std::uint32_t last = 0;
    std::uint32_t first = UINT32_MAX;
    for (const auto& other : others) {
        first = std::min(first, other.rank);
        last = std::max(last, other.rank);
    }
    for (auto& branch : branches) {
        if (branch.state == Branch::State::Waiting && branch.rank > present) {
            branch.rank += last - first;
        }
    }
    std::vector<std::size_t> started;
    for (auto& other : others) {
        if (other.rank == first) {
            other.state = Branch::State::Locating;
            started.push_back(branches.size());
        }
        other.rank += present - first;
        branches.push_back(std::move(other));
    }
    return started;
}

void Forward::keepChallenges(const sip::Message& response) {
    std::size_t length = 0;
    for (const auto& [header, value] : challenges) {
        length += value.size();
    }
    for (const auto header : kChallengeHeaders) {
        for (auto& value : response.headers(header)) {
            length += value.size();
            if (challenges.size() == kMostChallenges || length > kLongestChallenges) {
                return;
            }
            challenges.emplace_back(header, std::move(value));
        }
    }
}

void Forward::offerBest(const Branch& branch, sip::Message response) {
    if (branches.size() > 1 && isChallenge(response.status())) {
        keepChallenges(response);
    }
    if (!best || preference(response.status()) < preference(best->response.status())) {
        best = std::make_unique<Best>(
            Best{std::move(response), static_cast<std::size_t>(&branch - branches.data())});
    }
}

Forward::Best Forward::takeBest() {
    auto taken = std::move(*best);
    best.reset();
    if (!isChallenge(taken.response.status())) {
        return taken;
    }
    for (const auto& [header, value] : std::exchange(challenges, {})) {
        const auto present = taken.response.headers(header);
        if (std::ranges::find(present, value) == present.end()) {
            taken.response.addHeader(header, value);
        }
    }
    return taken;
}

}  // namespace siproxd::proxy
