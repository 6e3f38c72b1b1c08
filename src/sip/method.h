// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace siproxd::sip {

/// Request methods that the proxy treats in a way of their own; Other is forwarded like OPTIONS.
enum class Method : std::uint8_t {
    Invite,
    Ack,
    Bye,
    Cancel,
    Options,
    Register,
    Prack,
    Update,
    Info,
    Message,
    Subscribe,
    Notify,
    Refer,
    Publish,
    Other,
};

/// Methods are case-sensitive (RFC 3261 §7.1).
[[nodiscard]] Method methodFrom(std::string_view name);

/// Whether such a request makes a dialog or refreshes its remote target, so that the Contacts of it and
/// of its 1xx and 2xx say where the dialog goes on (RFC 3261 §12, RFC 3311, RFC 6665 §4.4.1, RFC 3515).
[[nodiscard]] bool namesTarget(Method method);

}  // namespace siproxd::sip
