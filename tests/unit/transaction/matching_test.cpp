// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/matching.h"

#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

namespace {

std::string keyOf(std::string_view method, const Spec& spec, std::string_view asMethod = {}) {
    const auto message = request(method, spec);
    return serverKey(message, *message.via(), asMethod.empty() ? method : asMethod);
}

}  // namespace

TEST_CASE("branch, sent-by and method make a transaction", "[transaction]") {
    const auto key = keyOf("OPTIONS", {});
    CHECK(key == keyOf("OPTIONS", {}));
    CHECK(key != keyOf("OPTIONS", {.branch = "z9hG4bKb"}));
    CHECK(key != keyOf("OPTIONS", {.sentBy = "10.0.0.6:5060"}));
    CHECK(key != keyOf("OPTIONS", {.sentBy = "10.0.0.5:5070"}));
    CHECK(key != keyOf("INFO", {}));
    CHECK(key != keyOf("X-OTHER", {}));
    CHECK(keyOf("X-OTHER", {}) != keyOf("X-ELSE", {}));
}

TEST_CASE("how sent-by is written does not matter", "[transaction]") {
    CHECK(keyOf("BYE", {.sentBy = "10.0.0.5"}) == keyOf("BYE", {.sentBy = "10.0.0.5:5060"}));
    CHECK(keyOf("BYE", {.sentBy = "Host.Example"}) == keyOf("BYE", {.sentBy = "host.example"}));
}

TEST_CASE("tags, URI and Via parameters do not count behind the cookie", "[transaction]") {
    CHECK(keyOf("BYE", {}) == keyOf("BYE", {.viaParams = ";rport",
                                            .uri = "sip:else@example.net",
                                            .fromTag = "f2",
                                            .toTag = "t2"}));
}

TEST_CASE("a branch used twice does not make a retransmission", "[transaction]") {
    CHECK(keyOf("REGISTER", {.cseq = 1}) != keyOf("REGISTER", {.cseq = 2}));
    CHECK(keyOf("REGISTER", {.callId = "a"}) != keyOf("REGISTER", {.callId = "b"}));
}

TEST_CASE("ACK and CANCEL find their INVITE", "[transaction]") {
    const auto branch = GENERATE("z9hG4bKa", "1", "");
    const auto key = keyOf("INVITE", {.branch = branch});
    CHECK(key == keyOf("ACK", {.branch = branch, .toTag = "t1"}, "INVITE"));
    CHECK(key == keyOf("CANCEL", {.branch = branch}, "INVITE"));
    CHECK(key != keyOf("CANCEL", {.branch = branch}));
}

TEST_CASE("without the cookie everything but the To tag counts", "[transaction]") {
    const Spec plain{.branch = "1"};
    const auto key = keyOf("INVITE", plain);
    CHECK(key == keyOf("INVITE", {.branch = "1", .toTag = "t1"}));
    CHECK(key != keyOf("INVITE", {.branch = "2"}));
    CHECK(key != keyOf("INVITE", {.branch = "1", .sentBy = "10.0.0.6"}));
    CHECK(key != keyOf("INVITE", {.branch = "1", .viaParams = ";x"}));
    CHECK(key != keyOf("INVITE", {.branch = "1", .uri = "sip:else@example.org"}));
    CHECK(key != keyOf("INVITE", {.branch = "1", .callId = "call-2"}));
    CHECK(key != keyOf("INVITE", {.branch = "1", .fromTag = "f2"}));
    CHECK(key != keyOf("INVITE", {.branch = "1", .cseq = 2}));
    CHECK(key != keyOf("OPTIONS", plain));
}

TEST_CASE("a whole call of an RFC 2543 phone is matched", "[transaction]") {
    Fixture f;
    const Spec old{.branch = "", .sentBy = "10.0.0.5", .viaParams = ";rport"};
    const auto id = f.receive("INVITE", old, udp("10.0.0.77", 1024));
    f.receive("INVITE", old, udp("10.0.0.77", 1024));
    CHECK(f.user.take() == Lines{"request INVITE"});
    f.receive("CANCEL", old, udp("10.0.0.77", 1024));
    CHECK(f.sender.take() == Lines{"200"});
    CHECK(f.user.take() == Lines{"cancel"});
    f.respond(id, 487);
    Spec ack = old;
    ack.toTag = "t1";
    f.receive("ACK", ack, udp("10.0.0.77", 1024));
    CHECK(f.user.take().empty());
    f.loop.advance(seconds(5));
    CHECK(f.user.take() == Lines{"server ended"});
    f.loop.advance(kGiveUp);
    CHECK(f.idle());
}

TEST_CASE("a response matches by branch and CSeq method", "[transaction]") {
    Fixture f;
    f.send("OPTIONS");
    auto response = answer(parse(f.sentRequest), 200);
    SECTION("another method") { response.setCSeq({1, "INFO"}); }
    SECTION("another branch") {
        auto via = *response.via();
        via.params.set("branch", "z9hG4bKother");
        response.setVia(0, via);
    }
    f.layer.receive(parse(response.serialize()), udp());
    CHECK(f.user.take() == Lines{"stray 200"});
}
