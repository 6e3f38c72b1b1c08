// SPDX-License-Identifier: GPL-2.0-or-later
/// Requests of siproxd's own. See plugin.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "host.hpp"
#include "message.hpp"

namespace siproxd::api {

/// Sends requests of siproxd's own, one at a time. It must not outlive the plugin; nothing is called
/// when it is destroyed before the answer comes.
class Client {
public:
    /// Gets the final response, one that siproxd has made when nobody has answered (408, 503).
    using Done = std::function<void(const Message& response)>;

    Client(const Host& host, Done done) : host_(host), done_(std::move(done)) {}
    ~Client() { forget(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// The one that was sent before is forgotten. False: it is not well-formed, or siproxd is not ready.
    [[nodiscard]] bool send(const Request& request) {
        using detail::orNull;
        forget();
        siproxd_request plain{};
        plain.size = sizeof plain;
        plain.cseq = request.cseq;
        plain.method = orNull(request.method);
        plain.uri = orNull(request.uri);
        plain.next_hop = orNull(request.nextHop);
        plain.from = orNull(request.from);
        plain.to = orNull(request.to);
        plain.call_id = orNull(request.callId);
        plain.contact_user = request.contactUser ? request.contactUser->c_str() : nullptr;
        plain.headers = orNull(request.headers);
        plain.label = orNull(request.label);
        plain.user = orNull(request.user);
        plain.password = orNull(request.password);
        plain.realm = orNull(request.realm);
        id_ = host_.table()->request_send(
            host_.self(), &plain,
            [](void* context, siproxd_message* response) {
                auto* client = static_cast<Client*>(context);
                client->id_ = 0;
                const Host host = client->host_;
                try {
                    client->done_(Message(host.table(), response));
                } catch (...) {
                    detail::report(host);
                }
            },
            this);
        return id_ != 0;
    }
    /// The request goes on, but nobody hears of its answer.
    void forget() {
        if (const auto id = std::exchange(id_, 0); id != 0) {
            host_.table()->request_forget(host_.self(), id);
        }
    }
    [[nodiscard]] bool isWaiting() const { return id_ != 0; }

private:
    Host host_;
    Done done_;
    std::uint64_t id_ = 0;
};

}  // namespace siproxd::api
