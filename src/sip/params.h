// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::sip {

/// One `;name` or `;name=value`.
struct Param {
    std::string name;
    std::optional<std::string> value;

    friend bool operator==(const Param&, const Param&) = default;
};

/// Parameters in the order of the wire; names are compared without case.
class Params {
public:
    /// Reads `;a;b=c;d="e;f"` (or nothing). White space around separators is dropped. At most
    /// 64 parameters, each once (RFC 3261 §7.3.1).
    [[nodiscard]] static std::optional<Params> parse(std::string_view text);

    [[nodiscard]] const Param* find(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    /// The value, or nothing when the parameter is missing or has none.
    [[nodiscard]] std::optional<std::string_view> value(std::string_view name) const;
    /// Replaces the value of a parameter, or adds it at the end.
    void set(std::string_view name, std::optional<std::string> value);
    /// True when there was one.
    bool remove(std::string_view name);
    void add(Param param) { list_.push_back(std::move(param)); }
    [[nodiscard]] bool empty() const { return list_.empty(); }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    [[nodiscard]] auto begin() const { return list_.begin(); }
    [[nodiscard]] auto end() const { return list_.end(); }
    void clear() { list_.clear(); }
    /// `;a;b=c`, empty without parameters.
    [[nodiscard]] std::string toString() const;
    void appendTo(std::string& out) const;
    /// Of toString().
    [[nodiscard]] std::size_t length() const;

    friend bool operator==(const Params&, const Params&) = default;

private:
    std::vector<Param> list_;
};

}  // namespace siproxd::sip
