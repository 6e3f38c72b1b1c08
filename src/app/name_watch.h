// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns/resolver.h"
#include "event/loop.h"

namespace siproxd::app {

/// Keeps asking for the addresses of a few host names that the configuration has (host_outbound,
/// access lists): at once, then every minute; sooner while there is no answer. The resolver caches
/// by TTL, so this costs little.
class NameWatch {
public:
    using Callback = std::function<void(const std::string& name, const dns::Addresses& addresses)>;

    /// `callback` runs for every answer, also when nothing has changed.
    NameWatch(event::Loop& loop, dns::Resolver& resolver, std::vector<std::string> names,
              Callback callback);

private:
    struct Name {
        std::string name;
        dns::Query query;
        std::unique_ptr<event::Timer> timer;
    };
    void ask(Name& name);

    dns::Resolver& resolver_;
    Callback callback_;
    std::vector<std::unique_ptr<Name>> names_;
};

}  // namespace siproxd::app
