// SPDX-License-Identifier: GPL-2.0-or-later
/// Datagrams that are not SIP. See plugin.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "host.hpp"

namespace siproxd::api {

/// Datagrams from the SIP socket outside to somebody who answers with datagrams. What is waited for is forgotten when
/// this is destroyed.
class Datagrams {
public:
    /// Gets what has come from there, or nothing when the time is over; true: that was what has been waited for.
    using Came = std::function<bool(std::optional<std::string_view>)>;

    Datagrams(const Host& host, Came came) : host_(host), came_(std::make_shared<const Came>(std::move(came))) {}
    ~Datagrams() { forget(); }
    Datagrams(const Datagrams&) = delete;
    Datagrams& operator=(const Datagrams&) = delete;

    /// `to` as Message::source() gives it. Waits `patience` milliseconds for answers from there, and no longer for those
    /// before. False: it could not be sent.
    bool send(std::string_view to, std::string_view bytes, std::uint32_t patience) {
        forget();
        *id_ = host_.table()->datagram_send(
            host_.self(), detail::z(to).c_str(), bytes.data(), bytes.size(), patience,
            [](void* context, const void* data, std::size_t size) {
                const auto* self = static_cast<const Datagrams*>(context);
                const Host host = self->host_;
                // It may send the next one meanwhile, or be gone.
                const auto came = self->came_;
                const auto number = self->id_;
                try {
                    if (data == nullptr) {
                        *number = 0;
                        (*came)(std::nullopt);
                        return 1;
                    }
                    const auto id = *number;
                    const bool isIt = (*came)(std::string_view(static_cast<const char*>(data), size));
                    if (isIt && *number == id) {
                        *number = 0;
                    }
                    return isIt ? 1 : 0;
                } catch (...) {
                    detail::report(host);
                    return 0;
                }
            },
            this);
        return *id_ != 0;
    }
    /// Sends the same once more; the time to wait goes on. Whether an answer is still waited for.
    bool repeat(std::string_view to, std::string_view bytes) const {
        host_.table()->datagram_send(host_.self(), detail::z(to).c_str(), bytes.data(), bytes.size(), 0, nullptr,
                                     nullptr);
        return *id_ != 0;
    }
    /// Nothing is waited for any more.
    void forget() {
        if (const auto id = std::exchange(*id_, 0); id != 0) {
            host_.table()->datagram_forget(host_.self(), id);
        }
    }

private:
    Host host_;
    std::shared_ptr<const Came> came_;
    std::shared_ptr<std::uint64_t> id_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace siproxd::api
