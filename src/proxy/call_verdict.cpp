// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/call_verdict.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "media/quality.h"

namespace siproxd::proxy {

namespace {

using media::Drop;
using media::Leg;
using media::LegReport;

constexpr std::size_t kLongestParty = 80;

std::string_view nameOf(const CallState& call, Leg leg) {
    const auto answerer = call.ends ? call.ends->calleeSide : other(call.initiator);
    if (answerer == call.initiator) {
        return leg == Leg::A ? "caller" : "callee";
    }
    const auto side = leg == Leg::A ? call.initiator : answerer;
    return side == Side::Inside ? "phone" : "provider";
}

double roundTripMs(const LegReport& leg) {
    return leg.rtcp.roundTripUs / 1000.0;
}

/// Whether media has come; reports about it and keepalives are none.
bool isHeard(const LegReport& leg) {
    return leg.framing == media::Framing::Rtp ? leg.reception.sources > 0 : leg.packets > 0;
}

/// How much came, and from where.
std::string origin(const LegReport& leg) {
    return leg.peer ? fmt::format(", {} kB from {}", (leg.bytes + 500) / 1000, leg.peer.toString()) : "";
}

std::string quality(const LegReport& leg, const LegReport& far) {
    if (leg.framing != media::Framing::Rtp) {
        return fmt::format("{} packets", leg.packets) + origin(leg);
    }
    const auto& reception = leg.reception;
    std::string text =
        fmt::format("{} packets, {:.1f} % lost", reception.arrived(), media::lossPercent(leg));
    if (reception.clock != 0) {
        text += fmt::format(", jitter {:.0f} ms", reception.jitterMs());
    }
    if (reception.late > 0) {
        text += fmt::format(", {} overtaken", reception.late);
    }
    if (reception.sources > 1) {
        text += fmt::format(", {} sources", reception.sources);
    }
    if (!leg.codec.name.empty()) {
        text += ", " + leg.codec.name;
    }
    if (const auto mos = media::mosOf(leg, far)) {
        text += fmt::format(", MOS {:.1f}", *mos);
    }
    return text + origin(leg);
}

/// What the party itself has reported of what it hears.
std::string hearing(const LegReport& leg) {
    if (leg.rtcp.reports == 0) {
        return "";
    }
    std::string text = fmt::format(", reports {} lost", std::max(leg.rtcp.lost, 0));
    if (leg.rtcp.roundTripUs != 0) {
        text += fmt::format(", {:.0f} ms away", roundTripMs(leg));
    }
    return text;
}

/// Why nothing has come from a party. `held`: by one of them.
std::string absence(const LegReport& leg, std::uint16_t port, bool held) {
    if (!leg.announced) {
        return "no audio, it has never said where it wants its own";
    }
    if (leg.stranger) {
        return fmt::format("no audio from the address that was announced ({}), but some came from {}",
                           leg.announced.toString(), leg.stranger.toString());
    }
    if (leg.droppedFor(Drop::NotAnnounced) > 0) {
        return "no audio since its address has been announced";
    }
    if (leg.droppedFor(Drop::Garbage) > 0) {
        return fmt::format("no audio, {} datagrams came that are no RTP",
                           leg.droppedFor(Drop::Garbage));
    }
    if (leg.rtcp.packetsSent > 0) {
        return fmt::format("no audio came though it reports to have sent {} packets: does a firewall "
                           "close UDP port {}?",
                           leg.rtcp.packetsSent, port);
    }
    return fmt::format("nothing came (to UDP port {}, expected from {}){}", port,
                       leg.announced.toString(), held ? ", the stream was on hold" : "");
}

/// Why what came from a party did not reach the other one.
std::string undelivered(const LegReport& leg) {
    std::string text;
    const auto add = [&](Drop reason, std::string_view why) {
        if (const auto count = leg.droppedFor(reason); count > 0) {
            text += fmt::format(", {} {}", count, why);
        }
    };
    add(Drop::Flood, "above rtp_packet_rate");
    add(Drop::Unheard, "not passed on because the other side was never heard");
    add(Drop::NoDestination, "had nowhere to go");
    add(Drop::SendFailed, "could not be sent");
    return text;
}

/// What came and was not taken for the party's.
std::string rejected(const LegReport& leg) {
    std::string text;
    for (const auto reason : {Drop::NotAnnounced, Drop::WrongSource, Drop::Probation, Drop::Garbage,
                              Drop::Truncated}) {
        if (const auto count = leg.droppedFor(reason); count > 0) {
            text += fmt::format("{} {} {}", text.empty() ? ", rejected" : " and", count,
                                media::toString(reason));
        }
    }
    return leg.stranger && !text.empty() ? text + fmt::format(" (some from {})", leg.stranger.toString())
                                         : text;
}

std::string partOf(const CallState& call, const media::StreamReport& stream, Leg leg) {
    const auto& here = stream.legs[leg];
    const auto& there = stream.legs[media::other(leg)];
    std::string text = std::string(nameOf(call, leg)) + " ";
    text += isHeard(here) ? quality(here, there) + rejected(here)
                          : absence(here, stream.ports[leg], here.held || there.held);
    return text + undelivered(here) + hearing(here);
}

/// `sip:alice@example.net;user=phone` without what people do not need.
std::string shortUri(std::string_view uri) {
    const auto colon = uri.find(':');
    uri.remove_prefix(colon == std::string_view::npos ? 0 : colon + 1);
    return base::printable(uri.substr(0, uri.find_first_of(";?")), kLongestParty);
}

}  // namespace

std::string mediaVerdict(const CallState& call, const std::vector<media::StreamReport>& streams) {
    if (streams.empty()) {
        return "its media was not relayed";
    }
    std::string text;
    for (const auto& stream : streams) {
        if (!text.empty()) {
            text += fmt::format("; stream {}: ", stream.index + 1);
        }
        text += stream.closed ? "(until it was taken down) " : "";
        text += stream.direct ? "media went directly from one to the other"
                              : partOf(call, stream, Leg::A) + "; " + partOf(call, stream, Leg::B);
    }
    return text;
}

std::string partiesOf(const CallState& call) {
    return call.ends ? fmt::format("{} to {}", shortUri(call.ends->caller.uri),
                                   shortUri(call.ends->callee.uri))
                     : "";
}

}  // namespace siproxd::proxy
