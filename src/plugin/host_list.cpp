// SPDX-License-Identifier: GPL-2.0-or-later
// Address lists of plugins. Who runs the chain resolves the names in them (Chain::lists()).
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "plugin/handles.h"

namespace siproxd::plugin {

namespace {

siproxd_list* refuse(siproxd_self* self, std::string problem, const char** why) {
    self->listProblem = std::move(problem);
    if (why != nullptr) {
        *why = self->listProblem.c_str();
    }
    return nullptr;
}

siproxd_list* parse(siproxd_self* self, const char* text, const char** why) noexcept {
    auto list = access::AddressList::load(view(text));
    if (!list) {
        return refuse(self, list.error().message, why);
    }
    if (!self->creating && !list->names().empty()) {
        return refuse(self, "host names are resolved in lists that a plugin has from its start",
                      why);
    }
    for (const auto& exclusion : list->idleExclusions()) {
        log::warning("{}: {} takes nothing out of an address list, for no entry stands before it",
                     self->name, base::printable(exclusion));
    }
    self->lists.push_back(std::make_unique<siproxd_list>(*self, std::move(*list)));
    return self->lists.back().get();
}

int contains(siproxd_list* list, const char* ip) noexcept {
    auto text = view(ip);
    if (text.starts_with('[') && text.ends_with(']')) {
        text = text.substr(1, text.size() - 2);
    }
    const auto address = base::IpAddress::parse(text);
    return list != nullptr && address && list->addresses.contains(*address) ? 1 : 0;
}

void release(siproxd_list* list) noexcept {
    if (list != nullptr) {
        std::erase_if(list->self.lists, [list](const auto& one) { return one.get() == list; });
    }
}

}  // namespace

void fillListFunctions(siproxd_host& table) {
    table.list_parse = parse;
    table.list_contains = contains;
    table.list_free = release;
}

}  // namespace siproxd::plugin
