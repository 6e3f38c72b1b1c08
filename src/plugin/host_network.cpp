// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins ask of the network: names, datagrams, and who we are outside.
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "plugin/handles.h"
#include "plugin/services.h"

namespace siproxd::plugin {

namespace {

/// Calls into the plugin, if it is still there.
template <class Body>
void callBack(siproxd_self* self, const std::weak_ptr<int>& alive, const char* place, const Body& body) {
    if (!alive.expired()) {
        self->call(place, body);
    }
}

std::uint64_t addresses(siproxd_self* self, const char* name,
                        void (*done)(void* context, const char* const* ips, std::size_t count, const char* why),
                        void* context) noexcept {
    if (self->services == nullptr || done == nullptr) {
        return 0;
    }
    return self->services->askAddresses(
        view(name), [self, done, context, alive = std::weak_ptr(self->alive)](const dns::Answer& answer) {
            std::vector<std::string> texts;
            if (answer) {
                for (const auto& ip : *answer) {
                    texts.push_back(ip.toString());
                }
            }
            std::vector<const char*> ips;
            for (const auto& text : texts) {
                ips.push_back(text.c_str());
            }
            callBack(self, alive, "addresses of a host", [&] {
                done(context, ips.data(), ips.size(), answer ? nullptr : answer.error().message.c_str());
            });
        });
}

std::uint64_t naptr(siproxd_self* self, const char* name,
                    void (*done)(void* context, const siproxd_naptr* records, std::size_t count,
                                 const char* why),
                    void* context) noexcept {
    if (self->services == nullptr || done == nullptr) {
        return 0;
    }
    return self->services->askNaptr(
        view(name),
        [self, done, context, alive = std::weak_ptr(self->alive)](const dns::RecordAnswer& answer) {
            std::vector<siproxd_naptr> shown;
            const dns::NaptrRecords none;
            const auto* records = answer ? std::get_if<dns::NaptrRecords>(&*answer) : nullptr;
            for (const auto& record : records != nullptr ? *records : none) {
                shown.push_back({.size = sizeof(siproxd_naptr),
                                 .order = record.order,
                                 .preference = record.preference,
                                 .flags = record.flags.c_str(),
                                 .service = record.service.c_str(),
                                 .regexp = record.regexp.c_str(),
                                 .replacement = record.replacement.c_str()});
            }
            callBack(self, alive, "NAPTR records", [&] {
                done(context, shown.data(), shown.size(),
                     answer ? nullptr : answer.error().message.c_str());
            });
        });
}

void forgetQuestion(siproxd_self* self, std::uint64_t question) noexcept {
    if (self->services != nullptr) {
        self->services->forgetQuestion(question);
    }
}

std::uint64_t sendDatagram(siproxd_self* self, const char* address, const void* data, std::size_t size,
                           std::uint32_t patience,
                           int (*came)(void* context, const void* data, std::size_t size),
                           void* context) noexcept {
    const auto to = base::SocketAddress::parse(view(address));
    if (!to || self->services == nullptr || (data == nullptr && size > 0)) {
        return 0;
    }
    DatagramCallback callback;
    if (came != nullptr) {
        callback = [self, came, context, alive = std::weak_ptr(self->alive)](
                       std::optional<std::string_view> bytes) {
            bool isIt = false;
            callBack(self, alive, "a datagram", [&] {
                isIt = came(context, bytes ? bytes->data() : nullptr, bytes ? bytes->size() : 0) != 0;
            });
            return isIt || alive.expired();
        };
    }
    return self->services->sendDatagram(*to, {static_cast<const char*>(data), size},
                                        std::chrono::milliseconds(patience), std::move(callback));
}

void forgetDatagram(siproxd_self* self, std::uint64_t id) noexcept {
    if (self->services != nullptr) {
        self->services->forgetDatagram(id);
    }
}

int announce(siproxd_self* self, const char* ip) noexcept {
    const auto address = ip == nullptr ? std::nullopt : base::IpAddress::parse(ip);
    const bool isSound = ip == nullptr || (address && !address->isUnspecified() && !address->isMulticast());
    return isSound && self->services != nullptr && self->services->announce(address) ? kDone : kNotDone;
}

}  // namespace

void fillNetworkFunctions(siproxd_host& table) {
    table.dns_addresses = addresses;
    table.dns_naptr = naptr;
    table.dns_forget = forgetQuestion;
    table.datagram_send = sendDatagram;
    table.datagram_forget = forgetDatagram;
    table.announce = announce;
}

}  // namespace siproxd::plugin
