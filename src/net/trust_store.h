// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

extern "C" {
struct x509_store_st;
}

namespace siproxd::net {

struct StoreDeleter {
    void operator()(::x509_store_st* store) const;
};
using TrustStore = std::unique_ptr<::x509_store_st, StoreDeleter>;

/// The certification authorities in a PEM file, or in the files of a directory; an empty path: those
/// that the system trusts (SSL_CERT_FILE and SSL_CERT_DIR hold). Everything is read now: OpenSSL by
/// itself looks into directories at each handshake, which takes its time and finds nothing in a jail.
/// Files over 1 MB and those behind the 2000th of a directory are left out.
[[nodiscard]] base::Result<TrustStore> loadTrust(const std::string& path);

}  // namespace siproxd::net
