// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "../../plugins/stun/stun_message.h"
#include "demand.h"

using namespace siproxd;
using fuzz::demand;

/// What a STUN server says, to a request whose number it knows.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    stun::TransactionId id{};
    std::string datagram(fuzz::text(data, size));
    demand(datagram.size() < 20 || !stun::readAnswer(datagram, stun::randomId()), "nobody guesses a number");
    for (std::size_t i = 0; i < id.size() && 8 + i < datagram.size(); ++i) {
        id.at(i) = static_cast<std::uint8_t>(datagram[8 + i]);
    }
    const auto answer = stun::readAnswer(datagram, id);
    if (answer) {
        in6_addr address{};
        demand(datagram.size() >= 20 && datagram.size() % 4 == 0, "a message is a header and words");
        demand(answer->ip.empty() || ::inet_pton(AF_INET, answer->ip.c_str(), &address) == 1 ||
                   ::inet_pton(AF_INET6, answer->ip.c_str(), &address) == 1,
               "an address is one");
        demand(answer->error == 0 || (answer->error > 0 && answer->error <= 955), "errors are numbers");
        demand(answer->error == 0 || answer->ip.empty(), "an error has no address");
    }
    return 0;
}
