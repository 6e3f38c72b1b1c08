// SPDX-License-Identifier: GPL-2.0-or-later
#include <span>

#include "demand.h"
#include "media/ice.h"
#include "media/stun.h"

using namespace siproxd;
using fuzz::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span bytes(data, size);
    const base::SocketAddress source{base::IpAddress::parse("192.0.2.1").value(), 4000};
    if (const auto request = media::BindingRequest::parse(bytes)) {
        demand(media::isStun(bytes), "a request is STUN");
        demand(request->localFragment().size() <= 513, "user names are bounded");
        demand(request->unknown().size() <= 8, "what is not known is bounded");
        // As the party itself would have to be answered.
        media::IceLite agent;
        agent.expect({std::string(request->localFragment()), "VOkJxbRl1RmTxUk/WvJxBt"});
        if (const auto check = agent.receive(bytes, source)) {
            demand(media::isStun(check->answer), "an answer is STUN");
            demand(check->answer.size() <= size + 32, "an answer does not amplify");
        }
    }
    return 0;
}
