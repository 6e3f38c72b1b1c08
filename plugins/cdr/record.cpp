// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <span>

#include "text.h"

namespace cdr {

using siproxd::api::detail::orEmpty;

namespace {

std::string decimal(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string_view endedBy(int who) {
    switch (who) {
        case SIPROXD_END_CALLER: return "caller";
        case SIPROXD_END_CALLEE: return "callee";
        case SIPROXD_END_PROXY: return "proxy";
        default: return "";
    }
}

/// The one that stands for the call: the first in which somebody has sent something.
const siproxd_stream* mainStream(const siproxd_call& call) {
    const std::span<const siproxd_stream> all(call.streams, call.stream_count);
    const auto used = std::ranges::find_if(
        all, [](const siproxd_stream& stream) { return stream.caller.packets + stream.callee.packets > 0; });
    return used != all.end() ? &*used : all.empty() ? nullptr : &all.front();
}

std::string codecOf(const siproxd_stream* stream) {
    if (stream == nullptr) {
        return "";
    }
    const std::string caller = orEmpty(stream->caller.codec);
    const std::string callee = orEmpty(stream->callee.codec);
    return caller.empty() ? callee : callee.empty() || callee == caller ? caller : caller + "/" + callee;
}

}  // namespace

std::string_view dispositionOf(const siproxd_call& call) {
    if (call.answered != 0) {
        return "ANSWERED";
    }
    if (call.ended_by == SIPROXD_END_CALLER) {
        return "CANCELLED";
    }
    if (call.ended_by == SIPROXD_END_PROXY) {
        return call.status >= 300 ? "REFUSED" : "FAILED";
    }
    switch (call.status) {
        case 486:
        case 600: return "BUSY";
        case 408:
        case 480:
        case 487: return "NO ANSWER";
        case 403:
        case 603:
        case 607:
        case 608: return "REFUSED";
        default: return call.status >= 300 && call.status < 400 ? "REDIRECTED" : "FAILED";
    }
}

std::string timeText(std::int64_t seconds) {
    const auto then = static_cast<std::time_t>(seconds);
    std::tm local{};
    char text[64] = "";
    if (seconds == 0 || ::localtime_r(&then, &local) == nullptr) {
        return "";
    }
    const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &local);
    std::string out(text, size);
    return out.size() > 5 ? out.insert(out.size() - 2, ":") : out;
}

Record::Record(const siproxd_call& call) {
    text("start", timeText(call.started));
    text("answer", timeText(call.answered));
    text("end", timeText(call.ended));
    number("duration", call.answered == 0 ? "0" : decimal(static_cast<double>(call.talked) / 1000, 3));
    text("direction", call.direction == SIPROXD_REQUEST_INCOMING   ? "in"
                      : call.direction == SIPROXD_REQUEST_OUTGOING ? "out"
                                                                   : "");
    text("from", cleaned(orEmpty(call.caller)));
    text("to", cleaned(orEmpty(call.callee)));
    text("dialled", cleaned(orEmpty(call.dialled)));
    text("source", cleaned(orEmpty(call.source_ip)));
    text("user", cleaned(orEmpty(call.user)));
    text("gateway", cleaned(orEmpty(call.label)));
    text("disposition", dispositionOf(call));
    number("code", call.status == 0 ? "" : std::to_string(call.status));
    text("ended_by", endedBy(call.ended_by));
    text("reason", cleaned(orEmpty(call.reason)));
    addMedia(call);
    text("call_id", cleaned(orEmpty(call.call_id)));
}

void Record::addMedia(const siproxd_call& call) {
    const auto* stream = mainStream(call);
    text("codec", cleaned(codecOf(stream)));
    addSide(true, stream);
    addSide(false, stream);
}

void Record::addSide(bool isCaller, const siproxd_stream* stream) {
    const siproxd_stream_side* side = stream == nullptr ? nullptr : isCaller ? &stream->caller : &stream->callee;
    // What the parties send to each other nobody has counted.
    const bool isSeen = side != nullptr && stream->direct == 0;
    const bool isMeasured = isSeen && side->expected > 0;
    number(isCaller ? "caller_packets" : "callee_packets", isSeen ? std::to_string(side->packets) : "");
    number(isCaller ? "caller_loss" : "callee_loss",
           isMeasured ? decimal(100.0 * side->lost / side->expected, 2) : "");
    number(isCaller ? "caller_jitter" : "callee_jitter", isMeasured ? decimal(side->jitter / 1000.0, 3) : "");
    number(isCaller ? "caller_mos" : "callee_mos", isSeen && side->mos > 0 ? decimal(side->mos / 100.0, 2) : "");
}

std::string Record::line(Format format) const {
    std::string out;
    for (const auto& field : fields_) {
        out += out.empty() ? (format == Format::Json ? "{" : "") : ",";
        if (format == Format::Csv) {
            out += field.isNumber ? field.value : csvText(field.value);
            continue;
        }
        out += jsonString(field.name) + ":";
        out += field.value.empty() ? "null" : field.isNumber ? field.value : jsonString(field.value);
    }
    return out + (format == Format::Json ? "}\n" : "\r\n");
}

std::string Record::header(Format format) {
    if (format == Format::Json) {
        return "";
    }
    std::string out;
    for (const auto& field : Record(siproxd_call{}).fields_) {
        out.append(out.empty() ? "" : ",").append(field.name);
    }
    return out + "\r\n";
}

}  // namespace cdr
