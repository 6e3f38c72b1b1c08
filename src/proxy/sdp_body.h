// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sdp/multipart.h"
#include "sdp/session.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// The session descriptions in the body of a message, to be edited; every byte around them stays as
/// it was.
class SdpBody {
public:
    /// Whether a body may hold a description: it is one, or it has parts and names the type.
    [[nodiscard]] static bool mayBeIn(const sip::Message& message);

    /// Errors: as sdp::findDescriptions() and sdp::Session::parse().
    [[nodiscard]] static base::Result<SdpBody> read(const sip::Message& message);

    /// There is none at all.
    [[nodiscard]] bool empty() const { return !session_ && others_.empty(); }
    /// That of the call's session; null: there is none.
    [[nodiscard]] sdp::Session* session() { return session_ ? &session_->description : nullptr; }
    /// Descriptions of something else, such as an early session (RFC 3959): nothing of them is
    /// relayed.
    [[nodiscard]] std::vector<sdp::Session*> others();

    void writeTo(sip::Message& message) const;

private:
    struct Part {
        sdp::Place place;
        sdp::Session description;
    };

    std::optional<Part> session_;
    std::vector<Part> others_;
};

}  // namespace siproxd::proxy
