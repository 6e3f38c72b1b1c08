// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/schema.h"

#include "base/text.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>

namespace siproxd::config {

namespace {

std::string kindOf(const Directive& directive) {
    switch (directive.type) {
    case Type::Text:
    case Type::TextList:
        return "text";
    case Type::Networks:
        return "address list";
    case Type::Address:
        return "IP address";
    case Type::Choice:
    case Type::ChoiceList:
        return fmt::format("{}", fmt::join(base::split(directive.choices, '|'), " or "));
    case Type::Flag:
        return "0 or 1";
    case Type::Integer:
    case Type::IntegerList:
        return fmt::format("integer, {} to {}", directive.least, directive.most);
    case Type::Bitmask:
        return fmt::format("bit mask, {} to {:#x}", directive.least, directive.most);
    }
    return {};
}

}  // namespace

const Directive* findDirective(std::string_view key) {
    const auto table = directives();
    const auto found = std::ranges::find(table, key, &Directive::key);
    return found == table.end() ? nullptr : &*found;
}

std::string defaultOf(const Directive& directive) {
    const Settings untouched;
    return directive.binding.count(untouched) == 0 ? std::string{}
                                                   : directive.binding.show(untouched, 0);
}

std::string factsOf(const Directive& directive) {
    std::string facts = kindOf(directive);
    if (!directive.unit.empty()) {
        facts += fmt::format(" {}", directive.unit);
    }
    if (directive.isList()) {
        facts += ", may be repeated";
    }
    const std::string standard = defaultOf(directive);
    if (directive.required) {
        facts += "; required";
    } else if (!standard.empty()) {
        // The directory of plugins is the one that ./configure has chosen.
        facts += directive.key == "plugindir" ? "; default set when built" : "; default " + standard;
    }
    facts += directive.reloadable ? "; reloadable" : "; restart needed";
    return facts;
}

}  // namespace siproxd::config
