// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/contact_alias.h"

#include <utility>

namespace siproxd::registrar {

namespace {

std::string keyOf(const sip::Uri& contact, const base::Flow& flow) {
    return contact.toString() + '\n' + flow.remote.ip.toString();
}

}  // namespace

ContactAliases::ContactAliases(const base::Clock& clock, base::Random& random, std::size_t capacity)
    : clock_(clock), random_(random), capacity_(capacity) {}

const ContactAlias& ContactAliases::obtain(const sip::Uri& contact, const base::Flow& flow,
                                           const std::vector<sip::NameAddr>& routes) {
    dropOld();
    auto text = keyOf(contact, flow);
    for (const auto& route : routes) {
        text += '\n' + route.toString();
    }
    const auto known = byContact_.find(text);
    if (known == byContact_.end()) {
        return add({random_.hex(kTokenBytes), contact, flow, routes, false, false},
                   std::move(text), false)
            ->alias;
    }
    const auto entry = known->second;
    entry->alias.flow = flow;
    touch(entry);
    return entry->alias;
}

const ContactAlias& ContactAliases::obtainNatted(const sip::Uri& contact, const base::Flow& flow) {
    dropOld();
    auto text = "far\n" + keyOf(contact, flow);
    const auto known = byContact_.find(text);
    if (known == byContact_.end()) {
        return add({random_.hex(kTokenBytes), contact, flow, {}, false, true}, std::move(text),
                   true)
            ->alias;
    }
    const auto entry = known->second;
    entry->alias.flow = flow;
    touch(entry);
    return entry->alias;
}

void ContactAliases::adopt(const Binding& binding) {
    dropOld();
    if (byToken_.contains(binding.token)) {
        return;
    }
    auto text = keyOf(binding.contact, binding.flow);
    // New dialogs of that Contact may as well use the token that peers know.
    if (const auto known = byContact_.find(text); known != byContact_.end()) {
        byContact_.erase(known);
    }
    add({binding.token, binding.contact, binding.flow, binding.path, true, binding.natted},
        std::move(text), false);
}

const ContactAlias* ContactAliases::find(std::string_view token) {
    dropOld();
    const auto known = byToken_.find(token);
    if (known == byToken_.end()) {
        return nullptr;
    }
    touch(known->second);
    return &known->second->alias;
}

void ContactAliases::touch(Entries::iterator entry) {
    entry->lastUse = clock_.now();
    auto& list = listOf(entry->isFar);
    list.splice(list.begin(), list, entry);
}

void ContactAliases::dropOld() {
    const auto oldest = clock_.now() - kLifetime;
    for (auto* list : {&near_, &far_}) {
        while (!list->empty() && list->back().lastUse < oldest) {
            drop(std::prev(list->end()));
        }
    }
}

void ContactAliases::drop(Entries::iterator entry) {
    byToken_.erase(entry->alias.token);
    if (const auto known = byContact_.find(entry->key);
        known != byContact_.end() && known->second == entry) {
        byContact_.erase(known);
    }
    listOf(entry->isFar).erase(entry);
}

ContactAliases::Entries::iterator ContactAliases::add(ContactAlias alias, std::string key,
                                                      bool isFar) {
    auto& list = listOf(isFar);
    if (list.size() >= capacity_ && !list.empty()) {
        drop(std::prev(list.end()));
    }
    list.push_front({std::move(alias), std::move(key), isFar, clock_.now()});
    const auto entry = list.begin();
    byToken_.emplace(entry->alias.token, entry);
    byContact_.emplace(entry->key, entry);
    return entry;
}

}  // namespace siproxd::registrar
