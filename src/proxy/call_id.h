// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace siproxd::proxy {

/// obscure_loops: the Call-ID that a call from inside has outside, so that a PBX to which the provider
/// sends the call back does not take it for the one that it has made. `tag` is the caller's From tag; with
/// it the dialog's own messages are told from those of the call that has come back.
[[nodiscard]] std::string obscuredCallId(std::string_view callId, std::string_view tag);

/// The way back; nothing: it is not an obscured one of that tag.
[[nodiscard]] std::optional<std::string> plainCallId(std::string_view callId, std::string_view tag);

}  // namespace siproxd::proxy
