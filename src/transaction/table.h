// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace siproxd::transaction {

/// Transactions of one side, found by id and by what messages have in common with them.
template <class Id, class Kind>
class Table {
public:
    /// Both: nullptr when there is none.
    [[nodiscard]] Kind* find(Id id) const {
        const auto it = byId_.find(id);
        return it == byId_.end() ? nullptr : it->second.transaction.get();
    }
    [[nodiscard]] Kind* find(std::string_view key) const {
        const auto it = byKey_.find(key);
        return it == byKey_.end() ? nullptr : it->second;
    }
    [[nodiscard]] std::size_t size() const { return byId_.size(); }

    /// False when the key is taken; `transaction` is lost then.
    bool add(std::string key, std::unique_ptr<Kind> transaction) {
        const auto [it, isNew] = byKey_.try_emplace(std::move(key), transaction.get());
        if (isNew) {
            const Id id = transaction->id();
            byId_.emplace(id, Entry{std::move(transaction), &it->first});
        }
        return isNew;
    }

    /// Out of the table; null when it is not there.
    [[nodiscard]] std::unique_ptr<Kind> take(Id id) {
        auto node = byId_.extract(id);
        if (node.empty()) {
            return nullptr;
        }
        byKey_.erase(byKey_.find(*node.mapped().key));
        return std::move(node.mapped().transaction);
    }

private:
    struct Entry {
        std::unique_ptr<Kind> transaction;
        const std::string* key;  // in byKey_, whose nodes stay where they are
    };
    std::unordered_map<Id, Entry> byId_;
    std::unordered_map<std::string, Kind*, base::StringHash, std::equal_to<>> byKey_;
};

}  // namespace siproxd::transaction
