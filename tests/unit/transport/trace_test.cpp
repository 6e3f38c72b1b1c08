// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/trace.h"

#include <string>
#include <vector>

#include "base/log.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transport;

namespace {

struct Lines final : log::Sink {
    std::uint32_t classes;
    std::vector<std::string> lines;

    explicit Lines(log::Class wanted) : classes(static_cast<std::uint32_t>(wanted)) {}
    [[nodiscard]] log::Level threshold() const override { return log::Level::Debug; }
    [[nodiscard]] std::uint32_t debugClasses() const override { return classes; }
    void write(const log::Record& record) override { lines.emplace_back(record.message); }
};

const base::Flow kFlow{.protocol = base::Protocol::Udp,
                 .local = {*base::IpAddress::parse("10.0.0.1"), 5060},
                 .remote = {*base::IpAddress::parse("10.0.0.5"), 5062}};

}  // namespace

TEST_CASE("Messages are shown line by line and made printable", "[transport]") {
    Lines sink(log::Class::NetTraffic);
    const log::Attachment attachment(sink);
    trace(Direction::In, kFlow, "OPTIONS sip:a SIP/2.0\r\nX: \x1b[2J\r\n\r\nbody");
    CHECK(sink.lines == std::vector<std::string>{
                            "received 38 bytes, UDP 10.0.0.1:5060 - 10.0.0.5:5062",
                            "| OPTIONS sip:a SIP/2.0", "| X: \\x1b[2J", "| ", "| body"});
}

TEST_CASE("A message of nothing but line ends does not fill the log", "[transport]") {
    Lines sink(log::Class::NetTraffic);
    const log::Attachment attachment(sink);
    trace(Direction::Out, kFlow, std::string(60'000, '\n'));
    CHECK(sink.lines.size() == 201);
}

TEST_CASE("Messages are not shown to those who want other classes", "[transport]") {
    Lines sink(log::Class::Sip);
    const log::Attachment attachment(sink);
    trace(Direction::Out, kFlow, "OPTIONS");
    CHECK(sink.lines.empty());
}
