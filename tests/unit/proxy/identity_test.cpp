// SPDX-License-Identifier: GPL-2.0-or-later
// Calls that go through a gateway: under another name, with a password of ours.
#include "access/challenge.h"
#include "harness.h"
#include "probe.h"
#include "support/log_spy.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

const auto kGateway = at("198.51.100.1");
constexpr const char* kGatewayUri = "sip:+4420@gw.example";

/// Sends the first INVITE of every call to a gateway.
struct GatewayHouse {
    GatewayHouse() {
        house.locator.table["gw.example"] = {kGateway.ip};
        house.locator.table["gw2.example"] = {ip("198.51.100.2")};
        gateway.size = sizeof gateway;
        gateway.uri = kGatewayUri;
        gateway.next_hop = "sip:gw.example";
        gateway.label = "the gateway";
        gateway.user = "acme";
        gateway.password = "secret";
    }

    Sent call() {
        house.fromInside(fromAlice("INVITE", "sip:bob@example.net", 5)
                             .add("Proxy-Authorization", "Digest username=\"alice\", realm=\"home\""));
        return house.takeOutside();
    }
    /// The gateway wants a password.
    void challenge(const Sent& request, int status = 407, const std::string& realm = "gw",
                   const std::string& params = "") {
        house.fromOutside(with(answerTo(request, status),
                               status == 407 ? "Proxy-Authenticate" : "WWW-Authenticate",
                               "Digest realm=\"" + realm + "\", nonce=\"n1\", qop=\"auth\"" + params),
                          request.flow.remote);
    }
    /// What comes after a challenge, the ACK to it aside.
    Sent again() {
        auto all = house.take();
        std::erase_if(all, [](const Sent& sent) { return sent.message.method() == sip::Method::Ack; });
        REQUIRE(all.size() == 1);
        return std::move(all.front());
    }
    /// A call that has been challenged and answered; `invite` is the second one.
    Sent answered() {
        challenge(call());
        auto invite = again();
        house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:gw@198.51.100.1>"), kGateway);
        accepted = std::make_unique<Sent>(house.takeInside());
        house.fromInside(within("ACK", 5));
        ack = std::make_unique<Sent>(house.takeOutside());
        return invite;
    }
    [[nodiscard]] Draft within(const std::string& method, int cseq,
                               const std::string& uri = "sip:gw@198.51.100.1") const {
        return fromAlice(method, uri, cseq)
            .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-in-" + method +
                            std::to_string(cseq))
            .set("To", "<sip:bob@example.net>;tag=t1")
            .set("Route", "<sip:siproxd@10.0.0.1:5060;lr>");
    }
    /// A request of the gateway in the call.
    [[nodiscard]] static Draft back(const Sent& invite, const std::string& method, int cseq) {
        return forAlice(method, invite.contact().toString(), cseq)
            .set("From", "<" + invite.message.to().uri.toString() + ">;tag=t1")
            .set("To", "<" + invite.message.from().uri.toString() + ">;tag=a1")
            .set("Call-ID", "out1");
    }
    bool endsQuietly() {
        house.fromInside(within("BYE", 9));
        house.fromOutside(answerTo(house.takeOutside(), 200), kGateway);
        return house.isQuiet();
    }

    House house;
    siproxd_target gateway{};
    std::vector<siproxd_target> more;
    std::vector<std::string> labels;
    Probe probe{house, SIPROXD_STAGE_DETERMINE_TARGET, [this](const auto& host, auto* message) {
                    const auto* label = host.msg_label(message);
                    labels.emplace_back(label == nullptr ? "" : label);
                    if (std::string_view(host.msg_method(message)) != "INVITE" || label != nullptr ||
                        host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag") != nullptr) {
                        return static_cast<int>(SIPROXD_CONTINUE);
                    }
                    for (const auto& other : more) {
                        host.retarget_to(message, &other);
                    }
                    return host.retarget_to(message, &gateway);
                }};
    std::unique_ptr<Sent> accepted;
    std::unique_ptr<Sent> ack;
};

bool hasPassword(const Sent& request, const std::string& header = "Proxy-Authorization") {
    const auto fields = request.message.headers(header);
    if (fields.size() != 1) {
        return false;
    }
    const auto credentials = access::Credentials::parse(fields.front());
    return credentials && credentials->username == "acme" &&
           credentials->uri == request.message.requestUriText() &&
           credentials->proves(request.message.methodName(),
                               access::ha1Of(access::Algorithm::Md5, "acme", credentials->realm,
                                             "secret"));
}

}  // namespace

TEST_CASE("a gateway's challenge is answered, and the phone hears nothing of it", "[proxy]") {
    GatewayHouse f;
    const bool isProxy = GENERATE(true, false);
    const auto first = f.call();
    CHECK(first.flow.remote == kGateway);
    CHECK(first.message.requestUriText() == kGatewayUri);
    CHECK(first.message.headers("Proxy-Authorization").empty());
    f.challenge(first, isProxy ? 407 : 401);
    const auto second = f.again();
    CHECK(second.flow.remote == kGateway);
    CHECK(hasPassword(second, isProxy ? "Proxy-Authorization" : "Authorization"));
    CHECK(second.message.cseq().number == 6);
    CHECK(second.message.callId() == first.message.callId());
    CHECK(second.message.via()->branch() != first.message.via()->branch());
    CHECK(showsNothingInside(second));
    f.house.fromOutside(with(answerTo(second, 200), "Contact", "<sip:gw@198.51.100.1>"), kGateway);
    const auto answer = f.house.takeInside();
    CHECK(answer.message.status() == 200);
    CHECK(answer.message.cseq().number == 5);
    f.house.fromInside(f.within("ACK", 5));
    CHECK(f.house.takeOutside().message.cseq().number == 6);
    CHECK(f.endsQuietly());
}

TEST_CASE("requests of the phone stay ahead of those that were challenged", "[proxy]") {
    GatewayHouse f;
    f.answered();
    f.house.fromInside(f.within("INFO", 6));
    const auto info = f.house.takeOutside();
    CHECK(info.message.cseq().number == 7);
    f.challenge(info);
    const auto again = f.again();
    CHECK(again.message.cseq().number == 8);
    CHECK(hasPassword(again));
    f.house.fromOutside(answerTo(again, 200), kGateway);
    const auto done = f.house.takeInside();
    CHECK(done.message.status() == 200);
    CHECK(done.message.cseq().number == 6);
    f.house.fromInside(f.within("INVITE", 7));
    const auto reinvite = f.house.takeOutside();
    CHECK(reinvite.message.cseq().number == 9);
    f.house.fromOutside(with(answerTo(reinvite, 200), "Contact", "<sip:gw@198.51.100.1>"), kGateway);
    CHECK(f.house.takeInside().message.cseq().number == 7);
    f.house.fromInside(f.within("ACK", 7));
    CHECK(f.house.takeOutside().message.cseq().number == 9);
    CHECK(f.endsQuietly());
}

TEST_CASE("a PRACK names the INVITE by the number that the gateway knows", "[proxy]") {
    GatewayHouse f;
    f.challenge(f.call());
    const auto invite = f.again();
    f.house.fromOutside(with(with(answerTo(invite, 183), "RSeq", "1"), "Contact",
                             "<sip:gw@198.51.100.1>"),
                        kGateway);
    CHECK(f.house.takeInside().message.cseq().number == 5);
    f.house.fromInside(f.within("PRACK", 6).add("RAck", "1 5 INVITE"));
    const auto prack = f.house.takeOutside();
    CHECK(prack.message.header("RAck") == "1 6 INVITE");
    CHECK(prack.message.cseq().number == 7);
    f.house.fromOutside(answerTo(prack, 200), kGateway);
    CHECK(f.house.takeInside().message.cseq().number == 6);
    f.house.fromOutside(answerTo(invite, 486), kGateway);
    CHECK(f.house.isQuiet());
}

TEST_CASE("a wrong password is nobody's business but ours", "[proxy]") {
    GatewayHouse f;
    const test::LogSpy spy;
    auto other = f.gateway;
    other.uri = "sip:+4420@gw2.example";
    other.next_hop = "sip:gw2.example";
    other.label = "the other";
    other.rank = 1;
    other.after = SIPROXD_AFTER_FAILURE;
    const bool hasOther = GENERATE(true, false);
    if (hasOther) {
        f.more = {other};
    }
    f.challenge(f.call());
    f.challenge(f.again());
    CHECK(spy.has("the gateway does not take the password of acme"));
    if (hasOther) {
        const auto second = f.again();
        CHECK(second.flow.remote == at("198.51.100.2"));
        CHECK(second.message.cseq().number == 5);
        CHECK(second.message.headers("Proxy-Authorization").empty());
        f.house.fromOutside(answerTo(second, 486), second.flow.remote);
        CHECK(f.house.takeInside().message.status() == 486);
    } else {
        const auto answer = f.house.takeInside();
        CHECK(answer.message.status() == 500);
        CHECK(answer.message.headers("Proxy-Authenticate").empty());
    }
    CHECK(f.house.isQuiet());
}

TEST_CASE("a stale nonce is one more try", "[proxy]") {
    GatewayHouse f;
    f.challenge(f.call());
    f.challenge(f.again(), 407, "gw", ", stale=true");
    const auto third = f.again();
    CHECK(hasPassword(third));
    CHECK(third.message.cseq().number == 7);
    f.challenge(third, 407, "gw", ", stale=true");
    CHECK(f.house.takeInside().message.status() == 500);
    CHECK(f.house.isQuiet());
}

TEST_CASE("a password is for one realm", "[proxy]") {
    GatewayHouse f;
    const test::LogSpy spy;
    SECTION("the one that is configured") {
        f.gateway.realm = "mine";
        f.challenge(f.call(), 407, "gw");
    }
    SECTION("or the one that has taken it") {
        f.answered();
        CHECK(f.endsQuietly());
        f.house.fromInside(fromAlice("INVITE", "sip:bob@example.net", 20).set("Call-ID", "out2"));
        f.challenge(f.house.takeOutside(), 407, "elsewhere");
    }
    CHECK(f.house.takeInside().message.status() == 500);
    CHECK(spy.has("asks for a password in a way or a realm that is not known"));
    CHECK(f.house.isQuiet());
}

TEST_CASE("a password goes to the gateway and nowhere else", "[proxy]") {
    GatewayHouse f;
    const test::LogSpy spy;
    SECTION("not where its Contact leads to") {
        const auto invite = f.call();
        f.house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:gw@192.0.2.99>"), kGateway);
        f.house.takeInside();
        f.house.fromInside(f.within("ACK", 5, "sip:gw@192.0.2.99"));
        f.house.takeOutside();
        f.house.fromInside(f.within("BYE", 6, "sip:gw@192.0.2.99"));
        const auto bye = f.house.takeOutside();
        CHECK(bye.flow.remote == at("192.0.2.99"));
        f.challenge(bye);
        CHECK(spy.has("which is not it"));
    }
    SECTION("not to who answers in its name") {
        const auto invite = f.call();
        f.house.fromOutside(with(answerTo(invite, 407), "Proxy-Authenticate",
                                 "Digest realm=\"gw\", nonce=\"n\""),
                            at("192.0.2.99"));
        CHECK(spy.has("which is not it"));
    }
    const auto answer = f.house.takeInside();
    CHECK(answer.message.status() == 500);
    CHECK(answer.message.headers("Proxy-Authenticate").empty());
    f.house.loop.advance(400s);
    f.house.take();
}

TEST_CASE("the gateway sees the names that it wants, the phone its own", "[proxy]") {
    GatewayHouse f;
    f.gateway.from = "sip:acme@gw.example";
    f.gateway.to = kGatewayUri;
    const auto invite = f.answered();
    CHECK(invite.message.from().uri.toString() == "sip:acme@gw.example");
    CHECK(invite.message.fromTag() == "a1");
    CHECK(invite.message.to().uri.toString() == kGatewayUri);
    CHECK(f.accepted->message.from().uri.toString() == "sip:alice@example.org");
    CHECK(f.accepted->message.to().uri.toString() == "sip:bob@example.net");
    CHECK(f.accepted->message.toTag() == "t1");
    CHECK(f.ack->message.from().uri.toString() == "sip:acme@gw.example");
    CHECK(f.ack->message.to().uri.toString() == kGatewayUri);
    f.house.fromOutside(GatewayHouse::back(invite, "INFO", 3), kGateway);
    const auto info = f.house.takeInside();
    CHECK(info.message.from().uri.toString() == "sip:bob@example.net");
    CHECK(info.message.to().uri.toString() == "sip:alice@example.org");
    CHECK(info.message.cseq().number == 3);
    f.house.fromInside(answerTo(info, 200));
    const auto told = f.house.takeOutside();
    CHECK(told.message.from().uri.toString() == kGatewayUri);
    CHECK(told.message.to().uri.toString() == "sip:acme@gw.example");
    CHECK(told.message.toTag() == "a1");
    CHECK(f.endsQuietly());
}

TEST_CASE("a call through a gateway that is ended here ends under the same names", "[proxy]") {
    GatewayHouse f;
    f.gateway.from = "sip:acme@gw.example";
    f.gateway.to = kGatewayUri;
    f.challenge(f.call());
    const auto invite = f.again();
    f.house.fromOutside(with(with(answerTo(invite, 200), "Contact", "<sip:gw@198.51.100.1>"),
                             "Session-Expires", "90;refresher=uas"),
                        kGateway);
    f.house.takeInside();
    f.house.fromInside(f.within("ACK", 5));
    f.house.takeOutside();
    f.house.loop.advance(200s);
    f.house.proxy->tick();
    auto byes = f.house.take();
    REQUIRE(byes.size() == 2);
    if (byes[0].flow.remote != kGateway) {
        std::swap(byes[0], byes[1]);
    }
    CHECK(byes[0].flow.remote == kGateway);
    CHECK(byes[0].message.from().uri.toString() == "sip:acme@gw.example");
    CHECK(byes[0].message.to().uri.toString() == kGatewayUri);
    CHECK(byes[0].message.cseq().number == 7);
    CHECK(byes[1].message.from().uri.toString() == "sip:bob@example.net");
    CHECK(byes[1].message.to().uri.toString() == "sip:alice@example.org");
    f.challenge(byes[0]);
    const auto again = f.again();
    CHECK(hasPassword(again));
    CHECK(again.message.cseq().number == 8);
    f.house.fromOutside(answerTo(again, 200), kGateway);
    f.house.fromInside(answerTo(byes[1], 200));
    CHECK(f.house.isQuiet());
}

TEST_CASE("who calls from a gateway's address, or by the Contact that it was told, is known", "[proxy]") {
    GatewayHouse f;
    f.answered();
    CHECK(f.endsQuietly());
    f.labels.clear();
    f.house.fromOutside(forAlice("INVITE", "sip:12345@203.0.113.1").set("To", "<sip:12345@x.example>"),
                        kGateway);
    CHECK(f.labels == std::vector<std::string>{"the gateway"});
    CHECK(f.house.takeOne().message.status() == 408);
    f.house.fromOutside(
        forAlice("INVITE", "sip:12345@203.0.113.1", 2).set("To", "<sip:12345@x.example>"),
        at("198.51.100.77"));
    CHECK(f.labels.back().empty());
    f.house.take();
    CHECK(f.house.isQuiet());
}

TEST_CASE("who calls a phone that is registered with the gateway's provider is not the gateway", "[proxy]") {
    GatewayHouse f;
    const auto contact = f.house.enrol();
    f.answered();
    CHECK(f.endsQuietly());
    f.labels.clear();
    f.house.fromOutside(forAlice("INVITE", contact.toString()), kGateway);
    REQUIRE(f.labels.size() == 1);
    CHECK(f.labels[0].empty());
    f.house.take();
}

TEST_CASE("a phone that answers instead of the gateway is not addressed as that", "[proxy]") {
    GatewayHouse f;
    siproxd_target bob{};
    bob.size = sizeof bob;
    bob.uri = "sip:bob@198.51.100.3";
    f.more = {bob};
    f.house.fromInside(fromAlice("INVITE", "sip:bob@example.net", 5));
    auto both = f.house.take();
    std::erase_if(both, [](const Sent& sent) { return !sent.message.isRequest(); });
    REQUIRE(both.size() == 2);
    const bool isFirst = both[0].flow.remote == kGateway;
    const auto& phone = both[isFirst ? 1 : 0];
    f.challenge(both[isFirst ? 0 : 1]);
    const auto again = f.again();
    f.house.fromOutside(answerTo(again, 180), kGateway);
    f.house.take();
    f.house.fromOutside(with(answerTo(phone, 200), "Contact", "<sip:bob@198.51.100.3>"), at("198.51.100.3"));
    f.house.take();
    f.house.fromInside(f.within("ACK", 5, "sip:bob@198.51.100.3"));
    const auto ack = f.house.takeOutside();
    CHECK(ack.flow.remote == at("198.51.100.3"));
    CHECK(ack.message.cseq().number == 5);
}
