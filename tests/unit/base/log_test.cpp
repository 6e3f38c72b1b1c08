// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <future>
#include <mutex>
#include <thread>
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

/// Keeps its lines outside of itself, and writes none of them before it is let.
struct SlowLines final : log::Sink {
    struct Page {
        std::mutex mutex;
        std::vector<std::string> seen;
        std::promise<void> started;
        std::promise<void> let;
    };
    std::shared_ptr<Page> page;
    std::shared_future<void> let = page->let.get_future().share();
    bool first = true;

    explicit SlowLines(std::shared_ptr<Page> to) : page(std::move(to)) {}
    [[nodiscard]] log::Level threshold() const override { return log::Level::Info; }
    [[nodiscard]] std::uint32_t debugClasses() const override { return 0; }
    void write(const log::Record& record) override {
        if (std::exchange(first, false)) {
            page->started.set_value();
        }
        let.wait();
        const std::lock_guard lock(page->mutex);
        page->seen.emplace_back(record.message);
    }
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

TEST_CASE("Nobody waits for a sink in the background, and its lines come in order", "[base]") {
    auto page = std::make_shared<SlowLines::Page>();
    {
        const auto sink = log::inBackground(std::make_unique<SlowLines>(page));
        const log::Attachment attached(*sink);
        for (int i = 0; i < 100; ++i) {
            log::info("{}", i);
        }
        CHECK(page->seen.empty());
        page->let.set_value();
    }
    REQUIRE(page->seen.size() == 100);
    CHECK(page->seen.front() == "0");
    CHECK(page->seen.back() == "99");
}

TEST_CASE("What a sink in the background has no room for is counted", "[base]") {
    auto page = std::make_shared<SlowLines::Page>();
    {
        const auto sink = log::inBackground(std::make_unique<SlowLines>(page), 10);
        const log::Attachment attached(*sink);
        log::info("taken");
        page->started.get_future().wait();
        for (int i = 0; i < 17; ++i) {
            log::info("{}", i);
        }
        page->let.set_value();
    }
    REQUIRE(page->seen.size() == 12);
    CHECK(page->seen[10] == "9");
    CHECK(page->seen[11] == "7 lines were lost: the log was not written fast enough");
}

TEST_CASE("A sink that has come to a stop does not keep the process from ending", "[base]") {
    auto page = std::make_shared<SlowLines::Page>();
    {
        const auto sink = log::inBackground(std::make_unique<SlowLines>(page), 10,
                                            std::chrono::milliseconds(1));
        const log::Attachment attached(*sink);
        log::info("stuck");
    }
    CHECK(page->seen.empty());
    page->let.set_value();
    while (page.use_count() > 1) {
        std::this_thread::yield();  // the thread would outlive the test
    }
}

TEST_CASE("Sinks follow what the directives say while they are attached, in the background too",
          "[base]") {
    // syslogSink() would write to the machine's log: what it wants is all that is looked at.
    const auto sink = log::inBackground(log::syslogSink(4, 0));
    const log::Attachment attached(*sink);
    CHECK(sink->threshold() == log::Level::Error);
    CHECK_FALSE(log::wants(log::Level::Warning));
    log::adjust(0, static_cast<std::uint32_t>(log::Class::Dns));
    CHECK(sink->threshold() == log::Level::Debug);
    CHECK(log::wants(log::Level::Info));
    CHECK(log::wants(log::Level::Debug, log::Class::Dns));
    CHECK_FALSE(log::wants(log::Level::Debug, log::Class::Sip));
    log::adjust(4, 0);
    CHECK_FALSE(log::wants(log::Level::Warning));
}

TEST_CASE("stderr follows the debug classes, and others do as they like", "[base]") {
    const auto sink = log::stderrSink(0);
    Lines lines;
    {
        const log::Attachment attached(*sink);
        const log::Attachment own(lines);
        CHECK_FALSE(log::wants(log::Level::Debug, log::Class::Dns));
        log::adjust(3, static_cast<std::uint32_t>(log::Class::Dns));
        CHECK(log::wants(log::Level::Debug, log::Class::Dns));
        CHECK(log::wants(log::Level::Info));
        CHECK(lines.least == log::Level::Info);
        CHECK(lines.classes == 0);
    }
    CHECK(sink->debugClasses() == static_cast<std::uint32_t>(log::Class::Dns));
}
