// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel tells of interfaces, addresses and routes: a row of datagrams, each behind a byte
// with its length in words of four bytes.
#include <algorithm>
#include <cstring>
#include <vector>

#include "demand.h"
#include "net/route_message.h"

using namespace siproxd;
using fuzz::demand;

namespace {

constexpr std::uint32_t kSequence = 1;

/// A copy of exactly that size, aligned as netlink wants it.
std::vector<std::uint32_t> aligned(const std::uint8_t* data, std::size_t size) {
    std::vector<std::uint32_t> words((size + 3) / 4);
    if (size > 0) {
        std::memcpy(words.data(), data, size);
    }
    return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    net::RouteAnswers answers;
    while (size > 1) {
        const std::size_t length = std::min<std::size_t>(data[0] * 4U, size - 1);
        const auto words = aligned(data + 1, length);
        const std::span datagram(reinterpret_cast<const char*>(words.data()), length);
        static_cast<void>(net::announcesChange(datagram));
        const auto progress = answers.take(datagram, kSequence);
        demand(progress != net::RouteAnswers::Progress::Refused || answers.refusal() != 0,
               "a refusal has a reason");
        data += 1 + length;
        size -= 1 + length;
    }
    const auto table = answers.table();
    demand(table == answers.table(), "answers make one table");
    for (const auto& interface : table.interfaces()) {
        demand(interface.name.find('\0') == std::string::npos, "a name is a name");
        for (const auto& address : interface.addresses) {
            demand(bool(address.ip), "an address is an address");
        }
    }
    return 0;
}
