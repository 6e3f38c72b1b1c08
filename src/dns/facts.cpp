// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/facts.h"

#include <utility>

#include "dns/srv_order.h"

namespace siproxd::dns {

const RecordAnswer* Facts::find(const Question& question) {
    const auto key = question.key();
    if (const auto found = answers_.find(key); found != answers_.end()) {
        return &found->second;
    }
    auto cached = resolver_.knownRecords(question);
    if (!cached) {
        missing_.push_back(question);
        return nullptr;
    }
    learn(question, std::move(*cached));
    return &answers_.at(key);
}

bool Facts::knows(const Question& question) const {
    return answers_.contains(question.key());
}

void Facts::learn(const Question& question, RecordAnswer answer) {
    if (answer) {
        if (auto* records = std::get_if<SrvRecords>(&*answer)) {
            *records = drawOrder(std::move(*records), random_);
        }
        hasAddresses_ = hasAddresses_ || std::holds_alternative<Addresses>(*answer);
    }
    answers_.insert_or_assign(question.key(), std::move(answer));
}

std::vector<Question> Facts::takeMissing() {
    return std::exchange(missing_, {});
}

}  // namespace siproxd::dns
