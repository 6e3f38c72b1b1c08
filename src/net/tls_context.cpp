// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/address.h"
#include "base/text.h"
#include "net/trust_store.h"

namespace siproxd::net {

namespace {

std::unexpected<base::Error> opensslError(const std::string& what) {
    // The first error is the cause, later ones say who stumbled over it.
    const unsigned long code = ::ERR_get_error();
    const char* reason = code == 0 ? nullptr : ::ERR_reason_error_string(code);
    std::string text = reason != nullptr ? reason : "unknown error";
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    if (ERR_SYSTEM_ERROR(code)) {
        text = std::strerror(ERR_GET_REASON(code));
    }
#endif
    ::ERR_clear_error();
    return base::fail("TLS: " + what + ": " + text);
}

/// Where a session keeps the name that its peer must have.
int nameIndex() {
    static const int index = ::SSL_get_ex_new_index(
        0, nullptr, nullptr, nullptr,
        [](void*, void* name, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<std::string*>(name);
        });
    return index;
}

/// Adds the check of the name to OpenSSL's check of the chain, so that the peer is told by an alert
/// and nothing is ever sent to the wrong one.
int checkPeer(int chainIsGood, X509_STORE_CTX* store) {
    if (chainIsGood == 0 || ::X509_STORE_CTX_get_error_depth(store) != 0) {
        return chainIsGood;
    }
    const auto* session = static_cast<const SSL*>(
        ::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto* name = static_cast<const std::string*>(::SSL_get_ex_data(session, nameIndex()));
    if (name == nullptr ||
        certificateNames(::X509_STORE_CTX_get_current_cert(store), *name)) {
        return 1;
    }
    ::X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

base::Result<void> loadCertificate(SSL_CTX* context, const TlsSettings& settings) {
    const std::string& key =
        settings.keyFile.empty() ? settings.certificateFile : settings.keyFile;
    if (::SSL_CTX_use_certificate_chain_file(context, settings.certificateFile.c_str()) != 1) {
        return opensslError("certificate " + settings.certificateFile);
    }
    if (::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        return opensslError("key " + key);
    }
    if (::SSL_CTX_check_private_key(context) != 1) {
        return opensslError("key " + key + " is not that of " + settings.certificateFile);
    }
    return {};
}

base::Result<void> setUp(SSL_CTX* context, const TlsSettings& settings, X509_STORE* trusted) {
    const int least = settings.leastVersion == TlsVersion::V1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    ::SSL_CTX_set_min_proto_version(context, least);
    auto options = static_cast<decltype(::SSL_CTX_get_options(context))>(SSL_OP_NO_RENEGOTIATION |
                                                                        SSL_OP_NO_COMPRESSION);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
    // Content-Length tells a message that was cut off; many phones close without close_notify.
    options |= SSL_OP_IGNORE_UNEXPECTED_EOF;
#endif
    ::SSL_CTX_set_options(context, options);
    // Memory of idle sessions: the records' buffers are given back.
    ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    if (!settings.ciphers.empty() &&
        ::SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
        return opensslError("ciphers " + settings.ciphers);
    }
    if (!settings.certificateFile.empty()) {
        if (auto loaded = loadCertificate(context, settings); !loaded) {
            return loaded;
        }
    }
    ::SSL_CTX_set1_cert_store(context, trusted);
    return {};
}

void askClients(SSL_CTX* context, ClientCertificate demand, const std::string& caPath) {
    // Sessions that resume must not carry one context's trust into another.
    static constexpr unsigned char kSessionContext[] = "siproxd";
    ::SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1);
    if (demand == ClientCertificate::Off) {
        return;
    }
    const int mode = SSL_VERIFY_PEER | (demand == ClientCertificate::Require
                                            ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                            : 0);
    ::SSL_CTX_set_verify(context, mode, nullptr);
    if (STACK_OF(X509_NAME)* names =
            caPath.empty() ? nullptr : ::SSL_load_client_CA_file(caPath.c_str())) {
        ::SSL_CTX_set_client_CA_list(context, names);
    }
    ::ERR_clear_error();
}

/// The host of `sip:host`, lower case; nothing for other schemes and for URIs of users.
std::optional<std::string> hostOfSipUri(std::string_view uri) {
    if (!base::startsWithIgnoreCase(uri, "sip:") || uri.find('@') != std::string_view::npos) {
        return std::nullopt;
    }
    uri.remove_prefix(4);
    return base::toLower(uri.substr(0, uri.find_first_of(":;?")));
}

std::string_view textOf(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(::ASN1_STRING_length(string))};
}

struct NamesDeleter {
    void operator()(GENERAL_NAMES* names) const { ::GENERAL_NAMES_free(names); }
};
using AlternativeNames = std::unique_ptr<GENERAL_NAMES, NamesDeleter>;

AlternativeNames alternativeNames(const X509* certificate) {
    return AlternativeNames(static_cast<GENERAL_NAMES*>(
        ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

std::vector<std::string> commonName(const X509* certificate) {
    const X509_NAME* subject = ::X509_get_subject_name(certificate);
    int at = -1;
    int last = -1;
    while ((at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, last)) >= 0) {
        last = at;
    }
    if (last < 0) {
        return {};
    }
    unsigned char* text = nullptr;
    const int length = ::ASN1_STRING_to_UTF8(
        &text, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, last)));
    if (length < 0) {
        return {};
    }
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
    ::OPENSSL_free(text);
    return {base::toLower(name)};
}

bool namesAddress(const X509* certificate, const base::IpAddress& address) {
    const auto names = alternativeNames(certificate);
    const auto wanted = std::string_view(reinterpret_cast<const char*>(address.bytes().data()),
                                         address.isV4() ? 4 : 16);
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_IPADD && textOf(name->d.iPAddress) == wanted) {
            return true;
        }
    }
    return false;
}

std::string_view withoutRootDot(std::string_view name) {
    return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace

void SslDeleter::operator()(::ssl_st* session) const { ::SSL_free(session); }

void TlsContext::ContextDeleter::operator()(::ssl_ctx_st* context) const {
    ::SSL_CTX_free(context);
}

TlsContext::TlsContext(Context server, Context client, bool hasCertificate)
    : server_(std::move(server)), client_(std::move(client)), hasCertificate_(hasCertificate) {}

base::Result<TlsContext> TlsContext::make(const TlsSettings& settings) {
    ::ERR_clear_error();
    Context server(::SSL_CTX_new(::TLS_server_method()));
    Context client(::SSL_CTX_new(::TLS_client_method()));
    if (!server || !client) {
        return opensslError("cannot be set up");
    }
    const auto trusted = loadTrust(settings.caPath);
    if (!trusted) {
        return std::unexpected(trusted.error());
    }
    for (SSL_CTX* context : {server.get(), client.get()}) {
        if (auto done = setUp(context, settings, trusted->get()); !done) {
            return std::unexpected(std::move(done.error()));
        }
    }
    askClients(server.get(), settings.clientCertificate, settings.caPath);
    if (settings.verifyProvider) {
        ::SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, &checkPeer);
    }
    return TlsContext(std::move(server), std::move(client), !settings.certificateFile.empty());
}

base::Result<TlsSession> TlsContext::serverSession() const {
    if (!hasCertificate_) {
        return base::fail("TLS: there is no certificate to serve with");
    }
    TlsSession session(::SSL_new(server_.get()));
    if (!session) {
        return opensslError("cannot begin a session");
    }
    ::SSL_set_accept_state(session.get());
    return session;
}

base::Result<TlsSession> TlsContext::clientSession(std::string_view name) const {
    TlsSession session(::SSL_new(client_.get()));
    auto expected = std::make_unique<std::string>(withoutRootDot(name));
    if (!session || ::SSL_set_ex_data(session.get(), nameIndex(), expected.get()) != 1) {
        return opensslError("cannot begin a session");
    }
    const std::string& kept = *expected.release();
    ::SSL_set_connect_state(session.get());
    if (!base::IpAddress::parse(kept) && !kept.empty() &&
        ::SSL_set_tlsext_host_name(session.get(), kept.c_str()) != 1) {
        return opensslError("server name " + base::printable(kept));
    }
    return session;
}

std::vector<std::string> sipDomains(const X509* certificate) {
    const auto names = alternativeNames(certificate);
    if (!names) {
        return commonName(certificate);
    }
    std::vector<std::string> uris;
    std::vector<std::string> hosts;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_URI) {
            if (auto host = hostOfSipUri(textOf(name->d.uniformResourceIdentifier))) {
                uris.push_back(std::move(*host));
            }
        } else if (name->type == GEN_DNS) {
            hosts.push_back(base::toLower(textOf(name->d.dNSName)));
        }
    }
    return uris.empty() ? hosts : uris;
}

bool certificateNames(const X509* certificate, std::string_view name) {
    if (certificate == nullptr || name.empty()) {
        return false;
    }
    if (const auto address = base::IpAddress::parse(name)) {
        return namesAddress(certificate, *address);
    }
    // A wildcard is a name like any other here, and no domain is called so.
    return std::ranges::any_of(sipDomains(certificate), [&](const std::string& domain) {
        return domain.find('*') == std::string::npos &&
               base::equalsIgnoreCase(withoutRootDot(domain), withoutRootDot(name));
    });
}

std::vector<std::string> verifiedDomains(const SSL* session) {
    if ((::SSL_get_verify_mode(session) & SSL_VERIFY_PEER) == 0 ||
        ::SSL_get_verify_result(session) != X509_V_OK) {
        return {};
    }
    X509* certificate = ::SSL_get_peer_certificate(session);
    if (certificate == nullptr) {
        return {};
    }
    auto domains = sipDomains(certificate);
    ::X509_free(certificate);
    return domains;
}

}  // namespace siproxd::net
