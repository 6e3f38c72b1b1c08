// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sip/uri.h"
#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// As whom the requests of a call, or of siproxd itself, go to somebody outside. Empty members: as they
/// are.
struct Identity {
    std::string label;  ///< what the one outside is called here (siproxd_target.label)
    std::string user;   ///< to answer challenges with; empty: they are passed on
    std::string password;
    std::string realm;             ///< the only one that is answered; empty: the first that asks
    std::optional<sip::Uri> from;  ///< shown in From; the tag stays
    std::optional<sip::Uri> to;    ///< likewise in To

    [[nodiscard]] bool hasCredentials() const { return !user.empty(); }
};

/// Names and values.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;

/// One of several places that a request shall go to.
struct Target {
    sip::Uri uri = {};                     ///< the new request URI
    std::optional<sip::Uri> nextHop = {};  ///< where to send it; nothing: by the URI
    std::uint32_t rank = 0;                ///< lower ranks first, equal ones in parallel
    std::optional<sip::Uri> aor = {};      ///< it goes to the phones that are registered as that
    bool keepsContact = false;  ///< with `aor`: the phones' Contacts, and not `uri`, are the request URI
    /// What must have become of the rank before (bits of SIPROXD_AFTER_…); 0: anything.
    std::uint32_t after = 0;
    base::Duration ring{};  ///< after which it is given up; 0: as long as the caller waits
    std::shared_ptr<const Identity> identity = {};  ///< null: the caller's own
    bool isForeign = false;     ///< somebody outside has named it
    bool isDialled = false;     ///< the plugins are asked about it when its turn comes
    std::string onBehalf = {};  ///< with isDialled: of whom; empty: of nobody
    HeaderFields headers = {};  ///< to be added to the request there
};

}  // namespace siproxd::plugin
