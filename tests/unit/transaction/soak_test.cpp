// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>

#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

namespace {

/// A network and a user without manners: what they do is rolled with dice, alike in every run.
class Chaos {
public:
    explicit Chaos(std::size_t maxTransactions) : f_(maxTransactions) {
        for (auto* hook : {&f_.user.atRequest, &f_.user.atCancel, &f_.user.atResponse,
                           &f_.user.atFailure, &f_.user.atEnd}) {
            *hook = [this] { userActs(); };
        }
    }

    void run(int steps) {
        for (int i = 0; i < steps; ++i) {
            f_.sender.broken = dice_.below(10) == 0;
            networkActs();
            if (dice_.below(4) == 0) {
                f_.loop.advance(milliseconds(dice_.below(3000)));
            }
            f_.user.messages.clear();
            f_.user.lines.clear();
        }
    }

    /// Answers what the user has left open, and waits.
    bool settles() {
        quiet_ = true;
        for (const auto id : servers_) {
            f_.layer.respond(id, answer(request("OPTIONS"), 500));
        }
        for (const auto id : clients_) {
            f_.layer.cancel(id);
        }
        f_.loop.advance(kGiveUp);
        f_.loop.advance(kGiveUp);
        quiet_ = false;
        return f_.idle();
    }

private:
    base::Flow flow() { return dice_.below(3) == 0 ? tcp() : udp(); }

    template <class Id>
    Id any(const std::vector<Id>& ids) {
        return ids.empty() ? Id::None : ids[dice_.below(static_cast<std::uint32_t>(ids.size()))];
    }

    void networkActs() {
        static constexpr std::array kMethods{"INVITE", "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"};
        const auto number = dice_.below(40);
        if (dice_.below(2) == 0 || f_.sender.sent.empty()) {
            f_.receive(kMethods[dice_.below(kMethods.size())],
                       {.branch = (number % 2 == 0 ? "z9hG4bK" : "") + std::to_string(number)},
                       flow());
            return;
        }
        const auto recent = std::min<std::size_t>(f_.sender.sent.size(), 30);
        const auto& sent = f_.sender.sent[f_.sender.sent.size() - 1 -
                                          dice_.below(static_cast<std::uint32_t>(recent))];
        const auto message = parse(sent.bytes);
        if (message.isRequest() && message.method() != sip::Method::Ack) {
            f_.layer.receive(answer(message, status()), sent.to);
        }
    }

    int status() {
        static constexpr std::array kStatus{100, 180, 183, 200, 200, 302, 404, 486, 487, 603};
        return kStatus[dice_.below(kStatus.size())];
    }

    void userActs() {
        if (f_.user.server != ServerId::None) {
            servers_.push_back(f_.user.server);
        }
        if (++nested_ < 4 && !quiet_) {
            for (auto n = dice_.below(3); n > 0; --n) {
                userActsOnce();
            }
        }
        --nested_;
    }

    void userActsOnce() {
        switch (dice_.below(6)) {
            case 0: f_.layer.respond(any(servers_), answer(request("INVITE"), status())); break;
            case 1: f_.layer.sendTrying(any(servers_)); break;
            case 2: f_.layer.abandon(any(servers_)); break;
            case 3: clients_.push_back(f_.send("INVITE", flow())); break;
            case 4: clients_.push_back(f_.send("OPTIONS", flow())); break;
            default: f_.layer.cancel(any(clients_)); break;
        }
    }

    Fixture f_;
    siproxd::test::FakeRandom dice_;
    std::vector<ServerId> servers_;
    std::vector<ClientId> clients_;
    int nested_ = 0;
    bool quiet_ = false;
};

}  // namespace

TEST_CASE("whatever peers and user do, everything ends", "[transaction]") {
    Chaos chaos(GENERATE(1000, 10));
    for (int round = 0; round < 4; ++round) {
        chaos.run(500);
        CHECK(chaos.settles());
    }
}
