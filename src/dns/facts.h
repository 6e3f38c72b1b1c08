// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "dns/records.h"

namespace siproxd::dns {

/// What is known so far about the names that one search for servers needs. Answers stay the same
/// for the whole search, the lots that were drawn among SRV records included.
class Facts {
public:
    /// Both must live as long as the facts are asked; the resolver is asked for what it has cached.
    Facts(RecordResolver& resolver, base::Random& random) : resolver_(resolver), random_(random) {}

    /// Null when the answer is not known; the question is noted as missing then.
    [[nodiscard]] const RecordAnswer* find(const Question& question);

    [[nodiscard]] bool knows(const Question& question) const;

    /// Takes an answer; SRV records are put in the order to try them in.
    void learn(const Question& question, RecordAnswer answer);

    /// What find() did not know since the last time this was called.
    [[nodiscard]] std::vector<Question> takeMissing();

    /// Whether addresses of any name are known.
    [[nodiscard]] bool hasAddresses() const { return hasAddresses_; }

private:
    RecordResolver& resolver_;
    base::Random& random_;
    std::map<std::string, RecordAnswer, std::less<>> answers_;
    std::vector<Question> missing_;
    bool hasAddresses_ = false;
};

}  // namespace siproxd::dns
