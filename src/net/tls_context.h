// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

extern "C" {
struct ssl_st;
struct ssl_ctx_st;
struct x509_st;
}

namespace siproxd::net {

/// What is asked of those who connect to us.
enum class ClientCertificate : std::uint8_t {
    Off,      ///< phones need none and are not asked
    Ask,      ///< one that is shown must be good
    Require,  ///< no handshake without
};

/// Versions of the protocol that may be the lowest one.
enum class TlsVersion : std::uint8_t { V1_2, V1_3 };

/// Certificates and trust. Files are read once, by TlsContext::make(): who is root and enters a jail
/// or becomes somebody else reads them before.
struct TlsSettings {
    std::string certificateFile = {};  ///< PEM with the chain; empty: no listening
    std::string keyFile = {};          ///< PEM; empty: in certificateFile
    std::string caPath = {};           ///< as for loadTrust()
    bool verifyProvider = true;   ///< whether peers we connect to must prove their name
    ClientCertificate clientCertificate = ClientCertificate::Off;
    TlsVersion leastVersion = TlsVersion::V1_2;
    std::string ciphers = {};  ///< OpenSSL's list for TLS 1.2; empty: OpenSSL's default
};

struct SslDeleter {
    void operator()(::ssl_st* session) const;
};
/// One TLS session before it is given to an event::Stream.
using TlsSession = std::unique_ptr<::ssl_st, SslDeleter>;

/// Keys, certificates and trust for TLS on both roles (OpenSSL). Immutable: for new certificates
/// make a new one and swap; sessions that have begun keep what they began with, also when this is
/// destroyed.
class TlsContext {
public:
    /// Loads everything. The error names the file and says what OpenSSL says.
    [[nodiscard]] static base::Result<TlsContext> make(const TlsSettings& settings);

    TlsContext(TlsContext&&) noexcept = default;
    TlsContext& operator=(TlsContext&&) noexcept = default;
    ~TlsContext() = default;

    /// Whether there is a certificate to show, which listening needs.
    [[nodiscard]] bool canServe() const { return hasCertificate_; }

    /// For a connection that a peer has opened.
    [[nodiscard]] base::Result<TlsSession> serverSession() const;

    /// For a connection that we open. `name` is the SIP domain (or the address, when the URI had
    /// one) that the peer's certificate must be for (RFC 5922 §7.3): the handshake fails otherwise.
    /// Domain names are sent as SNI (RFC 6066 §3).
    [[nodiscard]] base::Result<TlsSession> clientSession(std::string_view name) const;

private:
    struct ContextDeleter {
        void operator()(::ssl_ctx_st* context) const;
    };
    using Context = std::unique_ptr<::ssl_ctx_st, ContextDeleter>;

    TlsContext(Context server, Context client, bool hasCertificate);

    Context server_;
    Context client_;
    bool hasCertificate_;
};

/// The SIP domains of a certificate (RFC 5922 §7.1), lower case: the `sip:` URIs without user of
/// its subjectAltName, else the DNS names there, else, without any subjectAltName, the common name.
[[nodiscard]] std::vector<std::string> sipDomains(const ::x509_st* certificate);

/// Whether the certificate is for that domain or address. Domains are compared whole and without
/// regard to case, wildcards match nothing (RFC 5922 §7.2); addresses against iPAddress.
[[nodiscard]] bool certificateNames(const ::x509_st* certificate, std::string_view name);

/// The SIP domains that the peer of an open session has proven; none when its certificate was not
/// verified or not asked for.
[[nodiscard]] std::vector<std::string> verifiedDomains(const ::ssl_st* session);

}  // namespace siproxd::net
