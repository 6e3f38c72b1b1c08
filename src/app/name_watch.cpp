// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/name_watch.h"

#include "base/log.h"

namespace siproxd::app {

namespace {

constexpr std::chrono::seconds kAgain{60};
constexpr std::chrono::seconds kRetry{5};

}  // namespace

NameWatch::NameWatch(event::Loop& loop, dns::Resolver& resolver, std::vector<std::string> names,
                     Callback callback)
    : resolver_(resolver), callback_(std::move(callback)) {
    for (auto& name : names) {
        names_.push_back(std::make_unique<Name>());
        Name& entry = *names_.back();
        entry.name = std::move(name);
        entry.timer = loop.timer([this, &entry] { ask(entry); });
        ask(entry);
    }
}

void NameWatch::ask(Name& entry) {
    entry.query = resolver_.resolve(
        entry.name, base::Family::None, [this, &entry](const dns::Answer& answer) {
            entry.timer->start(answer ? kAgain : kRetry);
            if (answer) {
                callback_(entry.name, *answer);
            } else {
                log::warningFromPeer("configured host {} cannot be resolved: {}", entry.name,
                                     answer.error().message);
            }
        });
}

}  // namespace siproxd::app
