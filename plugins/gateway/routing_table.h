// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

/// `user@domain`, as the table sees the one who is called.
struct Address {
    std::string user;
    std::string domain;

    [[nodiscard]] std::string toString() const { return user + "@" + domain; }
    friend bool operator==(const Address&, const Address&) = default;
};

/// One line of the table, in the form of CommuniGate Pro's router: `<7(10d)@*> = +7*@gw1`.
///
/// On the left: the address, in which `*` stands for any text, `(10d)` for ten digits, `(10+d)` for ten
/// or more and `(3-5d)` for three to five; at most one of these in the user part and one in the domain.
/// The qualifiers `NoRelay:`, `Relay:`, `Signal:`, `N:`, `R:`, `S:` in front are read and mean nothing here.
/// On the right: the address that it becomes, in which `*` stands for what the wildcard of the user part has matched
/// (if there is none: that of the domain).
class Route {
public:
    /// Nothing: `why` says what is wrong.
    [[nodiscard]] static std::optional<Route> parse(std::string_view line, std::string& why);

    /// What the address becomes; nothing: the line is not for it.
    [[nodiscard]] std::optional<Address> apply(const Address& address) const;

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    /// `fewest` to `most` characters, digits only perhaps.
    struct Wildcard {
        bool digits = false;
        std::size_t fewest = 0;
        std::size_t most = 0;
    };
    struct Pattern {
        std::string before;
        std::optional<Wildcard> wildcard;
        std::string behind;

        [[nodiscard]] static std::optional<Pattern> parse(std::string_view text, std::string& why);
        /// What the wildcard stands for (empty without one); nothing: it does not fit.
        [[nodiscard]] std::optional<std::string> match(std::string_view text, bool exactCase) const;
    };

    std::string text_;
    Pattern user_;
    Pattern domain_;
    Address target_;
};

}  // namespace gateway
