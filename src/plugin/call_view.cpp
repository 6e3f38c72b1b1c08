// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/call_view.h"

namespace siproxd::plugin {

namespace {

const char* orNull(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

siproxd_stream_side shown(const StreamSideView& side) {
    return {.local_ip = orNull(side.localIp),
            .remote = orNull(side.remote),
            .codec = orNull(side.codec),
            .packets = side.packets,
            .bytes = side.bytes,
            .rejected = side.rejected,
            .expected = side.expected,
            .lost = side.lost,
            .jitter = side.jitter,
            .mos = side.mos};
}

}  // namespace

CallShown::CallShown(const CallView& view) {
    for (const auto& stream : view.streams) {
        streams_.push_back({.size = sizeof(siproxd_stream),
                            .index = stream.index,
                            .port = stream.port,
                            .direct = stream.direct ? 1U : 0U,
                            .caller = shown(stream.caller),
                            .callee = shown(stream.callee)});
    }
    call_ = {.size = sizeof call_,
             .direction = view.direction,
             .id = view.id,
             .call_id = view.callId.c_str(),
             .caller = orNull(view.caller),
             .callee = orNull(view.callee),
             .dialled = orNull(view.dialled),
             .source_ip = orNull(view.sourceIp),
             .user = orNull(view.user),
             .label = orNull(view.label),
             .started = view.started,
             .answered = view.answered,
             .ended = view.ended,
             .talked = view.talked,
             .status = view.status,
             .ended_by = static_cast<int>(view.endedBy),
             .reason = orNull(view.reason),
             .streams = streams_.data(),
             .stream_count = static_cast<std::uint32_t>(streams_.size()),
             .stream_size = sizeof(siproxd_stream)};
}

}  // namespace siproxd::plugin
