// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/counters.h"

#include <thread>

#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;

TEST_CASE("a shared address is read whole while another thread writes it", "[media]") {
    const base::SocketAddress one{*base::IpAddress::parse("192.0.2.1"), 1111};
    const base::SocketAddress two{*base::IpAddress::parse("2001:db8::2:2"), 2222};
    SharedAddress shared;
    CHECK_FALSE(shared.load());
    shared.store(one);
    std::thread writer([&shared, &one, &two] {
        for (int i = 0; i < 20000; ++i) {
            shared.store(i % 2 == 0 ? two : one);
        }
    });
    bool whole = true;
    for (int i = 0; i < 20000; ++i) {
        const auto seen = shared.load();
        whole = whole && (seen == one || seen == two);
    }
    writer.join();
    CHECK(whole);
    CHECK(shared.load() == one);
}
