// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/trace.h"

#include "base/log.h"
#include "base/text.h"

namespace siproxd::transport {

namespace {

constexpr std::size_t kMaxLines = 200;
constexpr std::size_t kMaxLine = 2048;

}  // namespace

void trace(Direction direction, const base::Flow& flow, std::string_view bytes) {
    constexpr auto kClass = log::Class::NetTraffic;
    if (!log::wants(log::Level::Debug, kClass)) {
        return;
    }
    log::debug(kClass, "{} {} bytes, {}", direction == Direction::In ? "received" : "sending",
               bytes.size(), flow.toString());
    std::size_t lines = 0;
    while (!bytes.empty() && lines++ < kMaxLines) {
        const auto end = bytes.find('\n');
        auto line = bytes.substr(0, end);
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        log::debug(kClass, "| {}", base::printable(line, kMaxLine));
    }
}

}  // namespace siproxd::transport
