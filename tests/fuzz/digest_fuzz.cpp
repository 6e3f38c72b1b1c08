// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>

#include "access/authenticator.h"
#include "access/challenge.h"
#include "access/credentials.h"
#include "demand.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

using namespace siproxd;
using fuzz::demand;

namespace {

/// Nobody's credentials must ever be taken for a user's.
void checkNoEntry(std::string_view text) {
    test::FakeRandom random;
    test::FakeLoop loop;
    access::Authenticator authenticator(
        {.realm = "home"}, access::Users::withOnePassword("home", "a secret nobody guesses"),
        random, loop);
    const std::array fields{std::string(text)};
    const auto verdict = authenticator.check({.method = "REGISTER",
                                              .uri = "sip:home.test",
                                              .source = *base::IpAddress::parse("192.0.2.1"),
                                              .credentials = fields});
    demand(verdict.outcome == access::Authenticator::Outcome::Challenge, "strangers stay outside");
    demand(!verdict.proven, "a nonce cannot be made up");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::text(data, size);
    if (const auto credentials = access::Credentials::parse(text)) {
        const auto written = credentials->toString();
        // Escaping can make a field longer than the limit.
        if (const auto again = access::Credentials::parse(written);
            again || written.size() <= 4096) {
            demand(again && *again == *credentials, "credentials stay what they are");
        }
        demand(credentials->isFor(credentials->uri), "a URI is itself");
        demand(!credentials->proves("INVITE", ""), "no secret proves nothing");
    } else {
        demand(!credentials.error().why.empty(), "an error says what it is");
    }
    if (const auto challenge = access::Challenge::parse(text)) {
        const auto written = challenge->toString();
        if (const auto again = access::Challenge::parse(written); again || written.size() <= 4096) {
            demand(again && *again == *challenge, "a challenge stays what it is");
        }
        const auto answered = access::answer(*challenge, {.user = "u",
                                                          .password = "p",
                                                          .method = "INVITE",
                                                          .uri = "sip:r",
                                                          .nonceCount = 1,
                                                          .cnonce = "c"});
        demand(answered.proves("INVITE",
                               access::ha1Of(challenge->algorithm, "u", challenge->realm, "p")),
               "an answer proves the secret");
    }
    checkNoEntry(text);
    return 0;
}
