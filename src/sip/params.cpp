// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/params.h"

#include <algorithm>

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

constexpr std::size_t kMaxParams = 64;

std::size_t countOf(std::string_view text, char wanted) {
    return static_cast<std::size_t>(std::ranges::count(text, wanted));
}

}  // namespace

std::optional<Params> Params::parse(std::string_view text) {
    Params params;
    text = base::trim(text);
    if (text.empty()) {
        return params;
    }
    if (text.front() != ';') {
        return std::nullopt;
    }
    text.remove_prefix(1);
    params.list_.reserve(std::min(kMaxParams, 1 + countOf(text, ';')));
    for (;;) {
        const auto end = findOutsideQuotes(text, ';');
        if (!end) {
            return std::nullopt;
        }
        const std::string_view one = base::trim(text.substr(0, *end));
        const auto equals = one.find('=');
        const std::string_view name = base::trim(one.substr(0, equals));
        if (!isToken(name) || params.size() == kMaxParams || params.has(name)) {
            return std::nullopt;
        }
        Param param{std::string(name), std::nullopt};
        if (equals != std::string_view::npos) {
            const auto value = base::trim(one.substr(equals + 1));
            if (!isParamValue(value)) {
                return std::nullopt;
            }
            param.value = std::string(value);
        }
        params.add(std::move(param));
        if (*end == text.size()) {
            return params;
        }
        text.remove_prefix(*end + 1);
    }
}

const Param* Params::find(std::string_view name) const {
    const auto it = std::find_if(list_.begin(), list_.end(), [name](const Param& param) {
        return base::equalsIgnoreCase(param.name, name);
    });
    return it == list_.end() ? nullptr : &*it;
}

std::optional<std::string_view> Params::value(std::string_view name) const {
    const Param* param = find(name);
    if (param == nullptr || !param->value) {
        return std::nullopt;
    }
    return *param->value;
}

void Params::set(std::string_view name, std::optional<std::string> value) {
    for (auto& param : list_) {
        if (base::equalsIgnoreCase(param.name, name)) {
            param.value = std::move(value);
            return;
        }
    }
    list_.push_back({std::string(name), std::move(value)});
}

bool Params::remove(std::string_view name) {
    return std::erase_if(list_, [name](const Param& param) {
               return base::equalsIgnoreCase(param.name, name);
           }) > 0;
}

std::string Params::toString() const {
    std::string out;
    out.reserve(length());
    appendTo(out);
    return out;
}

std::size_t Params::length() const {
    std::size_t length = 0;
    for (const auto& param : list_) {
        length += 1 + param.name.size() + (param.value ? 1 + param.value->size() : 0);
    }
    return length;
}

void Params::appendTo(std::string& out) const {
    for (const auto& param : list_) {
        out += ';';
        out += param.name;
        if (param.value) {
            out += '=';
            out += *param.value;
        }
    }
}

}  // namespace siproxd::sip
