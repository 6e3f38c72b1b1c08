// SPDX-License-Identifier: GPL-2.0-or-later
// Against the test vectors of RFC 5769.
#include "stun_message.h"

#include <set>

#include "support/catch.h"

namespace {

std::string bytes(std::initializer_list<int> values) {
    std::string out;
    for (const int value : values) {
        out += static_cast<char>(value);
    }
    return out;
}

constexpr stun::TransactionId kId = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

std::string header(int type, std::size_t length) {
    return bytes({type >> 8, type & 0xFF, static_cast<int>(length >> 8), static_cast<int>(length & 0xFF), 0x21, 0x12,
                  0xa4, 0x42}) +
           std::string(kId.begin(), kId.end());
}

std::string message(int type, const std::string& attributes) {
    return header(type, attributes.size()) + attributes;
}

/// §2.2: SOFTWARE, XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT.
std::string sampleV4() {
    return header(0x0101, 0x3c) + bytes({0x80, 0x22, 0x00, 0x0b}) + "test vector " +
           bytes({0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
                  0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3,
                  0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7,
                  0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96});
}

const std::string kOld = bytes({0x00, 0x01, 0x00, 0x08, 0x00, 0x01, 0x13, 0xc4, 192, 0, 2, 9});
const std::string kXor = bytes({0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43});

}  // namespace

TEST_CASE("a Binding request", "[plugin_stun]") {
    CHECK(stun::bindingRequest(kId) == header(0x0001, 0));
    std::set<stun::TransactionId> all;
    for (int i = 0; i < 100; ++i) {
        all.insert(stun::randomId());
    }
    CHECK(all.size() == 100);
}

TEST_CASE("answers of RFC 5769", "[plugin_stun]") {
    const auto v4 = stun::readAnswer(sampleV4(), kId);
    REQUIRE(v4);
    CHECK(v4->ip == "192.0.2.1");
    CHECK(v4->port == 32853);
    CHECK(v4->error == 0);
    const auto v6 = stun::readAnswer(
        message(0x0101, bytes({0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
                               0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9})),
        kId);
    REQUIRE(v6);
    CHECK(v6->ip == "2001:db8:1234:5678:11:2233:4455:6677");
    CHECK(v6->port == 32853);
}

TEST_CASE("what no router has rewritten counts", "[plugin_stun]") {
    CHECK(stun::readAnswer(message(0x0101, kOld), kId)->ip == "192.0.2.9");
    CHECK(stun::readAnswer(message(0x0101, kOld), kId)->port == 5060);
    CHECK(stun::readAnswer(message(0x0101, kOld + kXor), kId)->ip == "192.0.2.1");
    CHECK(stun::readAnswer(message(0x0101, kXor + kOld), kId)->ip == "192.0.2.1");
    auto former = kXor;
    former[0] = static_cast<char>(0x80);
    CHECK(stun::readAnswer(message(0x0101, kOld + former), kId)->ip == "192.0.2.1");
    // SOURCE-ADDRESS and CHANGED-ADDRESS of RFC 3489.
    CHECK(stun::readAnswer(message(0x0101, bytes({0, 4, 0, 8, 0, 1, 13, 150, 192, 0, 2, 8}) + kXor), kId)->ip ==
          "192.0.2.1");
}

TEST_CASE("errors", "[plugin_stun]") {
    const auto answer = stun::readAnswer(message(0x0111, bytes({0, 9, 0, 4, 0, 0, 4, 20}) + kXor), kId);
    REQUIRE(answer);
    CHECK(answer->error == 420);
    CHECK(answer->ip.empty());
    CHECK(stun::readAnswer(message(0x0111, ""), kId)->error == 500);
    CHECK(stun::readAnswer(message(0x0101, ""), kId)->ip.empty());
}

TEST_CASE("what is no answer to that request", "[plugin_stun]") {
    auto other = kId;
    other[11] ^= 1;
    CHECK_FALSE(stun::readAnswer(sampleV4(), other));
    auto broken = sampleV4();
    broken[40] ^= 1;
    CHECK_FALSE(stun::readAnswer(broken, kId));  // FINGERPRINT
    auto cookie = sampleV4();
    cookie[4] ^= 1;
    CHECK_FALSE(stun::readAnswer(cookie, kId));
    CHECK_FALSE(stun::readAnswer(message(0x0001, kXor), kId));
    CHECK_FALSE(stun::readAnswer(message(0x0101, bytes({0x00, 0x33, 0x00, 0x00}) + kXor), kId));
    CHECK_FALSE(stun::readAnswer(message(0x0101, bytes({0x00, 0x20, 0x00, 0x08, 0x00, 0x03, 1, 2, 3, 4, 5, 6})), kId));
    CHECK_FALSE(stun::readAnswer(message(0x0101, bytes({0x00, 0x20, 0x00, 0x04, 0x00, 0x01, 1, 2})), kId));
    CHECK_FALSE(stun::readAnswer(message(0x0101, bytes({0x80, 0x22, 0xff, 0xff})), kId));
    CHECK_FALSE(stun::readAnswer("OPTIONS sip:a@b SIP/2.0\r\n\r\n", kId));
    // Every part of a good one, and with every bit turned, is read without harm.
    const auto whole = sampleV4();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK_FALSE(stun::readAnswer(whole.substr(0, size), kId));
        for (int bit = 0; bit < 8; ++bit) {
            auto turned = whole;
            turned[size] = static_cast<char>(turned[size] ^ (1 << bit));
            static_cast<void>(stun::readAnswer(turned, kId));
        }
    }
}
