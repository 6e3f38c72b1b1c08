// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "access/digest.h"
#include "base/result.h"
#include "base/text.h"

namespace siproxd::access {

/// Who may authenticate in one realm, and the secrets that prove it: HA1 digests, never the
/// passwords of a file. A value; a reload makes a new one.
class Users {
public:
    /// Nobody.
    Users() = default;

    /// Every name, with one password for all (`proxy_auth_passwd`).
    [[nodiscard]] static Users withOnePassword(std::string_view realm, std::string password);

    /// Reads the text of a password file. A line is
    /// - `user password`, the original's form: one word, white space, the rest; or
    /// - `user:realm:HA1`, the form of htdigest: 32 (MD5) or 64 (SHA-256) hexadecimal digits. A
    ///   user may have one of each; other realms' lines are passed over.
    ///
    /// Empty lines and lines that begin with `#` do not count. A user twice is an error. Errors are
    /// told all at once, with `name` and line, and never show what might be a password.
    [[nodiscard]] static base::Result<Users> parse(std::string_view text, std::string_view name,
                                                   std::string_view realm);

    /// Reads a password file of at most 16 MB. Blocks: not for the signalling thread while it
    /// works.
    [[nodiscard]] static base::Result<Users> readFile(const std::string& path,
                                                      std::string_view realm);

    /// The user's HA1; nothing when there is no such user or he has no digest of that kind.
    [[nodiscard]] std::optional<std::string> ha1(std::string_view user, Algorithm algorithm) const;

    /// Whether everybody in the table has a digest of that kind, so that it may be asked for.
    [[nodiscard]] bool canUse(Algorithm algorithm) const;

    /// Whether the file has such a user; never with one password for all.
    [[nodiscard]] bool knows(std::string_view user) const { return table_.contains(user); }
    [[nodiscard]] std::size_t size() const { return table_.size(); }

private:
    struct Secret {
        std::string md5;  ///< hexadecimal digits; empty: none
        std::string sha256;
    };

    [[nodiscard]] std::string addLine(std::string_view line);
    [[nodiscard]] std::string addDigest(std::string_view user, std::string_view realm,
                                        std::string_view digits);

    std::string realm_;
    std::optional<std::string> forAll_;
    std::unordered_map<std::string, Secret, base::StringHash, std::equal_to<>> table_;
    std::size_t withMd5_ = 0;
    std::size_t withSha256_ = 0;
};

}  // namespace siproxd::access
