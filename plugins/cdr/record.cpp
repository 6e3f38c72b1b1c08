// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>

#include "text.h"

namespace cdr {

using siproxd::api::orEmpty;

namespace {

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

/// Puts a line together, field by field.
class Line {
public:
    enum class Shows : std::uint8_t { Names, Values };

    Line(Format format, Shows shows) : format_(format), shows_(shows) {
        line_.reserve(512);
        if (format_ == Format::Json) {
            line_ += '{';
        }
    }

    void text(std::string_view name, std::string_view value) {
        begin(name);
        if (shows_ == Shows::Names) {
            return;
        }
        if (!isClean(value)) {
            room_ = cleaned(value);
            value = room_;
        }
        if (format_ == Format::Csv) {
            addCsv(line_, value);
        } else if (value.empty()) {
            line_ += "null";
        } else {
            addJson(line_, value);
        }
    }

    /// In decimal, with so many digits behind the point.
    void number(std::string_view name, std::optional<double> value, int digits) {
        begin(name);
        char written[64];
        if (shows_ == Shows::Values && value) {
            const auto end =
                std::to_chars(std::begin(written), std::end(written), *value, std::chars_format::fixed, digits);
            line_.append(written, end.ptr);
        } else if (shows_ == Shows::Values && format_ == Format::Json) {
            line_ += "null";
        }
    }

    [[nodiscard]] std::string end() && {
        line_ += format_ == Format::Json ? "}\n" : "\r\n";
        return std::move(line_);
    }

private:
    void begin(std::string_view name) {
        if (std::exchange(hasFields_, true)) {
            line_ += ',';
        }
        if (format_ == Format::Json) {
            addJson(line_, name);
            line_ += ':';
        } else if (shows_ == Shows::Names) {
            line_ += name;
        }
    }

    Format format_;
    Shows shows_;
    bool hasFields_ = false;
    std::string line_;
    std::string room_;  ///< for a value that is not as it came
};

namespace {

struct SideNames {
    std::string_view packets;
    std::string_view loss;
    std::string_view jitter;
    std::string_view mos;
};
constexpr SideNames kCaller{"caller_packets", "caller_loss", "caller_jitter", "caller_mos"};
constexpr SideNames kCallee{"callee_packets", "callee_loss", "callee_jitter", "callee_mos"};

/// `side` is a null pointer for what nobody has counted.
void addSide(Line& line, const SideNames& names, const siproxd_stream_side* side) {
    const auto when = [](bool isKnown, double value) { return isKnown ? std::optional(value) : std::nullopt; };
    const bool isMeasured = side != nullptr && side->expected > 0;
    line.number(names.packets, when(side != nullptr, side == nullptr ? 0 : static_cast<double>(side->packets)), 0);
    line.number(names.loss, when(isMeasured, isMeasured ? 100.0 * side->lost / side->expected : 0), 2);
    line.number(names.jitter, when(isMeasured, isMeasured ? side->jitter / 1000.0 : 0), 3);
    const auto mos = side == nullptr ? 0 : side->mos;
    line.number(names.mos, when(mos > 0, mos / 100.0), 2);
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

std::string_view TimeText::at(std::int64_t seconds) {
    const auto then = static_cast<std::time_t>(seconds);
    if (then == seconds_) {
        return text_;
    }
    seconds_ = then;
    text_.clear();
    std::tm local{};
    if (then == 0 || ::localtime_r(&then, &local) == nullptr) {
        return text_;
    }
    const long distance = std::abs(local.tm_gmtoff) / 60;
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%c%02ld:%02ld", local.tm_year + 1900, local.tm_mon + 1,
                  local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, local.tm_gmtoff < 0 ? '-' : '+', distance / 60,
                  distance % 60);
    text_ = text;
    return text_;
}

std::string Records::of(const siproxd_call& call) {
    Line line(format_, Line::Shows::Values);
    write(line, call);
    return std::move(line).end();
}

std::string Records::heading() {
    if (format_ == Format::Json) {
        return "";
    }
    Line line(format_, Line::Shows::Names);
    write(line, siproxd_call{});
    return std::move(line).end();
}

void Records::write(Line& line, const siproxd_call& call) {
    line.text("start", start_.at(call.started));
    line.text("answer", answer_.at(call.answered));
    line.text("end", end_.at(call.ended));
    if (call.answered == 0) {
        line.number("duration", 0, 0);
    } else {
        line.number("duration", static_cast<double>(call.talked) / 1000, 3);
    }
    line.text("direction", call.direction == SIPROXD_REQUEST_INCOMING   ? "in"
                           : call.direction == SIPROXD_REQUEST_OUTGOING ? "out"
                                                                        : "");
    line.text("from", orEmpty(call.caller));
    line.text("to", orEmpty(call.callee));
    line.text("dialled", orEmpty(call.dialled));
    line.text("source", orEmpty(call.source_ip));
    line.text("user", orEmpty(call.user));
    line.text("gateway", orEmpty(call.label));
    line.text("disposition", dispositionOf(call));
    line.number("code", call.status == 0 ? std::nullopt : std::optional<double>(call.status), 0);
    line.text("ended_by", endedBy(call.ended_by));
    line.text("reason", orEmpty(call.reason));
    const auto* stream = mainStream(call);
    line.text("codec", codecOf(stream));
    // What the parties send to each other nobody has counted.
    const bool isCounted = stream != nullptr && stream->direct == 0;
    addSide(line, kCaller, isCounted ? &stream->caller : nullptr);
    addSide(line, kCallee, isCounted ? &stream->callee : nullptr);
    line.text("call_id", orEmpty(call.call_id));
}

}  // namespace cdr
