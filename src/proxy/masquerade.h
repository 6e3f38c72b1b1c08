// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "proxy/addresses.h"
#include "registrar/contact_alias.h"
#include "registrar/location_table.h"
#include "sip/message.h"
#include "base/flow.h"

namespace siproxd::proxy {

/// Makes one user agent on the outbound address of all phones: rewrites what would show an inside
/// address outside, and back. REGISTER's Contacts are the registration's business, not done here.
/// `own` is what we call ourselves on the way that the message takes.
class Masquerade {
public:
    Masquerade(registrar::LocationTable& locations, registrar::ContactAliases& aliases,
               const Addresses& addresses)
        : locations_(locations), aliases_(aliases), addresses_(addresses) {}

    /// Contacts of a message that leaves: those of registered phones become the ones that the
    /// provider knows, others get a token of their own. `from` is the flow that the message came by,
    /// `aor` the address that its sender uses (From of a request, To of a response). `routes` are the
    /// proxies between us and the sender that stay in the dialog, nearest to us first.
    void contactsOut(sip::Message& message, const sip::Uri& aor, const base::Flow& from,
                     const SentBy& own, const std::vector<sip::NameAddr>& routes = {});

    /// The Contacts of a redirection that leaves: these name others, so only inside addresses among
    /// them are replaced.
    void redirectOut(sip::Message& message, const base::Flow& from, const SentBy& own);

    /// Everything else that names inside addresses: URIs in Refer-To and the identity headers,
    /// the addresses in Warning.
    void headersOut(sip::Message& message, const base::Flow& from, const SentBy& own);

    /// mask_host and masked_host: phones that name themselves by the first are known outside by the
    /// second.
    void setMaskedHosts(std::vector<config::MaskedHost> hosts) { hosts_ = std::move(hosts); }
    /// The other way, of a message that comes in: From and To name the phone as it names itself.
    void partiesIn(sip::Message& message) const;

    /// Removes our own Record-Routes and those that name hosts inside from what leaves. Returns those
    /// of proxies between us and the phone in order: all of a request, of a response those above ours.
    [[nodiscard]] std::vector<sip::NameAddr> stripRecordRoutes(sip::Message& message) const;

    /// Our Record-Route for those that know us as `own`; `secure`: the request URI is sips:, and so
    /// must ours be (RFC 3261 §16.6 step 4) where the hop is by TLS.
    [[nodiscard]] static sip::NameAddr ownRecordRoute(const SentBy& own, bool secure = false);

    [[nodiscard]] static registrar::Outside outside(const SentBy& own) {
        const bool tls = own.protocol == base::Protocol::Tls;
        return {own.host, tls ? std::uint16_t{5060} : own.port, own.tlsPort, own.protocol};
    }

    /// Our Contact in place of a phone's whose binding is not known.
    [[nodiscard]] sip::Uri contactOf(const sip::Uri& contact, const base::Flow& from,
                                     const SentBy& own,
                                     const std::vector<sip::NameAddr>& routes = {});

    /// Our Contact in place of that of somebody outside who is behind a NAT: leads to `from`.
    [[nodiscard]] sip::Uri farContactOf(const sip::Uri& contact, const base::Flow& from,
                                        const SentBy& own);

private:
    [[nodiscard]] bool namesInside(const sip::Uri& uri) const;
    [[nodiscard]] sip::Uri shown(const registrar::Binding& binding, const SentBy& own) const;
    void partiesOut(sip::Message& message) const;
    void uriHeaderOut(sip::Message& message, std::string_view name, const base::Flow& from,
                      const SentBy& own);
    void warningsOut(sip::Message& message, const SentBy& own) const;
    [[nodiscard]] std::string textOut(std::string_view text, const SentBy& own) const;

    registrar::LocationTable& locations_;
    registrar::ContactAliases& aliases_;
    const Addresses& addresses_;
    std::vector<config::MaskedHost> hosts_;
};

}  // namespace siproxd::proxy
