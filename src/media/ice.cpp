// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/ice.h"

#include <utility>

#include "media/stun.h"

namespace siproxd::media {

IceCredentials newIceCredentials(base::Random& random) {
    // At least 24 and 128 bits (RFC 8445 §5.3).
    constexpr std::size_t kFragmentBytes = 4;
    constexpr std::size_t kPasswordBytes = 16;
    IceCredentials credentials;
    credentials.fragment = random.hex(kFragmentBytes);
    credentials.password = random.hex(kPasswordBytes);
    return credentials;
}

bool IceLite::expect(const IceCredentials& ours) {
    if (ours == ours_) {
        return false;
    }
    before_ = std::exchange(ours_, ours);
    return true;
}

std::optional<IceLite::Check> IceLite::receive(std::span<const std::uint8_t> datagram,
                                               const base::SocketAddress& source) const {
    const auto request = BindingRequest::parse(datagram);
    if (!request) {
        return std::nullopt;
    }
    const auto fragment = request->localFragment();
    const auto& mine = fragment == ours_.fragment ? ours_ : before_;
    // Who does not know the fragment does not cost a digest.
    if (fragment != mine.fragment || fragment.empty() || !request->isSignedWith(mine.password)) {
        return std::nullopt;
    }
    Check check;
    if (!request->unknown().empty()) {
        check.answer = request->failure(BindingRequest::kUnknownAttribute, mine.password);
    } else if (request->fromControlled()) {
        check.answer = request->failure(BindingRequest::kRoleConflict, mine.password);
    } else {
        check.answer = request->success(source, mine.password);
        check.succeeded = true;
        check.nominated = request->nominates();
        check.priority = request->priority();
    }
    return check;
}

bool CheckedPlace::take(const base::SocketAddress& source, const IceLite::Check& check,
                        bool silent) {
    const bool better = !place_.source || (check.nominated && !place_.nominated) ||
                        (check.nominated && (check.priority >= place_.priority || silent));
    if (better) {
        place_ = {source, check.nominated, check.priority};
    }
    return better;
}

}  // namespace siproxd::media
