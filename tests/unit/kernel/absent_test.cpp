// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/flow_table.h"
#include "support/catch.h"

using namespace siproxd;

TEST_CASE("Who was built without the relay in the kernel says so", "[kernel]") {
    const auto table = kernel::FlowTable::load(7070, 7089);
    REQUIRE_FALSE(table);
    CHECK(table.error().message == "this siproxd was built without it");
}
