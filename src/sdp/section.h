// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "sdp/line.h"

namespace siproxd::sdp {

/// The address of a c=, o= or a=rtcp line: `IN IP4 192.0.2.1`. `host` may be a name. The view holds
/// until the body is edited.
struct NetAddress {
    base::Family family = base::Family::None;  ///< as IP4 or IP6 says
    std::string_view host;                     ///< without the multicast `/ttl`

    /// The host, when it is no name.
    [[nodiscard]] std::optional<base::IpAddress> ip() const { return base::IpAddress::parse(host); }
};

/// RFC 8866 §6.7.
enum class Direction : std::uint8_t { SendRecv, SendOnly, RecvOnly, Inactive };

/// What the session level and a media description have in common: a run of lines. All edits are in
/// place: lines that are not named keep their bytes and their order. Attribute names are compared
/// without regard to case, so that nothing slips through by its spelling.
class Section {
public:
    void append(Line line) { lines_.push_back(std::move(line)); }

    /// The c= of this section itself.
    [[nodiscard]] std::optional<NetAddress> connection() const;

    /// Puts `address` into every c= line of this section; false when there is none.
    bool replaceConnection(const base::IpAddress& address);

    [[nodiscard]] bool has(std::string_view attribute) const {
        return value(attribute).has_value();
    }

    /// Value of the first attribute of that name; empty for a flag such as `a=rtcp-mux`.
    [[nodiscard]] std::optional<std::string_view> value(std::string_view attribute) const;

    /// Values of all attributes of that name, in order.
    [[nodiscard]] std::vector<std::string_view> values(std::string_view attribute) const;

    /// Replaces the first attribute of that name and removes further ones; without any, appends it
    /// to the section. An empty value makes a flag.
    void set(std::string_view attribute, std::string_view value);

    /// Appends an attribute to the section.
    void add(std::string_view attribute, std::string_view value);

    /// Removes attributes; returns how many. The predicate form is given name and value.
    std::size_t remove(std::string_view attribute);
    std::size_t removeIf(
        const std::function<bool(std::string_view name, std::string_view value)>& unwanted);

    /// Whether there are attributes of ICE (RFC 8839): candidate, remote-candidates,
    /// end-of-candidates, ice-*.
    [[nodiscard]] bool hasIce() const;
    std::size_t removeIce();

    /// The direction that this section itself names; the last one when there are several.
    [[nodiscard]] std::optional<Direction> direction() const;

    /// For checks and edits that this class does not know: the lines in order.
    [[nodiscard]] const std::vector<Line>& lines() const { return lines_; }
    [[nodiscard]] std::vector<Line>& lines() { return lines_; }

    void appendTo(std::string& out) const;

protected:
    /// Adds a line behind the one at `position`.
    void insertAfter(std::size_t position, char type, std::string value);

private:
    std::vector<Line> lines_;
};

/// Reads `IN IP4 host` at the end of `text`, the value of a c= or o= line.
[[nodiscard]] base::Result<NetAddress> parseNetAddress(std::string_view text);

/// `text` with the address at its end replaced.
[[nodiscard]] std::string withNetAddress(std::string_view text, const base::IpAddress& address);

}  // namespace siproxd::sdp
