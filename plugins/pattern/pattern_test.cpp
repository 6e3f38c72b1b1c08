// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "ere.h"
#include "pattern.h"
#include "replacement.h"
#include "support/catch.h"

using namespace siproxd::pattern;

namespace {

/// What a pattern finds first in a text; "-": nothing.
std::string found(std::string_view ere, std::string_view text) {
    auto pattern = Pattern::compile(ere);
    if (!pattern) {
        return "error: " + pattern.error();
    }
    Match match;
    Effort effort;
    switch (pattern->find(text, 0, match, effort)) {
        case Found::Yes:
            return std::string(text.substr(match[0].begin, match[0].end - match[0].begin));
        case Found::No: return "-";
        case Found::TooHard: return "too hard";
    }
    return {};
}

std::string replaced(std::string_view ere, std::string_view by, std::string_view text,
                     std::size_t most = 1000) {
    auto pattern = Pattern::compile(ere);
    REQUIRE(pattern.has_value());
    Effort effort;
    auto result = replace(*pattern, Replacement(by), text, most, effort);
    switch (result.found) {
        case Found::Yes: return result.text;
        case Found::No: return "-";
        case Found::TooHard: return "too hard";
    }
    return {};
}

}  // namespace

TEST_CASE("patterns mean what they mean in POSIX", "[pattern]") {
    const auto [ere, text, match] = GENERATE(table<const char*, const char*, const char*>({
        {"^sip:(00)([1-9][0-9]+)@", "SIP:0041@x", "SIP:0041@"},
        {"sip:[[:digit:]]{3,5}@", "sip:1234@x", "sip:1234@"},
        {"[[:alpha:][:digit:]_-]+", "..a_-9..", "a_-9"},
        {"[\\.]", "a\\b", "\\"},
        {"[\\.]+", "a.\\.b", ".\\."},
        {"[]x]+", "ab]x]", "]x]"},
        {"[^]a]", "a]b", "b"},
        {"[a-]+", "b-a-", "-a-"},
        {"[[.-.]x]+", "ax-x", "x-x"},
        {"[[=a=]b-d]+", "xAbCde", "AbCd"},
        {"[(.*+?$^|{}]+", "a{$^|.}b", "{$^|.}"},
        {"a{,2}b", "aaab", "aab"},
        {"a{2}b", "aaab", "aab"},
        {"a{2,}b", "caaaab", "aaaab"},
        {"x+?y", "y", "y"},
        {"(ab)*+c", "ababc", "ababc"},
        {"a|ab|abc", "xabcd", "abc"},
        {"(a|ab)(c|bcd)(d*)", "abcd", "abcd"},
        {"a?(ab)?", "ab", "ab"},
        {"a|ab$", "aba", "a"},
        {"\\<b", "ab b", "b"},
        {"a\\>", "ab a", "a"},
        {"\\+49", "00+49", "+49"},
        {"\\@\\/\\#", "x@/#", "@/#"},
        {"a)b", "a)b", "a)b"},
        {"a.c", "a\nc", "a\nc"},
        {"a$", "a\n", "-"},
        {"^b", "a\nb", "-"},
        {"a#b c", "a#b c", "a#b c"},
        {"\\w+\\s\\d", "- ab 1", "ab 1"},
        {"\xC3\xA4", "x\xC3\xA4", "\xC3\xA4"},
        {"", "abc", ""},
    }));
    INFO(ere);
    CHECK(found(ere, text) == match);
}

TEST_CASE("what is no pattern is named", "[pattern]") {
    const auto [ere, error] = GENERATE(table<const char*, const char*>({
        {"a(b", "( without )"},
        {"a[b", "[ without ]"},
        {"a\\", "a backslash at the end"},
        {"*a", "* has nothing in front to repeat"},
        {"a|+", "+ has nothing in front to repeat"},
        {"(?:a)", "? has nothing in front to repeat"},
        {"(*FAIL)", "* has nothing in front to repeat"},
        {"(a)\\1", "\\1 in a pattern is not supported"},
        {"a{x", "{ without a count and }; a brace that means itself is \\{"},
        {"a{1", "{ without a count and }; a brace that means itself is \\{"},
        {"a{9999999999999}", "a count that is too large"},
        {"a{3,2}", "a count that is too large"},
        {"[[:digits:]]", "[: without the name of a class and :]"},
        {"[[:digit]", "[: without the name of a class and :]"},
        {"[z-a]", "the range z-a is empty"},
        {"[[.ab.]]", "within [.  .] and [=  =] there is one character"},
    }));
    CHECK(found(ere, "a") == std::string("error: ") + error);
}

TEST_CASE("groups are what they have matched", "[pattern]") {
    CHECK(replaced("(a)|(b)", "<\\1|\\2>", "ab") == "<a|><|b>");
    CHECK(replaced("(a|ab)(c|bcd)(d*)", "\\1,\\2,\\3", "abcd") == "a,bcd,");
    CHECK(replaced("(.)(.)", "\\2\\1\\\\0\\0\\", "abc") == "ba\\\\0\\0\\c");
}

TEST_CASE("each place is replaced once", "[pattern]") {
    CHECK(replaced("a", "aa", "banana") == "baanaanaa");
    CHECK(replaced("^a", "", "aaa") == "aa");
    CHECK(replaced("x*", "-", "ab") == "-a-b-");
    CHECK(replaced("c", "x", "ab") == "-");
    CHECK(replaced("a", "", "aaa").empty());
}

TEST_CASE("no replacement grows beyond its bound", "[pattern]") {
    CHECK(replaced("a", "0123456789", "aaaa", 40) == "0123456789012345678901234567890123456789");
    CHECK(replaced("a", "0123456789", "aaaa", 39) == "too hard");
}

TEST_CASE("no pattern takes long", "[pattern]") {
    const auto* ere = GENERATE("(a*)*c[0-9]", "(a|aa)+$", "([a-w]+)*x1?$", "[a-w]*[xy]",
                               "(a?){500}a{500}c|b$", "a.*b.*a.*c.*d[0-9]");
    INFO(ere);
    const std::string text = std::string(60'000, 'a') + "bcdx.";
    auto pattern = Pattern::compile(ere);
    REQUIRE(pattern.has_value());
    Effort effort;
    Match match;
    (void)pattern->find(text, 0, match, effort);
    CHECK(effort.left < Effort::kMost);
}

TEST_CASE("a pattern that costs too much finds nothing", "[pattern]") {
    CHECK(found("(a*)*[bc]1", std::string(60'000, 'a') + "b.1") == "too hard");
    CHECK(replaced("(x|y+)*[bc]1", "-", std::string(5'000, 'y') + "c.1", 10'000) == "too hard");
}
