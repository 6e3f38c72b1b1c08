// SPDX-License-Identifier: GPL-2.0-or-later
/// Questions to the name servers. See plugin.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host.hpp"

namespace siproxd::api {

/// A NAPTR record (RFC 3403).
struct Naptr {
    std::uint32_t order = 0;
    std::uint32_t preference = 0;
    std::string flags;
    std::string service;
    std::string regexp;       ///< `!pattern!replacement!flags`; empty: there is none
    std::string replacement;  ///< a host name
};

/// A question to the name servers, forgotten when this is destroyed.
class Lookup {
public:
    explicit Lookup(const Host& host) : host_(host) {}
    ~Lookup() { forget(); }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    /// `done` gets none when there are none, or none could be found. False: siproxd is not ready. The question before
    /// is forgotten.
    bool addresses(std::string_view name, std::function<void(std::vector<std::string>)> done) {
        forget();
        addresses_ = std::move(done);
        id_ = host_.table()->dns_addresses(
            host_.self(), detail::z(name).c_str(),
            [](void* context, const char* const* ips, std::size_t count, const char*) {
                auto* lookup = static_cast<Lookup*>(context);
                lookup->answered([&] {
                    const auto call = std::move(lookup->addresses_);
                    call(std::vector<std::string>(ips, ips + count));
                });
            },
            this);
        return id_ != 0;
    }
    /// Likewise for NAPTR records, best first.
    bool naptr(std::string_view name, std::function<void(std::vector<Naptr>)> done) {
        forget();
        naptr_ = std::move(done);
        id_ = host_.table()->dns_naptr(
            host_.self(), detail::z(name).c_str(),
            [](void* context, const siproxd_naptr* records, std::size_t count, const char*) {
                auto* lookup = static_cast<Lookup*>(context);
                lookup->answered([&] {
                    std::vector<Naptr> all;
                    for (std::size_t i = 0; i < count; ++i) {
                        all.push_back({records[i].order, records[i].preference, records[i].flags,
                                       records[i].service, records[i].regexp, records[i].replacement});
                    }
                    const auto call = std::move(lookup->naptr_);
                    call(std::move(all));
                });
            },
            this);
        return id_ != 0;
    }
    /// Nobody hears of the answer any more.
    void forget() {
        if (const auto id = std::exchange(id_, 0); id != 0) {
            host_.table()->dns_forget(host_.self(), id);
        }
    }

private:
    /// The lookup may be destroyed by who is told.
    template <class Body>
    void answered(const Body& body) {
        id_ = 0;
        const Host host = host_;
        try {
            body();
        } catch (...) {
            detail::report(host);
        }
    }

    Host host_;
    std::function<void(std::vector<std::string>)> addresses_;
    std::function<void(std::vector<Naptr>)> naptr_;
    std::uint64_t id_ = 0;
};

}  // namespace siproxd::api
