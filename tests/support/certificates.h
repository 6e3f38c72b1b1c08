// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace siproxd::test {

/// What a certificate made for a test says.
struct CertificateWish {
    std::string commonName = "test";
    std::string alternativeNames = {};  ///< as in OpenSSL's configuration: `DNS:a,URI:sip:b,IP:::1`
    long validFrom = -3600;        ///< seconds from now
    long validTo = 3600;
};

/// A certification authority in a directory of its own, with certificates made when they are asked
/// for: none is checked in that could expire.
class Certificates {
public:
    struct Files {
        std::string certificate;
        std::string key;
    };

    Certificates() {
        char name[] = "/tmp/siproxd_certificates_XXXXXX";
        if (::mkdtemp(name) == nullptr) {
            throw std::runtime_error("no directory for certificates");
        }
        directory_ = name;
        authorityKey_ = newKey();
        authority_ = sign({.commonName = "authority"}, authorityKey_.get(), true);
        write("ca.pem", authority_.get(), nullptr);
    }
    ~Certificates() {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
    [[nodiscard]] std::string authority() const { return path("ca.pem"); }

    /// Files `<name>.pem` and `<name>.key`; of an earlier pair of that name they take the place.
    Files make(const std::string& name, const CertificateWish& wish, bool selfSigned = false) {
        const Key key = newKey();
        const Certificate certificate = sign(wish, key.get(), selfSigned);
        write(name + ".pem", certificate.get(), nullptr);
        write(name + ".key", nullptr, key.get());
        return {path(name + ".pem"), path(name + ".key")};
    }

    [[nodiscard]] static std::shared_ptr<X509> read(const std::string& path) {
        const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "r"), &std::fclose);
        return {file ? ::PEM_read_X509(file.get(), nullptr, nullptr, nullptr) : nullptr,
                &::X509_free};
    }

private:
    using Key = std::shared_ptr<EVP_PKEY>;
    using Certificate = std::shared_ptr<X509>;

    static Key newKey() {
        EVP_PKEY* key = nullptr;
        EVP_PKEY_CTX* context = ::EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr);
        ::EVP_PKEY_keygen_init(context);
        ::EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1);
        ::EVP_PKEY_keygen(context, &key);
        ::EVP_PKEY_CTX_free(context);
        return {key, &::EVP_PKEY_free};
    }

    Certificate sign(const CertificateWish& wish, EVP_PKEY* key, bool bySelf) {
        const Certificate certificate(::X509_new(), &::X509_free);
        X509* x = certificate.get();
        ::X509_set_version(x, 2);
        ::ASN1_INTEGER_set(::X509_get_serialNumber(x), ++serial_);
        ::X509_gmtime_adj(::X509_getm_notBefore(x), wish.validFrom);
        ::X509_gmtime_adj(::X509_getm_notAfter(x), wish.validTo);
        ::X509_set_pubkey(x, key);
        ::X509_NAME_add_entry_by_txt(
            ::X509_get_subject_name(x), "CN", MBSTRING_UTF8,
            reinterpret_cast<const unsigned char*>(wish.commonName.c_str()), -1, -1, 0);
        X509* issuer = bySelf ? x : authority_.get();
        ::X509_set_issuer_name(x, ::X509_get_subject_name(issuer));
        if (!authority_) {
            addExtension(x, NID_basic_constraints, "critical,CA:TRUE");
        }
        if (!wish.alternativeNames.empty()) {
            addExtension(x, NID_subject_alt_name, wish.alternativeNames);
        }
        ::X509_sign(x, bySelf ? key : authorityKey_.get(), ::EVP_sha256());
        return certificate;
    }

    static void addExtension(X509* certificate, int which, const std::string& value) {
        X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, which, value.c_str());
        if (extension == nullptr) {
            throw std::runtime_error("no such extension: " + value);
        }
        ::X509_add_ext(certificate, extension, -1);
        ::X509_EXTENSION_free(extension);
    }

    void write(const std::string& name, X509* certificate, EVP_PKEY* key) const {
        const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path(name).c_str(), "w"),
                                                         &std::fclose);
        if (certificate != nullptr) {
            ::PEM_write_X509(file.get(), certificate);
        }
        if (key != nullptr) {
            ::PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
        }
    }

    std::string directory_;
    long serial_ = 0;
    Key authorityKey_;
    Certificate authority_;
};

}  // namespace siproxd::test
