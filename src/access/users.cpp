// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/users.h"

#include <fmt/format.h>

#include <utility>

#include "base/file.h"

namespace siproxd::access {

namespace {

constexpr std::size_t kLargestFile = std::size_t{16} << 20;

bool isHex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// The parts of `user:realm:HA1`.
struct DigestLine {
    std::string_view user;
    std::string_view realm;
    std::string_view digits;
};

std::optional<DigestLine> digestLine(std::string_view line) {
    const auto first = line.find(':');
    const auto last = line.rfind(':');
    if (first == last || first == 0) {
        return std::nullopt;
    }
    const auto digits = line.substr(last + 1);
    if (!isHex(digits) || (digits.size() != digestLength(Algorithm::Md5) &&
                           digits.size() != digestLength(Algorithm::Sha256))) {
        return std::nullopt;
    }
    return DigestLine{line.substr(0, first), line.substr(first + 1, last - first - 1), digits};
}

}  // namespace

Users Users::withOnePassword(std::string_view realm, std::string password) {
    Users users;
    users.realm_ = std::string(realm);
    users.forAll_ = std::move(password);
    return users;
}

base::Result<Users> Users::parse(std::string_view text, std::string_view name,
                                 std::string_view realm) {
    Users users;
    users.realm_ = std::string(realm);
    std::string problems;
    std::size_t number = 0;
    for (const auto raw : base::split(text, '\n')) {
        ++number;
        const auto line = base::trim(raw);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (const auto why = users.addLine(line); !why.empty()) {
            problems += fmt::format("{}{}:{}: {}", problems.empty() ? "" : "\n", name, number, why);
        }
    }
    if (!problems.empty()) {
        return base::fail(std::move(problems));
    }
    return users;
}

base::Result<Users> Users::readFile(const std::string& path, std::string_view realm) {
    const auto text = base::readWholeFile(path, kLargestFile);
    if (!text) {
        return base::fail(fmt::format("cannot read {}: {}", path, text.error().message));
    }
    return parse(*text, path, realm);
}

std::string Users::addLine(std::string_view line) {
    if (const auto digest = digestLine(line)) {
        return addDigest(digest->user, digest->realm, digest->digits);
    }
    const auto space = line.find_first_of(" \t");
    if (space == std::string_view::npos) {
        return "neither `user password` nor `user:realm:HA1`";
    }
    const auto user = line.substr(0, space);
    const auto password = base::trim(line.substr(space));
    for (const auto algorithm : {Algorithm::Md5, Algorithm::Sha256}) {
        const auto digits = ha1Of(algorithm, user, realm_, password);
        if (auto why = digits.empty() ? std::string() : addDigest(user, realm_, digits);
            !why.empty()) {
            return why;
        }
    }
    return {};
}

std::string Users::addDigest(std::string_view user, std::string_view realm,
                             std::string_view digits) {
    if (realm != realm_) {
        return {};
    }
    auto& secret = table_[std::string(user)];
    const bool md5 = digits.size() == digestLength(Algorithm::Md5);
    auto& kept = md5 ? secret.md5 : secret.sha256;
    if (!kept.empty()) {
        return fmt::format("user {} twice", base::printable(user, 64));
    }
    kept = base::toLower(digits);
    ++(md5 ? withMd5_ : withSha256_);
    return {};
}

std::optional<std::string> Users::ha1(std::string_view user, Algorithm algorithm) const {
    if (forAll_) {
        auto digits = ha1Of(algorithm, user, realm_, *forAll_);
        return digits.empty() ? std::nullopt : std::optional(std::move(digits));
    }
    const auto found = table_.find(user);
    if (found == table_.end()) {
        return std::nullopt;
    }
    const auto& digits = algorithm == Algorithm::Md5 ? found->second.md5 : found->second.sha256;
    return digits.empty() ? std::nullopt : std::optional(digits);
}

bool Users::canUse(Algorithm algorithm) const {
    if (forAll_) {
        return !ha1Of(algorithm, "", "", "").empty();
    }
    return (algorithm == Algorithm::Md5 ? withMd5_ : withSha256_) == table_.size();
}

}  // namespace siproxd::access
