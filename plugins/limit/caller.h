// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "siproxd/plugin.hpp"

namespace limit {

/// Whose limits a call counts against.
struct Caller {
    std::string name;                ///< as in log lines
    std::string account;             ///< his calls are counted under it
    std::vector<std::string> names;  ///< under which the configuration may know him, the most exact one first; `*` last
};

/// Tells who calls. What the caller writes himself is never believed alone.
class Callers {
public:
    explicit Callers(const siproxd::api::Host& host) : host_(host) {}

    [[nodiscard]] Caller of(const siproxd_call& call) const;
    /// Who has a call sent on: `user` as siproxd_target.on_behalf has named him, `from` is that of the copy.
    [[nodiscard]] Caller owner(const std::string& user, const std::string& from) const;

private:
    [[nodiscard]] Caller proven(const std::string& user, const std::string& from) const;
    /// Users of siproxd's own have one account, whichever way they are known.
    [[nodiscard]] std::string accountOf(const std::string& aor) const;
    /// The address-of-record of the phone at that address: the one that `from` names, if it is one of those that are
    /// registered from there, else one that is and has that address in its Contact, the first one by the alphabet, so
    /// that it stays the same. As user@domain; nothing: none is.
    [[nodiscard]] std::optional<std::string> registeredAt(const std::string& ip, const std::string& from) const;

    siproxd::api::Host host_;
};

/// What addresses are counted as: an IPv4 address itself, of an IPv6 address the /64 network, in which a host chooses
/// as it likes.
[[nodiscard]] std::string sourceName(const std::string& ip);

}  // namespace limit
