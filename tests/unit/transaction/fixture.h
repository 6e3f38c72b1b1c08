// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/flow.h"
#include "sip/message.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"
#include "transaction/layer.h"

namespace siproxd::transaction::test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Lines = std::vector<std::string>;

inline constexpr auto kT1 = milliseconds(500);
inline constexpr auto kGiveUp = 64 * kT1;

inline base::SocketAddress address(std::string_view ip, std::uint16_t port) {
    return {base::IpAddress::parse(ip).value_or(base::IpAddress()), port};
}

inline base::Flow udp(std::string_view ip = "10.0.0.5", std::uint16_t port = 5060) {
    return {base::Protocol::Udp, address("10.0.0.1", 5060), address(ip, port), 0};
}

inline base::Flow tcp() {
    return {base::Protocol::Tcp, address("10.0.0.1", 5060), address("10.0.0.5", 40000), 7};
}

inline sip::Message parse(std::string_view text) {
    auto message = sip::Message::parse(text);
    if (!message) {
        throw std::runtime_error(message.error().why + "\n" + std::string(text));
    }
    return std::move(*message);
}

/// What a test wants to differ from a plain request by 10.0.0.5.
struct Spec {
    std::string branch = "z9hG4bKa";
    std::string sentBy = "10.0.0.5:5060";
    std::string viaParams = {};  ///< behind the branch
    std::string uri = "sip:bob@example.org";
    std::string callId = "call-1";
    std::string fromTag = "f1";
    std::string toTag = {};
    unsigned cseq = 1;
    std::string more = {};  ///< whole header lines
    std::string body = {};
};

inline sip::Message request(std::string_view method, const Spec& spec = {}) {
    const std::string branch = spec.branch.empty() ? "" : ";branch=" + spec.branch;
    const std::string toTag = spec.toTag.empty() ? "" : ";tag=" + spec.toTag;
    return parse(fmt::format(
        "{} {} SIP/2.0\r\n"
        "Via: SIP/2.0/UDP {}{}{}\r\n"
        "From: <sip:alice@example.org>;tag={}\r\n"
        "To: <sip:bob@example.org>{}\r\n"
        "Call-ID: {}\r\n"
        "CSeq: {} {}\r\n"
        "Max-Forwards: 70\r\n"
        "{}"
        "Content-Length: {}\r\n\r\n{}",
        method, spec.uri, spec.sentBy, branch, spec.viaParams, spec.fromTag, toTag, spec.callId,
        spec.cseq, method, spec.more, spec.body.size(), spec.body));
}

inline sip::Message answer(const sip::Message& request, int status) {
    return sip::Message::response(request, status, "", "t1");
}

class FakeSender final : public Sender {
public:
    struct Sent {
        std::string bytes;
        base::Flow to;
    };

    base::Result<void> send(std::string_view bytes, const base::Flow& to) override {
        if (broken || (to.connection != 0 && to.connection == closed)) {
            return base::fail("no route to host");
        }
        sent.push_back({std::string(bytes), to});
        return {};
    }

    /// The start lines without their SIP version since the last call.
    Lines take() {
        Lines out;
        for (; taken < sent.size(); ++taken) {
            const auto message = parse(sent[taken].bytes);
            out.push_back(message.isRequest() ? std::string(message.methodName())
                                              : std::to_string(message.status()));
        }
        return out;
    }
    [[nodiscard]] sip::Message last() const { return parse(sent.back().bytes); }

    std::vector<Sent> sent;
    std::size_t taken = 0;
    bool broken = false;
    std::uint64_t closed = 0;  ///< a connection that is gone
};

/// Writes down what it is told; a test may act in the same moment.
class FakeUser final : public User {
public:
    void onRequest(ServerId id, sip::Message request, const base::Flow&) override {
        lines.push_back("request " + std::string(request.methodName()));
        server = id;
        messages.push_back(std::move(request));
        act(atRequest);
    }
    bool mayBeTold(const base::Flow&) override { return tells; }
    void onAck(sip::Message ack, const base::Flow&) override {
        lines.emplace_back("ack");
        messages.push_back(std::move(ack));
    }
    void onCancel(ServerId invite, const sip::Message& cancel) override {
        lines.emplace_back("cancel");
        server = invite;
        messages.push_back(cancel.clone());
        act(atCancel);
    }
    void onResponse(ClientId id, sip::Message response, const base::Flow&) override {
        lines.push_back("response " + std::to_string(response.status()));
        client = id;
        messages.push_back(std::move(response));
        act(atResponse);
    }
    void onFailure(ClientId id, ClientFailure failure) override {
        lines.emplace_back(failure == ClientFailure::Timeout ? "timeout" : "transport error");
        client = id;
        act(atFailure);
    }
    void onDoubt(ClientId id) override {
        lines.emplace_back("doubt");
        client = id;
    }
    void onStrayResponse(sip::Message response, const base::Flow&) override {
        lines.push_back("stray " + std::to_string(response.status()));
    }
    void onServerAnswered(ServerId id, int status) override { answered.emplace_back(id, status); }
    void onServerEnded(ServerId id) override {
        lines.emplace_back("server ended");
        server = id;
        act(atEnd);
    }
    void onClientEnded(ClientId id) override {
        lines.emplace_back("client ended");
        client = id;
        act(atEnd);
    }

    Lines take() { return std::exchange(lines, {}); }

    Lines lines;
    std::vector<sip::Message> messages;
    std::vector<std::pair<ServerId, int>> answered;  ///< not in `lines`
    ServerId server = ServerId::None;  ///< of the last call
    ClientId client = ClientId::None;  ///< of the last call
    std::function<void()> atRequest;
    std::function<void()> atCancel;
    std::function<void()> atResponse;
    std::function<void()> atFailure;
    std::function<void()> atEnd;

    bool tells = true;

private:
    static void act(const std::function<void()>& hook) {
        if (hook) {
            hook();
        }
    }
};

struct Fixture {
    explicit Fixture(std::size_t maxTransactions = 1000)
        : layer(loop, random, sender, user, {}, maxTransactions) {}

    /// A request comes in; the id of its transaction when it is new.
    ServerId receive(std::string_view method, const Spec& spec = {},
                     const base::Flow& from = udp()) {
        layer.receive(request(method, spec), from);
        return user.server;
    }

    /// Sends a request as the proxy does.
    ClientId send(std::string_view method, const base::Flow& to = udp(), Spec spec = {}) {
        spec.branch = layer.newBranch();
        const auto id = layer.send(request(method, spec), to);
        if (!sender.sent.empty()) {
            sentRequest = sender.sent.back().bytes;
        }
        return id;
    }

    /// The peer answers the request of the last send().
    void answerSent(int status, const base::Flow& from = udp()) {
        layer.receive(answer(parse(sentRequest), status), from);
    }

    void respond(ServerId id, int status) {
        layer.respond(id, answer(*layer.serverRequest(id), status));
    }

    /// Nothing may be left when all transactions are over.
    [[nodiscard]] bool idle() const {
        return layer.serverCount() == 0 && layer.clientCount() == 0 && loop.pendingTimers() == 0;
    }

    siproxd::test::FakeLoop loop;
    siproxd::test::FakeRandom random;
    FakeSender sender;
    FakeUser user;
    Layer layer;
    std::string sentRequest;
};

}  // namespace siproxd::transaction::test
