// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "config/dump.h"
#include "config/load.h"
#include "config/parser.h"
#include "demand.h"

using namespace siproxd;
using fuzz::demand;

namespace {

/// A dump without its comments, which tell where a value was set.
std::string values(const config::Settings& settings) {
    const std::string text = config::dump(settings);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        if (text[at] != '#') {
            out += text.substr(at, end - at + 1);
        }
        at = end + 1;
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::text(data, size);
    const auto first = config::read(text, "fuzz.conf");
    for (const auto& problem : first.problems) {
        demand(!problem.toString().empty(), "a problem says what it is");
        for (const char c : problem.toString()) {
            demand(static_cast<unsigned char>(c) >= 32 && c != 127, "problems are printable");
        }
    }
    if (first.ok()) {
        const auto second = config::read(config::dump(first.settings), "dump.conf");
        demand(second.ok(), "a dump is a configuration");
        demand(values(second.settings) == values(first.settings), "a dump means the same");
    }
    return 0;
}
