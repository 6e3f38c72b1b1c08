// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access/authenticator.h"
#include "access/call_limits.h"
#include "access/flood_guard.h"
#include "access/policy.h"
#include "access/relay_rules.h"
#include "access/scanner_signatures.h"
#include "base/flow.h"
#include "proxy/accounts.h"
#include "proxy/addresses.h"
#include "registrar/location_table.h"
#include "sip/message.h"
#include "transport/transport.h"

namespace siproxd::proxy {

/// Everything that decides whether a message may go on before anybody looks where to: the lists, floods
/// and scanners, who may call whom through us, passwords, and how many calls there may be.
///
/// A *stranger* is who talks to us from outside and is neither a provider that a phone is registered
/// at, nor named by a list of the configuration. A *proven* source has shown that it receives what is
/// sent to its address; to others nothing is sent that could be used against somebody else.
class Gate {
public:
    struct Options {
        access::RelayRules rules;
        access::ScannerSignatures scanners;
        bool floodGuard = true;
        access::FloodGuard::Options flood;
        access::AddressList trusted;  ///< never limited nor banned; the inside never is
        access::Authenticator::Options authentication;  ///< an empty realm: nobody is asked
        access::Users users;
        access::CallLimits::Options limits;
    };

    /// What there is to know of a request.
    struct Question {
        const sip::Message& request;  ///< as it came
        const base::Flow& from;
        Side side;
        access::Target target = access::Target::Elsewhere;
        bool inDialog = false;  ///< it belongs to a dialog that has been let through
        /// It comes from outside and names a phone by a token that only those know who were shown
        /// it.
        bool knowsToken = false;
        /// It belongs to a call that is relayed from outside to outside.
        bool isRelayed = false;
    };

    struct Verdict {
        enum class Kind : std::uint8_t {
            Pass,
            Drop,    ///< no answer
            Answer,  ///< with `status` and the headers
        };
        Kind kind = Kind::Pass;
        int status = 0;
        std::vector<std::pair<std::string_view, std::string>> headers;
        std::string user;      ///< who it is; empty: nobody was asked
        bool relays = false;   ///< it may go anywhere, though it comes from outside
    };

    /// Everything must outlive it.
    Gate(Options options, access::Policy policy, const Addresses& addresses,
         const registrar::LocationTable& locations, base::Random& random, const base::Clock& clock);

    /// From now on; bans and calls stay.
    void configure(Options options);
    void setPolicy(access::Policy policy) { policy_ = std::move(policy); }
    void setUsers(access::Users users);
    /// Who is known like a provider; must outlive the gate.
    void setAccounts(const Accounts& accounts) { accounts_ = &accounts; }
    [[nodiscard]] access::Policy& policy() { return policy_; }
    /// All lists, to resolve the names in them.
    [[nodiscard]] std::vector<access::AddressList*> lists();

    /// Names in Options::trusted have been resolved.
    void trustedChanged() { guard_.setTrusted(options_.trusted); }

    /// A packet or frame has come; asked once for each, before it is parsed, for it counts against
    /// what its source may send. False: drop it, without an answer and without another look; the
    /// lists do not allow the source anything, or it sends too much or is banned.
    [[nodiscard]] bool admits(const base::Flow& from, Side side, std::string_view bytes);
    /// Somebody connects: asked before the TLS handshake, which is the dearest thing that a stranger
    /// can ask for.
    [[nodiscard]] transport::Standing admitConnection(const base::Flow& from, Side side);
    /// Whether the lists allow its peer anything.
    [[nodiscard]] bool mayConnect(const base::Flow& from) const {
        return addresses_.isOurs(from.remote.ip) || isListed(from);
    }
    /// Whether no flood guard counts what comes from there, and no ban holds for it.
    [[nodiscard]] bool isExempt(const base::Flow& from, Side side) const;
    /// It was no message.
    void sawMalformed(const base::Flow& from, Side side);
    /// The request was for nobody who is here.
    void sawUnknownCallee(const base::Flow& from, Side side);
    /// A request of ours has been answered from there.
    void sawAnswer(const base::Flow& from) { guard_.prove(from.remote.ip); }

    [[nodiscard]] Verdict judge(const Question& question);
    /// Takes out of a request that is passed on what proves a user to us: credentials for our realm
    /// are nobody else's business, whichever header they are in and whether they were asked for or
    /// not (an ACK has those of its INVITE, RFC 3261 §13.2.2.4).
    void removeCredentials(sip::Message& request) const;
    /// Takes challenges off that somebody else makes in the name of our realm: a phone would answer
    /// them with a password of ours.
    void removeChallenges(sip::Message& response, const base::Flow& from) const;
    /// An ACK, which is never answered.
    [[nodiscard]] bool admitsAck(const Question& question) const;

    /// A place for one more call, or the status of the answer.
    [[nodiscard]] std::expected<access::CallLimits::Ticket, int> tryCall(const Question& question,
                                                                         std::string_view user);

    [[nodiscard]] bool isProven(const base::Flow& from, Side side) const;
    /// Whether the sender may learn that there is somebody at all.
    [[nodiscard]] bool mayBeTold(const base::Flow& from, Side side) const;
    /// Whether the sender may tell users who are not there from names that nobody has: scanners want
    /// nothing else.
    [[nodiscard]] bool mayLearnUsers(const base::Flow& from, Side side) const {
        return !isStranger(from, side) || options_.trusted.contains(from.remote.ip);
    }
    /// Whether there is such a user in the password file; false also where there is none.
    [[nodiscard]] bool hasUser(std::string_view user) const { return options_.users.knows(user); }
    /// Whether users have passwords here.
    [[nodiscard]] bool authenticates() const { return authenticator_ != nullptr; }

    /// To be called every few seconds.
    void tick() { guard_.tick(); }
    [[nodiscard]] access::FloodGuard& guard() { return guard_; }

private:
    /// Where a password stands, and how it is asked for.
    struct Credentials {
        std::string_view header;
        std::string_view challengeHeader;
        int status;
    };

    [[nodiscard]] bool isFromUs(const base::Flow& from, Side side) const {
        return side == Side::Inside || addresses_.isOurs(from.remote.ip);
    }
    [[nodiscard]] bool isProvider(const base::IpAddress& ip) const {
        return locations_.knowsProvider(ip) || (accounts_ != nullptr && accounts_->knows(ip));
    }
    [[nodiscard]] bool isKnown(const base::IpAddress& ip) const;
    [[nodiscard]] bool isListed(const base::Flow& from) const;
    [[nodiscard]] bool isStranger(const base::Flow& from, Side side) const {
        return !isFromUs(from, side) && !isKnown(from.remote.ip);
    }
    [[nodiscard]] bool isScanner(const Question& question);
    [[nodiscard]] Verdict judgeRegister(const Question& question);
    [[nodiscard]] Verdict authenticate(const Question& question, const Credentials& how);
    [[nodiscard]] Verdict ignore(const Question& question);
    [[nodiscard]] static access::Proof proofOf(const base::Flow& from) {
        return base::isReliable(from.protocol) ? access::Proof::Shown : access::Proof::None;
    }

    Options options_;
    access::Policy policy_;
    const Addresses& addresses_;
    const registrar::LocationTable& locations_;
    const Accounts* accounts_ = nullptr;
    base::Random& random_;
    const base::Clock& clock_;
    access::FloodGuard guard_;
    std::unique_ptr<access::Authenticator> authenticator_;
    access::CallLimits limits_;
};

}  // namespace siproxd::proxy
