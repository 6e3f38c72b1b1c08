// SPDX-License-Identifier: GPL-2.0-or-later
#include "in_use.h"

#include "support/catch.h"

using siproxd::lines::InUse;

TEST_CASE("a call has a line of all that it is tried by, and gives back what it leaves", "[lines]") {
    InUse lines;
    lines.take(1, "a");
    lines.take(1, "b");
    lines.take(2, "a");
    CHECK(lines.count("a") == 2);
    CHECK(lines.count("b") == 1);
    CHECK(lines.count("c") == 0);
    lines.leave(1, "a");
    lines.leave(1, "a");  // it has none there any more
    lines.leave(3, "a");
    CHECK(lines.count("a") == 1);
    CHECK(lines.count("b") == 1);
    lines.end(2);
    CHECK(lines.count("a") == 0);
    lines.end(1);
    CHECK(lines.count("b") == 0);
}

TEST_CASE("of two lines with the same label one is left, and one is kept", "[lines]") {
    InUse lines;
    lines.take(1, "a");
    lines.take(1, "a");
    lines.take(1, "a");
    lines.leave(1, "a");
    CHECK(lines.count("a") == 2);
    lines.settle(1, "a");
    CHECK(lines.count("a") == 1);
    lines.settle(1, "a");
    CHECK(lines.count("a") == 1);
}

TEST_CASE("an answered call keeps the line that it goes by, and the one that it has come by", "[lines]") {
    InUse lines;
    lines.take(1, "in", InUse::Way::From);
    lines.take(1, "a");
    lines.take(1, "b");
    lines.take(1, "in");
    lines.leave(1, "b");
    lines.take(1, "b");
    lines.settle(1, "b");
    CHECK(lines.count("a") == 0);
    CHECK(lines.count("b") == 1);
    CHECK(lines.count("in") == 1);
    lines.leave(1, "in");  // it has come from there
    CHECK(lines.count("in") == 1);
    lines.settle(1, "");  // by a phone here
    CHECK(lines.count("b") == 0);
    CHECK(lines.count("in") == 1);
    lines.end(1);
    CHECK(lines.count("in") == 0);
}
