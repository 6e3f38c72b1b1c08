// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "base/flow.h"
#include "dns/records.h"
#include "dns/resolver.h"
#include "plugin/call_view.h"
#include "plugin/target.h"
#include "sip/message.h"
#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// Which registrations are meant.
enum class BindingQuery : std::uint8_t {
    All = SIPROXD_BINDINGS_ALL,
    OfAor = SIPROXD_BINDINGS_OF_AOR,
    OfContactHost = SIPROXD_BINDINGS_OF_CONTACT_HOST,
    OfShown = SIPROXD_BINDINGS_OF_SHOWN,
};

/// A phone's registration, as siproxd_binding shows it.
struct BindingView {
    std::string aor;
    std::string contact;
    std::string shown;   ///< empty: siproxd itself is the registrar
    std::string source;  ///< empty: not known
    std::int64_t expires = 0;
};

/// A request of siproxd's own.
struct OwnRequest {
    sip::Message message;                      ///< without Via and Contact
    std::optional<sip::Uri> nextHop;           ///< nothing: by the request URI
    std::optional<std::string> contactUser;    ///< nothing: no Contact
    std::shared_ptr<const Identity> identity;  ///< not null
    /// Gets the final response, one of our own making when nobody has answered.
    std::function<void(sip::Message& response, const base::Flow& from)> done;
};

/// Gets a datagram, or nothing when the time is over; whether that was what has been waited for.
using DatagramCallback = std::function<bool(std::optional<std::string_view>)>;

/// What plugins can ask of the parts of siproxd that stand above them, besides the message in their
/// hands. All of it in the loop's thread.
class Services {
public:
    virtual ~Services() = default;

    /// Shows the registrations in force that are meant, until `each` says false.
    virtual void bindings(BindingQuery query, std::string_view text,
                          const std::function<bool(const BindingView&)>& each) = 0;

    /// Sends it; OwnRequest::done is called once, later. The id of the request, never 0.
    [[nodiscard]] virtual std::uint64_t send(OwnRequest request) = 0;
    /// OwnRequest::done will not be called any more.
    virtual void forget(std::uint64_t request) = 0;

    /// Shows all calls until `each` says false.
    virtual void calls(const std::function<bool(const CallView&)>& each) = 0;
    /// Ends a call soon: see siproxd_host.call_end. False: there is none with that number.
    virtual bool endCall(std::uint64_t call, int status, std::string_view reason) = 0;

    // What not everybody who answers plugins can: 0 and false mean that.

    /// `done` is called once, later. The number of the question.
    [[nodiscard]] virtual std::uint64_t askAddresses(std::string_view, dns::Resolver::Callback) {
        return 0;
    }
    [[nodiscard]] virtual std::uint64_t askNaptr(std::string_view, dns::RecordResolver::RecordCallback) {
        return 0;
    }
    /// Its callback will not be called any more.
    virtual void forgetQuestion(std::uint64_t) {}

    /// Sends a datagram from the SIP socket outside; what comes from there is shown to `came` as
    /// siproxd_host.datagram_send says, which may be empty.
    [[nodiscard]] virtual std::uint64_t sendDatagram(const base::SocketAddress&, std::string_view,
                                                     base::Duration, DatagramCallback) {
        return 0;
    }
    virtual void forgetDatagram(std::uint64_t) {}
    /// As siproxd_host.own_user(); empty: it is none.
    [[nodiscard]] virtual std::string ownUser(std::string_view /*uri*/) const { return ""; }
    /// Nothing: our own addresses again.
    virtual bool announce(std::optional<base::IpAddress>) { return false; }
};

}  // namespace siproxd::plugin
