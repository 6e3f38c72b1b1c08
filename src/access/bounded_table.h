// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace siproxd::access {

/// A hash table with a limit that remembers which entry has not been used for longest. All steps
/// take constant time (growing now and then apart); what has its entry already costs no
/// allocation. A pointer to a value is good until the next add() or erase().
template <class Key, class Value, class Hash>
class BoundedTable {
public:
    /// Holds `most` entries (at least one), memory is taken as they come.
    BoundedTable(std::size_t most, Hash hash)
        : most_(most == 0 ? 1 : most), hash_(std::move(hash)), heads_(kFirstHeads, kNone) {}

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool full() const { return size_ >= most_; }

    /// nullptr: there is none. Does not count as use.
    [[nodiscard]] Value* find(const Key& key) {
        const auto slot = slotOf(key);
        return slot != kNone ? &slots_[slot].value : nullptr;
    }
    [[nodiscard]] const Value* find(const Key& key) const {
        const auto slot = slotOf(key);
        return slot != kNone ? &slots_[slot].value : nullptr;
    }

    /// The same, and makes the entry the one used last.
    [[nodiscard]] Value* use(const Key& key) {
        const auto slot = slotOf(key);
        if (slot == kNone) {
            return nullptr;
        }
        unlink(slot);
        linkNewest(slot);
        return &slots_[slot].value;
    }

    /// A new entry, which must not be there yet. A full table loses the entry that has not been
    /// used for longest.
    Value& add(const Key& key, Value value) {
        if (full()) {
            erase(slots_[oldest_].key);
        }
        const auto slot = freeSlot();
        slots_[slot].key = key;
        slots_[slot].value = std::move(value);
        ++size_;
        growHeads();
        linkHash(slot);
        linkNewest(slot);
        return slots_[slot].value;
    }

    bool erase(const Key& key) {
        const auto slot = slotOf(key);
        if (slot == kNone) {
            return false;
        }
        unlinkHash(slot);
        unlink(slot);
        slots_[slot].value = Value{};
        slots_[slot].next = free_;
        free_ = slot;
        --size_;
        return true;
    }

    /// The entry that has not been used for longest; nothing in an empty table.
    [[nodiscard]] std::optional<std::pair<Key, Value>> oldest() const {
        if (oldest_ == kNone) {
            return std::nullopt;
        }
        return std::pair(slots_[oldest_].key, slots_[oldest_].value);
    }

    /// Calls `visit(key, value)` for each entry, from the oldest to the newest.
    template <class Visit>
    void forEach(Visit visit) const {
        for (auto slot = oldest_; slot != kNone; slot = slots_[slot].newer) {
            visit(slots_[slot].key, slots_[slot].value);
        }
    }

private:
    using Index = std::uint32_t;
    static constexpr Index kNone = UINT32_MAX;
    static constexpr std::size_t kFirstHeads = 16;

    struct Slot {
        Key key{};
        Value value{};
        Index next = kNone;  ///< in its hash chain, or in the list of free slots
        Index newer = kNone;
        Index older = kNone;
    };

    [[nodiscard]] Index& headOf(const Key& key) { return heads_[hash_(key) & (heads_.size() - 1)]; }
    [[nodiscard]] Index slotOf(const Key& key) const {
        auto slot = heads_[hash_(key) & (heads_.size() - 1)];
        while (slot != kNone && !(slots_[slot].key == key)) {
            slot = slots_[slot].next;
        }
        return slot;
    }
    [[nodiscard]] Index freeSlot() {
        if (free_ != kNone) {
            return std::exchange(free_, slots_[free_].next);
        }
        slots_.emplace_back();
        return static_cast<Index>(slots_.size() - 1);
    }
    void linkHash(Index slot) {
        auto& head = headOf(slots_[slot].key);
        slots_[slot].next = head;
        head = slot;
    }
    void unlinkHash(Index slot) {
        auto* link = &headOf(slots_[slot].key);
        while (*link != slot) {
            link = &slots_[*link].next;
        }
        *link = slots_[slot].next;
    }
    void linkNewest(Index slot) {
        slots_[slot].older = newest_;
        slots_[slot].newer = kNone;
        (newest_ != kNone ? slots_[newest_].newer : oldest_) = slot;
        newest_ = slot;
    }
    void unlink(Index slot) {
        const auto& [key, value, next, newer, older] = slots_[slot];
        (newer != kNone ? slots_[newer].older : newest_) = older;
        (older != kNone ? slots_[older].newer : oldest_) = newer;
    }
    /// Called before the newest slot is linked.
    void growHeads() {
        if (size_ <= heads_.size()) {
            return;
        }
        heads_.assign(heads_.size() * 2, kNone);
        for (auto slot = oldest_; slot != kNone; slot = slots_[slot].newer) {
            linkHash(slot);
        }
    }

    std::size_t most_;
    Hash hash_;
    std::vector<Index> heads_;
    std::vector<Slot> slots_;
    std::size_t size_ = 0;
    Index free_ = kNone;
    Index oldest_ = kNone;
    Index newest_ = kNone;
};

}  // namespace siproxd::access
