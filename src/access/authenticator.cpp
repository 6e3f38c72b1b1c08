// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/authenticator.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <utility>

#include "access/auth_params.h"
#include "access/challenge.h"
#include "access/source.h"
#include "base/log.h"
#include "base/text.h"

namespace siproxd::access {

namespace {

constexpr std::size_t kOpaqueBytes = 4;

}  // namespace

Authenticator::Authenticator(Options options, Users users, base::Random& random,
                             const base::Clock& clock)
    : options_(std::move(options)), users_(std::move(users)), clock_(clock),
      nonces_(random, clock, options_.nonceLife), opaque_(random.hex(kOpaqueBytes)),
      tries_(options_.mostTried, TagHash{}) {
    random.fill(key_);
}

std::size_t Authenticator::TagHash::operator()(const Tag& tag) const {
    std::size_t value = 0;
    std::memcpy(&value, tag.data(), sizeof value);
    return value;
}

std::vector<std::size_t> Authenticator::oursAmong(
    std::span<const std::string> credentials) const {
    std::vector<std::size_t> ours;
    for (std::size_t i = 0; i < credentials.size(); ++i) {
        const auto parsed = Credentials::parse(credentials[i]);
        if (parsed ? parsed->realm == options_.realm : isOurs(parsed.error(), credentials[i])) {
            ours.push_back(i);
        }
    }
    return ours;
}

bool Authenticator::isForUs(std::string_view challenge) const {
    const auto params = AuthParams::parse(challenge);
    return params && params->value("realm") == options_.realm;
}

Authenticator::Verdict Authenticator::check(const Request& request) {
    Verdict verdict;
    bool judged = false;
    for (std::size_t i = 0; i < request.credentials.size(); ++i) {
        const auto& field = request.credentials[i];
        const auto credentials = Credentials::parse(field);
        if (!credentials ? !isOurs(credentials.error(), field)
                         : credentials->realm != options_.realm) {
            continue;
        }
        verdict.ours.push_back(i);
        if (!credentials) {
            log::debug(log::Class::Auth, "credentials from {} not usable: {}",
                       request.source.toString(), credentials.error().why);
        } else if (!std::exchange(judged, true)) {  // one password a request
            judge(*credentials, request, verdict);
        }
    }
    return verdict;
}

void Authenticator::judge(const Credentials& credentials, const Request& request,
                          Verdict& verdict) {
    verdict.proven = nonces_.isFresh(credentials.nonce, request.source);
    if (!verdict.proven) {
        verdict.stale = true;
        return;
    }
    const auto tag = tagOf(credentials.username, request.source);
    if (lockedOut(tag)) {
        verdict.outcome = Outcome::Refuse;
        verdict.failed = true;
    } else if (!proves(credentials, request)) {
        verdict.failed = true;
        countWrong(tag);
        log::infoFromPeer("wrong password, user or URI from {} for user {}",
                          request.source.toString(), base::printable(credentials.username, 64));
    } else if (!nonces_.use(credentials.nonce, request.source, credentials.count())) {
        verdict.stale = true;
    } else {
        tries_.erase(tag);
        verdict.outcome = Outcome::Accept;
        verdict.user = credentials.username;
    }
}

bool Authenticator::proves(const Credentials& credentials, const Request& request) const {
    const auto secret = users_.ha1(credentials.username, credentials.algorithm);
    // The same work for a user who does not exist.
    const std::string nobody(digestLength(credentials.algorithm), '0');
    const bool right = credentials.proves(request.method, secret ? *secret : nobody);
    return right && secret && credentials.isFor(request.uri);
}

bool Authenticator::isOurs(const AuthProblem& problem, std::string_view field) const {
    if (problem.kind == AuthProblem::Kind::OtherScheme) {
        return false;
    }
    // What is too broken to tell its realm could still hold a response for us.
    return problem.realm.empty() ? field.find(quoted(options_.realm)) != std::string_view::npos
                                 : problem.realm == options_.realm;
}

Authenticator::Tag Authenticator::tagOf(std::string_view user,
                                        const base::IpAddress& source) const {
    const auto block = sourceOf(source);
    std::string text(reinterpret_cast<const char*>(block.bytes().data()), block.bytes().size());
    text += user;
    std::uint8_t mac[EVP_MAX_MD_SIZE] = {};
    ::HMAC(::EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
           reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), mac, nullptr);
    Tag tag;
    std::memcpy(tag.data(), mac, tag.size());
    return tag;
}

bool Authenticator::lockedOut(const Tag& tag) const {
    const auto* tries = tries_.find(tag);
    return tries != nullptr && clock_.now() < tries->until && tries->wrong >= options_.mostTries;
}

void Authenticator::countWrong(const Tag& tag) {
    auto* tries = tries_.use(tag);
    if (tries == nullptr) {
        tries = &tries_.add(tag, {});
    } else if (clock_.now() >= tries->until) {
        tries->wrong = 0;
    }
    ++tries->wrong;
    tries->until = clock_.now() + options_.triesWindow;
}

std::vector<std::string> Authenticator::challenges(const base::IpAddress& source, bool stale) {
    // Where some users have only one kind of digest and some only the other, both are offered.
    const bool sha256 = users_.canUse(Algorithm::Sha256);
    const bool md5 = users_.canUse(Algorithm::Md5);
    Challenge challenge{
        .realm = options_.realm, .nonce = nonces_.issue(source), .opaque = opaque_, .stale = stale};
    std::vector<std::string> values;
    for (const auto algorithm : {Algorithm::Sha256, Algorithm::Md5}) {
        if ((algorithm == Algorithm::Sha256 ? sha256 : md5) || (!sha256 && !md5)) {
            challenge.algorithm = algorithm;
            values.push_back(challenge.toString());
        }
    }
    return values;
}

}  // namespace siproxd::access
