// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/call_report.h"

#include <chrono>
#include <cmath>

#include "media/quality.h"

namespace siproxd::proxy {

namespace {

using media::Drop;
using media::Leg;

plugin::StreamSideView sideOf(const media::LegReport& leg, const media::LegReport& far) {
    plugin::StreamSideView view;
    view.packets = leg.packets;
    view.bytes = leg.bytes;
    const auto& remote = leg.peer ? leg.peer : leg.announced;
    view.remote = remote ? remote.toString() : "";
    view.codec = leg.codec.name;
    for (const auto reason : {Drop::NotAnnounced, Drop::WrongSource, Drop::Probation, Drop::Garbage,
                              Drop::Flood, Drop::Truncated}) {
        view.rejected += leg.droppedFor(reason);
    }
    if (leg.framing == media::Framing::Rtp && leg.reception.sources > 0) {
        view.expected = leg.reception.expected();
        view.lost = leg.reception.lost();
        view.jitter = static_cast<std::uint32_t>(std::lround(leg.reception.jitterMs() * 1000));
        view.mos = static_cast<std::uint32_t>(std::lround(100 * media::mosOf(leg, far).value_or(0)));
    }
    return view;
}

/// On the wall's clock.
std::int64_t onWall(base::TimePoint then, base::TimePoint now, base::WallSeconds wallNow) {
    return wallNow - std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
}

}  // namespace

plugin::CallView reportOf(const Call& call, base::TimePoint now, base::WallSeconds wallNow) {
    const auto& state = call.state();
    plugin::CallView view;
    view.id = state.id;
    view.direction = state.initiator == Side::Inside ? SIPROXD_REQUEST_OUTGOING
                                                     : SIPROXD_REQUEST_INCOMING;
    view.callId = state.callId;
    if (state.ends) {
        view.caller = state.ends->caller.uri;
        view.callee = state.ends->callee.uri;
        view.dialled = state.ends->dialled.empty() ? view.callee : state.ends->dialled.view();
        view.user = state.ends->user.view();
    }
    view.sourceIp = state.initiatorSource ? state.initiatorSource.toString() : "";
    view.label = state.appearance ? state.appearance->identity->label : "";
    view.started = onWall(state.startedAt, now, wallNow);
    view.status = state.status;
    view.endedBy = state.endedBy;
    if (state.answered) {
        view.answered = onWall(state.answeredAt, now, wallNow);
        view.talked = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(now - state.answeredAt).count());
    }
    for (const auto& located : call.locatedReports()) {
        const auto& stream = located.report;
        view.streams.push_back({.index = static_cast<std::uint32_t>(stream.index),
                                .port = stream.ports[Leg::A],
                                .direct = stream.direct,
                                .caller = sideOf(stream.legs[Leg::A], stream.legs[Leg::B]),
                                .callee = sideOf(stream.legs[Leg::B], stream.legs[Leg::A])});
        view.streams.back().caller.localIp = located.crossing.initiator.toString();
        view.streams.back().callee.localIp = located.crossing.answerer.toString();
    }
    return view;
}

}  // namespace siproxd::proxy
