// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/certificates.h"

using namespace siproxd;
using namespace siproxd::net;
using test::Certificates;

namespace {

struct Outcome {
    bool done = false;
    long clientVerdict = -1;  ///< X509_V_…, as the client sees the server
    std::vector<std::string> serverDomains;
    std::vector<std::string> clientDomains;
    std::string sni;
};

/// A handshake in memory.
Outcome shake(SSL* client, SSL* server) {
    BIO* clientSide = nullptr;
    BIO* serverSide = nullptr;
    REQUIRE(::BIO_new_bio_pair(&clientSide, 65536, &serverSide, 65536) == 1);
    ::SSL_set_bio(client, clientSide, clientSide);
    ::SSL_set_bio(server, serverSide, serverSide);
    Outcome outcome;
    for (int i = 0; i < 10 && !outcome.done; ++i) {
        const int there = ::SSL_do_handshake(client);
        const int here = ::SSL_do_handshake(server);
        outcome.done = there == 1 && here == 1;
    }
    // In TLS 1.3 the client learns of a refused certificate with the first read only.
    char byte = 0;
    if (outcome.done && ::SSL_read(client, &byte, 1) <= 0 &&
        ::SSL_get_error(client, 0) == SSL_ERROR_SSL) {
        outcome.done = false;
    }
    outcome.clientVerdict = ::SSL_get_verify_result(client);
    outcome.serverDomains = verifiedDomains(client);
    outcome.clientDomains = verifiedDomains(server);
    if (const char* name = ::SSL_get_servername(server, TLSEXT_NAMETYPE_host_name)) {
        outcome.sni = name;
    }
    ::ERR_clear_error();
    return outcome;
}

Outcome shake(const TlsContext& client, const TlsContext& server, std::string_view name) {
    const auto there = client.clientSession(name);
    const auto here = server.serverSession();
    REQUIRE(there);
    REQUIRE(here);
    return shake(there->get(), here->get());
}

TlsContext context(const TlsSettings& settings) {
    auto made = TlsContext::make(settings);
    if (!made) {
        FAIL(made.error().message);
    }
    return std::move(*made);
}

/// A server with a certificate like that, and what a client who trusts the authority thinks.
Outcome meet(const test::CertificateWish& wish, std::string_view name, bool selfSigned = false) {
    Certificates certificates;
    const auto files = certificates.make("server", wish, selfSigned);
    return shake(context({.caPath = certificates.authority()}),
                 context({.certificateFile = files.certificate, .keyFile = files.key}), name);
}

std::vector<std::string> domainsOf(const test::CertificateWish& wish) {
    Certificates certificates;
    return sipDomains(Certificates::read(certificates.make("x", wish).certificate).get());
}

}  // namespace

TEST_CASE("Authorities in a directory are read at once, not when a peer shows a certificate", "[net]") {
    namespace fs = std::filesystem;
    Certificates certificates;
    const auto files = certificates.make("server", {.alternativeNames = "DNS:sip.example"});
    const auto server = context({.certificateFile = files.certificate, .keyFile = files.key});
    const fs::path directory = certificates.path("authorities");
    fs::create_directory(directory);
    CHECK_FALSE(TlsContext::make({.caPath = directory}));
    const auto authority = certificates.read(certificates.authority());
    char hash[16];
    std::snprintf(hash, sizeof hash, "%08lx.0", ::X509_subject_name_hash(authority.get()));
    const auto name = GENERATE(as<std::string>{}, "hashed", "ca.pem");
    fs::copy(certificates.authority(), directory / (name == "hashed" ? hash : name));
    const auto trusting = context({.caPath = directory});
    ::setenv("SSL_CERT_DIR", directory.c_str(), 1);
    const auto trustingAsTheSystem = context({});
    ::unsetenv("SSL_CERT_DIR");
    // In a jail it is not there any more.
    fs::remove_all(directory);
    CHECK(shake(trusting, server, "sip.example").done);
    CHECK(shake(trustingAsTheSystem, server, "sip.example").done);
    CHECK_FALSE(shake(trusting, server, "other.example").done);
}

TEST_CASE("A provider whose certificate is for its domain is believed", "[net]") {
    const auto outcome = meet({.alternativeNames = "URI:sip:example.com"}, "Example.COM");
    CHECK(outcome.done);
    CHECK(outcome.serverDomains == std::vector<std::string>{"example.com"});
    CHECK(outcome.clientDomains.empty());
    CHECK(outcome.sni == "Example.COM");
}

TEST_CASE("A certificate that does not fit ends the handshake", "[net]") {
    const std::string good = "URI:sip:example.com";
    const auto wrongName = meet({.alternativeNames = "URI:sip:example.org"}, "example.com");
    CHECK_FALSE(wrongName.done);
    CHECK(wrongName.clientVerdict == X509_V_ERR_HOSTNAME_MISMATCH);
    const auto expired =
        meet({.alternativeNames = good, .validFrom = -7200, .validTo = -60}, "example.com");
    CHECK_FALSE(expired.done);
    CHECK(expired.clientVerdict == X509_V_ERR_CERT_HAS_EXPIRED);
    const auto early =
        meet({.alternativeNames = good, .validFrom = 600, .validTo = 7200}, "example.com");
    CHECK_FALSE(early.done);
    const auto own = meet({.alternativeNames = good}, "example.com", true);
    CHECK_FALSE(own.done);
    CHECK(own.serverDomains.empty());
    CHECK_FALSE(meet({.alternativeNames = good}, "").done);
}

TEST_CASE("Names are compared as RFC 5922 says", "[net]") {
    const struct {
        std::string commonName;
        std::string alternativeNames;
        std::string name;
        bool fits;
    } table[] = {
        {"x", "DNS:example.com", "example.com", true},
        {"x", "DNS:EXAMPLE.com", "example.COM", true},
        {"x", "DNS:example.com", "example.com.", true},
        {"x", "DNS:example.com", "sip.example.com", false},
        {"x", "DNS:*.example.com", "sip.example.com", false},
        {"x", "DNS:*.example.com", "*.example.com", false},
        {"x", "DNS:a.example.com,DNS:b.example.com", "b.example.com", true},
        // The URI goes before the host name, which is that of a machine then.
        {"x", "URI:sip:example.com,DNS:host.example.com", "host.example.com", false},
        {"x", "URI:sip:example.com,DNS:host.example.com", "example.com", true},
        {"x", "URI:SIP:Example.com;transport=tls", "example.com", true},
        {"x", "URI:sip:alice@example.com", "example.com", false},
        {"x", "URI:sips:example.com", "example.com", false},
        {"x", "URI:https://example.com", "example.com", false},
        {"x", "URI:https://example.org,DNS:example.com", "example.com", true},
        {"example.com", "", "example.com", true},
        {"example.com", "DNS:other.example.com", "example.com", false},
        {"example.com", "IP:192.0.2.1", "example.com", false},
        {"x", "IP:192.0.2.1", "192.0.2.1", true},
        {"x", "IP:192.0.2.1", "192.0.2.2", false},
        {"x", "IP:2001:db8::1", "2001:db8::1", true},
        {"x", "IP:2001:db8::1", "[2001:db8::1]", true},
        {"x", "DNS:192.0.2.1", "192.0.2.1", false},
        {"192.0.2.1", "", "192.0.2.1", false},
        {"x", "DNS:example.com", "", false},
    };
    Certificates certificates;
    for (const auto& row : table) {
        INFO(row.commonName << " | " << row.alternativeNames << " | " << row.name);
        const auto files = certificates.make("x", {.commonName = row.commonName,
                                                   .alternativeNames = row.alternativeNames});
        const auto certificate = Certificates::read(files.certificate);
        CHECK(certificateNames(certificate.get(), row.name) == row.fits);
    }
}

TEST_CASE("The domains of a certificate are its SIP URIs, host names or common name", "[net]") {
    using List = std::vector<std::string>;
    CHECK(domainsOf({.alternativeNames = "DNS:H.example,URI:sip:A.example,URI:sip:b.example"}) ==
          List{"a.example", "b.example"});
    CHECK(domainsOf({.alternativeNames = "DNS:H.example"}) == List{"h.example"});
    CHECK(domainsOf({.commonName = "C.example"}) == List{"c.example"});
    CHECK(domainsOf({.commonName = "C.example", .alternativeNames = "IP:192.0.2.1"}).empty());
}

TEST_CASE("Without verification any certificate will do, and proves nothing", "[net]") {
    Certificates certificates;
    const auto files = certificates.make("own", {}, true);
    const auto server =
        context({.certificateFile = files.certificate, .keyFile = files.key});
    const auto outcome = shake(context({.verifyProvider = false}), server, "example.com");
    CHECK(outcome.done);
    CHECK(outcome.serverDomains.empty());
}

TEST_CASE("Client certificates are ignored, looked at or demanded", "[net]") {
    Certificates certificates;
    const auto serverFiles = certificates.make("server", {.alternativeNames = "URI:sip:server.example"});
    const auto clientFiles = certificates.make("client", {.alternativeNames = "URI:sip:peer.example"});
    const auto strangerFiles = certificates.make("stranger", {}, true);
    const auto server = [&](ClientCertificate demand) {
        return context({.certificateFile = serverFiles.certificate,
                        .keyFile = serverFiles.key,
                        .caPath = certificates.authority(),
                        .clientCertificate = demand});
    };
    const auto known = context({.certificateFile = clientFiles.certificate,
                                .keyFile = clientFiles.key,
                                .caPath = certificates.authority()});
    const auto nobody = context({.caPath = certificates.authority()});
    const auto stranger = context({.certificateFile = strangerFiles.certificate,
                                   .keyFile = strangerFiles.key,
                                   .caPath = certificates.authority()});
    const auto offered = [&](const TlsContext& client, ClientCertificate demand) {
        return shake(client, server(demand), "server.example");
    };
    CHECK(offered(known, ClientCertificate::Require).clientDomains ==
          std::vector<std::string>{"peer.example"});
    CHECK(offered(known, ClientCertificate::Ask).clientDomains ==
          std::vector<std::string>{"peer.example"});
    CHECK(offered(known, ClientCertificate::Off).clientDomains.empty());
    CHECK(offered(nobody, ClientCertificate::Ask).done);
    CHECK_FALSE(offered(nobody, ClientCertificate::Require).done);
    CHECK_FALSE(offered(stranger, ClientCertificate::Ask).done);
    CHECK(offered(stranger, ClientCertificate::Off).done);
}

TEST_CASE("TLS older than 1.2 is refused", "[net]") {
    Certificates certificates;
    const auto files = certificates.make("server", {});
    const auto attempt = [&](TlsVersion least, int offered) {
        const auto server = context({.certificateFile = files.certificate,
                                     .keyFile = files.key,
                                     .leastVersion = least});
        const auto client = context({.verifyProvider = false});
        const auto there = client.clientSession("example.com");
        const auto here = server.serverSession();
        // Level 0, or OpenSSL itself would not offer it.
        ::SSL_set_security_level(there->get(), 0);
        ::SSL_set_min_proto_version(there->get(), TLS1_VERSION);
        ::SSL_set_max_proto_version(there->get(), offered);
        return shake(there->get(), here->get()).done;
    };
    CHECK_FALSE(attempt(TlsVersion::V1_2, TLS1_1_VERSION));
    CHECK(attempt(TlsVersion::V1_2, TLS1_2_VERSION));
    CHECK(attempt(TlsVersion::V1_2, TLS1_3_VERSION));
    CHECK_FALSE(attempt(TlsVersion::V1_3, TLS1_2_VERSION));
    CHECK(attempt(TlsVersion::V1_3, TLS1_3_VERSION));
}

TEST_CASE("A new context takes the new certificate, sessions keep the old one", "[net]") {
    Certificates certificates;
    const auto trusting = context({.caPath = certificates.authority()});
    const auto files = certificates.make("server", {.alternativeNames = "URI:sip:old.example"});
    const TlsSettings settings{.certificateFile = files.certificate, .keyFile = files.key};
    std::optional<TlsContext> server = context(settings);
    const auto begun = server->serverSession();
    certificates.make("server", {.alternativeNames = "URI:sip:new.example"});
    server = context(settings);
    CHECK(shake(trusting, *server, "new.example").done);
    CHECK_FALSE(shake(trusting, *server, "old.example").done);
    const auto client = trusting.clientSession("old.example");
    CHECK(shake(client->get(), begun->get()).done);
}

TEST_CASE("What cannot be loaded is named", "[net]") {
    Certificates certificates;
    const auto files = certificates.make("server", {});
    const auto other = certificates.make("other", {});
    const auto errorOf = [](const TlsSettings& settings) {
        const auto made = TlsContext::make(settings);
        return made ? std::string() : made.error().message;
    };
    using Catch::Matchers::Contains;
    CHECK_THAT(errorOf({.certificateFile = "/nowhere/cert.pem"}),
               Contains("/nowhere/cert.pem") && Contains("No such file"));
    CHECK_THAT(errorOf({.certificateFile = files.certificate, .keyFile = "/nowhere/key.pem"}),
               Contains("/nowhere/key.pem"));
    CHECK_THAT(errorOf({.certificateFile = files.certificate, .keyFile = other.key}),
               Contains(other.key));
    CHECK_THAT(errorOf({.certificateFile = files.certificate}), Contains(files.certificate));
    CHECK_THAT(errorOf({.caPath = "/nowhere/ca.pem"}), Contains("/nowhere/ca.pem"));
    CHECK_THAT(errorOf({.ciphers = "NOSUCHCIPHER"}), Contains("NOSUCHCIPHER"));
    std::ofstream(certificates.path("rubbish.pem")) << "rubbish";
    CHECK_THAT(errorOf({.certificateFile = certificates.path("rubbish.pem")}),
               Contains("rubbish.pem"));
    CHECK_FALSE(context({}).canServe());
    CHECK_FALSE(context({}).serverSession());
    CHECK(context({.certificateFile = files.certificate, .keyFile = files.key}).canServe());
}
