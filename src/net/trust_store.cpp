// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/trust_store.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/text.h"

namespace siproxd::net {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = 1024 * 1024;
constexpr std::size_t kMostFiles = 2000;

base::Error trustError(const std::string& path) {
    const unsigned long code = ::ERR_peek_error();
    const char* reason = code == 0 ? nullptr : ::ERR_reason_error_string(code);
    ::ERR_clear_error();
    return {"TLS: certification authorities " + path + ": " +
            (reason != nullptr ? reason : "no certificate can be read")};
}

/// As `openssl rehash` names them: `5ad8a5d6.0`.
bool isHashed(const std::string& name) {
    constexpr std::size_t kDigits = 8;
    const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
    return name.size() > kDigits + 1 && name[kDigits] == '.' &&
           std::all_of(name.begin(), name.begin() + kDigits,
                       [&](char c) { return isDigit(c) || (c >= 'a' && c <= 'f'); }) &&
           std::all_of(name.begin() + kDigits + 1, name.end(), isDigit);
}

bool isCertificate(const fs::path& file) {
    return file.extension() == ".pem" || file.extension() == ".crt";
}

/// The files that count: those with hashed names where there are any, for the others are the same
/// certificates once more.
std::vector<fs::path> filesIn(const fs::path& directory) {
    std::vector<fs::path> hashed;
    std::vector<fs::path> others;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
        if (isHashed(it->path().filename().string())) {
            hashed.push_back(it->path());
        } else if (isCertificate(it->path())) {
            others.push_back(it->path());
        }
    }
    auto& files = hashed.empty() ? others : hashed;
    files.resize(std::min(files.size(), kMostFiles));
    return std::move(files);
}

bool addFile(X509_STORE* store, const fs::path& file) {
    std::error_code error;
    return fs::is_regular_file(file, error) && fs::file_size(file, error) <= kLargestFile &&
           !error && ::X509_STORE_load_locations(store, file.c_str(), nullptr) == 1;
}

bool addDirectory(X509_STORE* store, const fs::path& directory) {
    bool any = false;
    for (const auto& file : filesIn(directory)) {
        any = addFile(store, file) || any;
    }
    return any;
}

std::string fromEnvironment(const char* name, const char* standard) {
    const char* value = ::secure_getenv(name);
    return value != nullptr ? value : standard;
}

/// A system without any is none of our errors.
void addSystem(X509_STORE* store) {
    addFile(store, fromEnvironment(::X509_get_default_cert_file_env(),
                                   ::X509_get_default_cert_file()));
    const auto directories = fromEnvironment(::X509_get_default_cert_dir_env(),
                                             ::X509_get_default_cert_dir());
    for (const auto directory : base::split(directories, ':')) {
        addDirectory(store, directory);
    }
    ::ERR_clear_error();
}

}  // namespace

void StoreDeleter::operator()(::x509_store_st* store) const { ::X509_STORE_free(store); }

base::Result<TrustStore> loadTrust(const std::string& path) {
    ::ERR_clear_error();
    TrustStore store(::X509_STORE_new());
    if (!store) {
        return std::unexpected(trustError(path));
    }
    if (path.empty()) {
        addSystem(store.get());
        return store;
    }
    std::error_code error;
    const bool any = fs::is_directory(path, error)
                         ? addDirectory(store.get(), path)
                         : ::X509_STORE_load_locations(store.get(), path.c_str(), nullptr) == 1;
    if (!any) {
        return std::unexpected(trustError(path));
    }
    ::ERR_clear_error();
    return store;
}

}  // namespace siproxd::net
