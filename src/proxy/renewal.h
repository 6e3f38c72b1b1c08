// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "registrar/binding.h"
#include "sip/message.h"
#include "transaction/layer.h"

namespace siproxd::proxy {

/// Keeps the last REGISTER of each phone that a provider has accepted, so that providers can be told
/// of a new address of ours at once and not when the phone comes the next time. Knows which of these
/// are under way and what has become of them. The phone's credentials go with it: most registrars
/// take them again for a while, the others challenge, which only the phone can answer.
class Renewal {
public:
    /// Tries of one registration while the provider cannot be reached.
    static constexpr unsigned kTries = 5;

    /// What has been accepted. `host` stands for us in the Contact that the provider has now. Only
    /// what a binding does not say is kept.
    void remember(std::string_view token, const sip::Message& request, std::string_view host);
    void forget(std::string_view token);
    [[nodiscard]] std::size_t size() const { return known_.size(); }

    /// Tokens whose provider has another address of ours than `hostOf` gives for the token's Contact;
    /// it gives nothing for a token that is not to be renewed. Not those under way.
    [[nodiscard]] std::vector<std::string> due(
        const std::function<std::string(const std::string& token)>& hostOf) const;

    /// The REGISTER to send, as if from the phone, with the Call-ID and From tag given (not the
    /// phone's: its next one must not come with a CSeq that is behind, RFC 3261 §10.2.4). Counts as
    /// under way by `id`, which is no transaction's. Nothing: it is not known.
    [[nodiscard]] std::optional<sip::Message> begin(const registrar::Binding& binding,
                                                    transaction::ServerId id,
                                                    const std::string& callId);
    [[nodiscard]] bool isRenewal(transaction::ServerId id) const { return pending_.contains(id); }
    /// The host by which the provider still knows this one.
    [[nodiscard]] std::string oldHost(transaction::ServerId id) const;

    /// The provider has answered. When it is not a 2xx, and more than a moment's failure, nothing is
    /// tried until the phone comes by itself.
    void answered(transaction::ServerId id, int status);
    /// The provider knows this one by `host` now.
    void moved(std::string_view token, std::string_view host);

    /// All that are under way, those included that are at an end but not taken out.
    [[nodiscard]] std::vector<transaction::ServerId> pending() const;
    /// Takes one out. The error when it was not answered and will not be tried again.
    [[nodiscard]] base::Result<void> end(transaction::ServerId id);

private:
    using Token = std::uint64_t;
    struct Known {
        /// The request URI, then header fields, a line each.
        std::string lines;
        std::uint16_t host = 0;   ///< in hosts_
        std::uint8_t tries = 0;   ///< since the address has changed
        bool isHopeless = false;  ///< the provider wants the phone itself
    };
    struct Pending {
        Token token = 0;
        bool isAnswered = false;
    };

    [[nodiscard]] std::uint16_t indexOf(std::string_view host);

    std::unordered_map<Token, Known> known_;
    std::vector<std::string> hosts_;  ///< that known_ has or has had
    std::map<transaction::ServerId, Pending> pending_;
};

}  // namespace siproxd::proxy
