// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/registration_file.h"

#include <algorithm>

#include "fixture.h"

using namespace siproxd;
using namespace siproxd::test;
using registrar::Binding;
using registrar::decode;
using registrar::encode;

namespace {

constexpr const char* kActive = "****:1:1795310999\n"
                                "sip:alice-ext@192.168.1.10:5062;line=abc;ob\n"
                                "sip:alice@203.0.113.1\n"
                                "sip:alice@sip.example.test\n";

std::string empties(int count, const char* line = "****:0:0\n") {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += line;
    }
    return text;
}

Binding alice() {
    Binding binding;
    binding.token = "0123456789abcdef";
    binding.aor = uri("sip:alice@sip.example.test");
    binding.contact = uri("sip:alice-ext@192.168.1.10:5062;line=abc;ob");
    binding.masqueraded = uri("sip:alice@203.0.113.1;siproxd=0123456789abcdef");
    binding.flow.remote = at("192.168.1.10", 5062);
    binding.flow.local = at("192.168.1.1");
    binding.provider = at("2001:db8::50", 5070);
    binding.expires = 1795310999;
    binding.confirmed = true;
    binding.callId = "a b%c:=\r\n\xff@192.168.1.10";
    binding.cseq = 4294967295;
    return binding;
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t from = 0; from < text.size();) {
        const auto end = text.find('\n', from);
        REQUIRE(end != std::string::npos);
        all.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return all;
}

}  // namespace

TEST_CASE("The original's file is read", "[registrar]") {
    const auto decoded = decode(kActive + empties(511, "****:0:1795310000\n"));
    CHECK_FALSE(decoded.suspicious);
    CHECK(decoded.warnings.empty());
    REQUIRE(decoded.bindings.size() == 1);
    const auto& binding = decoded.bindings[0];
    CHECK(binding.contact.toString() == "sip:alice-ext@192.168.1.10:5062;line=abc;ob");
    CHECK(binding.masqueraded.toString() == "sip:alice@203.0.113.1");
    CHECK(binding.aor.toString() == "sip:alice@sip.example.test");
    CHECK(binding.expires == 1795310999);
    CHECK(binding.confirmed);
    CHECK(binding.token.empty());
}

TEST_CASE("The file is written as the original writes it", "[registrar]") {
    auto binding = alice();
    binding.masqueraded = uri("sip:alice@203.0.113.1");
    const auto all = lines(encode(std::vector{binding}));
    REQUIRE(all.size() == 3 + 512 + 1);
    CHECK(all[0] == "****:1:1795310999");
    CHECK(all[1] == "sip:alice-ext@192.168.1.10:5062;line=abc;ob");
    CHECK(all[2] == "sip:alice@203.0.113.1");
    CHECK(all[3] == "sip:alice@sip.example.test");
    CHECK(std::count(all.begin(), all.end(), "****:0:0") == 511);
    CHECK(all[4] == "****:0:0");
    CHECK(all[514] == "****:0:0");
    CHECK(all[515].starts_with("# binding "));
    CHECK(encode({}) == empties(512));
}

TEST_CASE("What is written comes back whole", "[registrar]") {
    auto plain = alice();
    plain.aor = uri("sips:bob@sip.example.test");
    plain.contact = uri("sip:[2001:db8::10]:5062");
    plain.masqueraded = uri("sip:bob@203.0.113.1;siproxd=1123456789abcdef");
    plain.token = "1123456789abcdef";
    plain.flow.remote = {};
    plain.flow.local = {};
    plain.provider = {};
    plain.callId = "";
    plain.cseq = 0;
    const std::vector bindings{alice(), plain};
    const auto decoded = decode(encode(bindings));
    CHECK_FALSE(decoded.suspicious);
    CHECK(decoded.bindings == bindings);
}

TEST_CASE("What the original does not know stands where nobody takes it for a record",
          "[registrar]") {
    const auto last = lines(encode(std::vector{alice()})).back();
    CHECK(last.find(':') == std::string::npos);
    CHECK(last.find('@') == std::string::npos);
}

TEST_CASE("Unconfirmed bindings are not written", "[registrar]") {
    auto binding = alice();
    binding.confirmed = false;
    CHECK(encode(std::vector{binding}) == empties(512));
}

TEST_CASE("A file may have more than 512 records", "[registrar]") {
    std::vector<Binding> many;
    for (int i = 0; i < 600; ++i) {
        many.push_back(alice());
        many.back().aor.user = "u" + std::to_string(i);
    }
    const auto text = encode(many);
    CHECK(text.find("****:0:0") == std::string::npos);
    const auto decoded = decode(text);
    CHECK_FALSE(decoded.suspicious);
    CHECK(decoded.bindings == many);
}

TEST_CASE("URIs longer than the original's buffer are kept", "[registrar]") {
    auto binding = alice();
    binding.contact.params.set("line", std::string(1500, 'x'));
    const auto decoded = decode(encode(std::vector{binding}));
    CHECK_FALSE(decoded.suspicious);
    REQUIRE(decoded.bindings.size() == 1);
    CHECK(decoded.bindings[0] == binding);
}

TEST_CASE("Line ends may be those of another system", "[registrar]") {
    std::string text;
    for (const char c : encode(std::vector{alice()})) {
        text += c == '\n' ? "\r\n" : std::string(1, c);
    }
    text.resize(text.size() - 2);
    const auto decoded = decode(text);
    CHECK_FALSE(decoded.suspicious);
    CHECK(decoded.bindings == std::vector{alice()});
}

TEST_CASE("An edited record loses only what does not belong to it any more", "[registrar]") {
    auto text = encode(std::vector{alice()});
    text.replace(text.find("alice-ext"), 9, "edited");
    const auto decoded = decode(text);
    CHECK_FALSE(decoded.suspicious);
    REQUIRE(decoded.bindings.size() == 1);
    CHECK(decoded.bindings[0].contact.user == "edited");
    CHECK_FALSE(decoded.bindings[0].flow.remote);
}

TEST_CASE("Damage costs the damaged records only", "[registrar]") {
    const std::string good = kActive;
    struct Row {
        const char* what;
        std::string text;
        std::size_t bindings;
    };
    const Row rows[] = {
        {"nothing at all", "", 0},
        {"fewer records", good + empties(31), 1},
        {"empty URI lines", "****:1:1795310999\n\n\n\n" + good + empties(510), 1},
        {"cut within a record", "****:1:1795310999\nsip:a@b\n" + good + empties(510), 1},
        {"cut at the end", good + empties(511) + "****:1:1795310999\nsip:a@b", 1},
        {"no time", "****:1:\nsip:a@b\nsip:a@b\nsip:a@b\n" + good + empties(510), 1},
        {"no time", "****:1\nsip:a@b\nsip:a@b\nsip:a@b\n" + good + empties(510), 1},
        {"wild time",
         "****:1:99999999999999999999\nsip:a@b\nsip:a@b\nsip:a@b\n" + good + empties(510), 1},
        {"no URI", "****:1:1795310999\nsip:a@b\n%%%\nsip:a@b\n" + good + empties(510), 1},
        {"no SIP URI", "****:1:1795310999\nmailto:a@b\nsip:a@b\nsip:a@b\n" + good + empties(510),
         1},
        {"too long",
         "****:1:1795310999\nsip:" + std::string(100'000, 'a') + "@b\nsip:a@b\nsip:a@b\n" + good +
             empties(510),
         1},
        {"noise", "\xff\xfe\n" + good + "noise\n" + empties(511), 1},
        {"strange activity", "****:7:0\n" + good + empties(510), 1},
        {"broken details", good + empties(511) + "# binding x\n# other\n", 1},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        const auto decoded = decode(row.text);
        CHECK(decoded.bindings.size() == row.bindings);
        const bool harmless = std::string(row.what) == "broken details";
        CHECK(decoded.suspicious != harmless);
        for (const auto& binding : decoded.bindings) {
            CHECK(binding.aor.user == "alice");
        }
    }
}

TEST_CASE("Attributes without sense are told and left out", "[registrar]") {
    auto text = encode(std::vector{alice()});
    text.replace(text.find("source=192"), 10, "source=%zz");
    text.replace(text.find("cseq=4"), 6, "cseq=x");
    text.insert(text.size() - 1, " future=1 lonely");
    const auto decoded = decode(text);
    CHECK(decoded.suspicious);
    CHECK(decoded.warnings.size() == 3);
    REQUIRE(decoded.bindings.size() == 1);
    CHECK_FALSE(decoded.bindings[0].flow.remote);
    CHECK(decoded.bindings[0].flow.local == at("192.168.1.1"));
    CHECK(decoded.bindings[0].callId == alice().callId);
}

TEST_CASE("The format before 0.8.2 is recognised", "[registrar]") {
    const auto decoded = decode("***:1:1234567890\n" + empties(12, "x\n"));
    CHECK(decoded.suspicious);
    CHECK(decoded.bindings.empty());
    REQUIRE(decoded.warnings.size() == 1);
    CHECK(decoded.warnings[0].find("before 0.8.2") != std::string::npos);
}

TEST_CASE("Warnings of a wild file are bounded", "[registrar]") {
    CHECK(decode(empties(100'000, "noise\n")).warnings.size() == 20);
}

TEST_CASE("No file does harm, however it is mangled", "[registrar]") {
    FakeRandom random;
    auto second = alice();
    second.aor.user = "bob";
    const auto good = encode(std::vector{alice(), second});
    for (int round = 0; round < 2000; ++round) {
        // Few of the empty records, so that mutations hit what matters.
        auto text = good.substr(0, 400) + good.substr(good.find("# binding"));
        const auto count = 1 + random.below(8);
        for (std::uint32_t i = 0; i < count && !text.empty(); ++i) {
            const auto where = random.below(static_cast<std::uint32_t>(text.size()));
            switch (random.below(4)) {
                case 0: text[where] = static_cast<char>(random.below(256)); break;
                case 1: text.erase(where, random.below(40)); break;
                case 2:
                    text.insert(where,
                                text.substr(random.below(static_cast<std::uint32_t>(text.size())),
                                            random.below(60)));
                    break;
                default: text.resize(where);
            }
        }
        const auto decoded = decode(text);
        CHECK(decoded.bindings.size() <= 16);
        CHECK(decoded.suspicious);
    }
}

TEST_CASE("What the way to a phone is survives in the file", "[registrar]") {
    auto binding = alice();
    binding.flow.protocol = base::Protocol::Tls;
    binding.natted = true;
    binding.q = 700;
    binding.path = {*sip::NameAddr::parse("<sip:10.0.0.5;lr>"),
                    *sip::NameAddr::parse("<sip:edge@[2001:db8::7]:5070;lr>")};
    const auto decoded = decode(encode(std::vector{binding}));
    CHECK(decoded.warnings.empty());
    REQUIRE(decoded.bindings.size() == 1);
    CHECK(decoded.bindings[0] == binding);
}
