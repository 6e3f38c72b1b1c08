// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/flow.h"

#include "support/catch.h"

using namespace siproxd::base;

TEST_CASE("A flow can be written and compared", "[base]") {
    Flow flow{.protocol = Protocol::Tcp,
              .local = {*IpAddress::parse("10.0.0.1"), 5060},
              .remote = {*IpAddress::parse("2001:db8::5"), 5062}};
    CHECK(flow.toString() == "TCP 10.0.0.1:5060 - [2001:db8::5]:5062");
    Flow other = flow;
    CHECK(other == flow);
    other.connection = 7;
    CHECK(other != flow);
}

TEST_CASE("Protocols have their names in a Via", "[base]") {
    CHECK(viaName(Protocol::Udp) == "UDP");
    CHECK(viaName(Protocol::Tls) == "TLS");
    CHECK(protocolFromVia("tls") == Protocol::Tls);
    CHECK(protocolFromVia("UDP") == Protocol::Udp);
    CHECK_FALSE(protocolFromVia("SCTP"));
    CHECK_FALSE(isReliable(Protocol::Udp));
    CHECK(isReliable(Protocol::Tcp));
}
