// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <vector>

#include "support/catch.h"

using namespace siproxd;

namespace {

struct Lines final : log::Sink {
    log::Level least = log::Level::Info;
    std::uint32_t classes = 0;
    std::vector<std::string> seen;
    [[nodiscard]] log::Level threshold() const override { return least; }
    [[nodiscard]] std::uint32_t debugClasses() const override { return classes; }
    void write(const log::Record& record) override { seen.push_back(log::formatLine(record)); }
};

}  // namespace

TEST_CASE("A sink gets the levels and debug classes that it asks for", "[base]") {
    Lines lines;
    lines.least = log::Level::Debug;
    lines.classes = static_cast<std::uint32_t>(log::Class::Sip);
    const log::Attachment attached(lines);
    log::debug(log::Class::Sip, "seen {}", 1);
    log::debug(log::Class::Dns, "not seen");
    log::info("information");
    REQUIRE(lines.seen.size() == 2);
    CHECK(lines.seen[0].find(" log_test.cpp:") != std::string::npos);
    CHECK(lines.seen[0].ends_with(" seen 1"));
    CHECK(lines.seen[1].find(" INFO:log_test.cpp:") != std::string::npos);
}

TEST_CASE("A detached sink gets nothing", "[base]") {
    Lines lines;
    {
        const log::Attachment attached(lines);
        log::error("first");
    }
    log::error("second");
    CHECK(lines.seen.size() == 1);
}

TEST_CASE("Lines that peers can cause are limited", "[base]") {
    Lines lines;
    const log::Attachment attached(lines);
    for (int i = 0; i < 1000; ++i) {
        log::warningFromPeer("line {}", i);
    }
    CHECK(lines.seen.size() >= 20);
    CHECK(lines.seen.size() < 100);
}
