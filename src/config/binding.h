// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "config/schema.h"

#include <fmt/core.h>

#include <chrono>
#include <concepts>
#include <string>
#include <vector>

/// Builds the Binding of a table row from two member pointers: the slice in Settings and the field
/// in the slice. For directives.cpp only.
namespace siproxd::config::binding {

inline void assign(std::string& field, const Value& value) {
    field = value.text;
}
inline void assign(LocatedText& field, const Value& value) {
    field = {value.text, value.origin};
}
inline void assign(base::IpAddress& field, const Value& value) {
    field = base::IpAddress::parse(value.text).value_or(base::IpAddress{});
}
template <std::integral T>
void assign(T& field, const Value& value) {
    field = static_cast<T>(value.number);
}
template <class Rep, class Period>
void assign(std::chrono::duration<Rep, Period>& field, const Value& value) {
    field = std::chrono::duration<Rep, Period>{value.number};
}

inline std::string render(const std::string& field) {
    return field;
}
inline std::string render(const LocatedText& field) {
    return field.text;
}
inline std::string render(const base::IpAddress& field) {
    return field ? field.toString() : std::string{};
}
template <std::integral T>
std::string render(T field) {
    return fmt::format("{}", static_cast<std::int64_t>(field));
}
template <class Rep, class Period>
std::string render(std::chrono::duration<Rep, Period> field) {
    return fmt::format("{}", field.count());
}

template <auto Slice, auto Field>
void copyField(Settings& to, const Settings& from) {
    to.*Slice.*Field = from.*Slice.*Field;
}

/// One value.
template <auto Slice, auto Field>
constexpr Binding scalar() {
    return {
        .store = [](Settings& s, std::size_t, const Value& v) { assign(s.*Slice.*Field, v); },
        .count = [](const Settings& s) -> std::size_t {
            return render(s.*Slice.*Field).empty() ? 0 : 1;
        },
        .show = [](const Settings& s, std::size_t) { return render(s.*Slice.*Field); },
        .copy = copyField<Slice, Field>,
    };
}

/// One value whose bits matter.
template <auto Slice, auto Field>
constexpr Binding bits() {
    Binding binding = scalar<Slice, Field>();
    binding.show = [](const Settings& s, std::size_t) {
        return fmt::format("{:#x}", s.*Slice.*Field);
    };
    return binding;
}

/// A vector of values.
template <auto Slice, auto Field>
constexpr Binding list() {
    return {
        .store = [](Settings& s, std::size_t,
                    const Value& v) { assign((s.*Slice.*Field).emplace_back(), v); },
        .count = [](const Settings& s) { return (s.*Slice.*Field).size(); },
        .show = [](const Settings& s, std::size_t i) { return render((s.*Slice.*Field)[i]); },
        .copy = copyField<Slice, Field>,
    };
}

/// One member of each record in a vector; the n-th line of each key of the group makes record n.
template <auto Slice, auto Records, auto Member>
constexpr Binding column() {
    return {
        .store =
            [](Settings& s, std::size_t index, const Value& v) {
                auto& records = s.*Slice.*Records;
                if (records.size() <= index) {
                    records.resize(index + 1);
                }
                assign(records[index].*Member, v);
            },
        .count = [](const Settings& s) { return (s.*Slice.*Records).size(); },
        .show = [](const Settings& s,
                   std::size_t i) { return render((s.*Slice.*Records)[i].*Member); },
        .copy = copyField<Slice, Records>,
    };
}

/// The column that names the record; messages about the record point to its line.
template <auto Slice, auto Records, auto Member>
constexpr Binding nameColumn() {
    Binding binding = column<Slice, Records, Member>();
    binding.store = [](Settings& s, std::size_t index, const Value& v) {
        column<Slice, Records, Member>().store(s, index, v);
        (s.*Slice.*Records)[index].origin = v.origin;
    };
    return binding;
}

}  // namespace siproxd::config::binding
