// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

/// The SIP messages of a call as its two parties write them. No SIP library: texts are put
/// together, and of what arrives just as many lines are looked at as the next message needs.
namespace callbench {

/// A user agent: `sip:user@host`, everything by UDP at port 5060.
struct Party {
    std::string user;
    std::string host;
};

/// A message that has arrived. Lives as long as the text it looks at.
class Arrived {
public:
    explicit Arrived(std::string_view text);

    /// Of a response; 0: a request.
    [[nodiscard]] int status() const;
    /// `INVITE`; of a response the method in CSeq.
    [[nodiscard]] std::string_view method() const;
    /// The first header field's value; empty: there is none. Names as RFC 3261 spells them, with
    /// case.
    [[nodiscard]] std::string_view value(std::string_view name) const;
    /// All header fields of that name, complete lines.
    [[nodiscard]] std::vector<std::string_view> lines(std::string_view name) const;
    /// What stands between `<` and `>` in Contact.
    [[nodiscard]] std::string contact() const;
    [[nodiscard]] std::string_view body() const { return body_; }

private:
    std::vector<std::string_view> lines_;
    std::string_view body_;
};

/// What makes messages belong together.
struct Dialog {
    std::string callId;
    unsigned cseq = 1;
};

/// Session description with audio at that port.
[[nodiscard]] std::string sessionDescription(const Party& party, unsigned port);

/// A REGISTER at the registrar `domain` for an hour.
[[nodiscard]] std::string registerRequest(const Party& phone, const std::string& domain,
                                          const Dialog& dialog);

/// `target` is the request URI, `domain` that of From and To.
[[nodiscard]] std::string inviteRequest(const Party& caller, const std::string& target,
                                        const std::string& domain, const Dialog& dialog,
                                        unsigned mediaPort);

/// ACK or BYE of the caller, along the route set that the 200 for the INVITE has given it.
[[nodiscard]] std::string requestInDialog(std::string_view method, const Party& caller,
                                          const Arrived& ok, unsigned cseq);

/// `Contact` is the party's own. A body makes it one with a session description.
[[nodiscard]] std::string response(const Arrived& request, const Party& party,
                                   std::string_view statusAndReason, const std::string& body = "");

/// The answer of a registrar: Contact comes back with `expires`.
[[nodiscard]] std::string registered(const Arrived& request);

}  // namespace callbench
