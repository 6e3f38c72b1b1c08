// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "access/bounded_table.h"
#include "access/source.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/random.h"

namespace siproxd::access {

/// One banned sender.
struct Ban {
    base::IpAddress source;  ///< as sourceOf() gives it: an IPv4 address, or the first of a /64
    base::TimePoint until;
    std::string_view reason;  ///< of static duration
    bool proven = false;      ///< the sender was who he said he was
};

/// Who is shut out, and until when. Bounded: proven senders and those that may have been forged
/// have a table each, so a flood of forged ones ends no earned ban; the oldest goes first.
class BanList {
public:
    /// Hears of each new, prolonged or ended ban, e.g. to keep a set of the packet filter alike. Must
    /// not call back.
    class Listener {
    public:
        virtual ~Listener() = default;
        virtual void onBanned(const Ban& ban) = 0;
        virtual void onUnbanned(const Ban& /*ban*/) {}
    };

    BanList(std::size_t most, base::Random& random);

    /// It is to be removed before it goes.
    void addListener(Listener& listener) { listeners_.push_back(&listener); }
    void removeListener(Listener& listener) { std::erase(listeners_, &listener); }

    /// A ban that is there already ends when the later of the two does.
    void add(const Ban& ban);

    /// Whether the source (from sourceOf()) is banned now from sending what carries that proof: who
    /// forges somebody's datagrams does not shut out his connections.
    [[nodiscard]] bool contains(const base::IpAddress& source, base::TimePoint now,
                                Proof proof) const;

    /// When its ban ends; nothing when there is none.
    [[nodiscard]] std::optional<base::TimePoint> until(const base::IpAddress& source,
                                                       base::TimePoint now) const;

    /// False when there was no such ban.
    bool remove(const base::IpAddress& source);

    /// Ends what is over. Called every few seconds, for memory's and the observer's sake only.
    void expire(base::TimePoint now);

    [[nodiscard]] std::vector<Ban> list(base::TimePoint now) const;
    [[nodiscard]] std::size_t size() const { return proven_.size() + unproven_.size(); }

private:
    using Table = BoundedTable<base::IpAddress, Ban, SourceHash>;

    [[nodiscard]] const Ban* find(const base::IpAddress& source) const;
    void end(Table& table, const Ban& ban);

    Table proven_;
    Table unproven_;
    std::vector<Listener*> listeners_;
};

}  // namespace siproxd::access
