// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "demand.h"
#include "transport/stream_framer.h"

using namespace siproxd;
using fuzz::demand;
using transport::Frame;
using Kind = Frame::Kind;

namespace {

constexpr transport::FramerLimits kLimits{.head = 512, .body = 64};

struct Cut {
    Kind kind;
    std::string bytes;
    std::string_view reason;
    friend bool operator==(const Cut&, const Cut&) = default;
};

/// A message as a second reader would see it: its only Content-Length is the length of its body.
void checkMessage(std::string_view message) {
    const auto end = message.find("\r\n\r\n");
    demand(end != std::string_view::npos, "a message has a head");
    demand(end + 4 <= kLimits.head, "a head is not above its limit");
    for (auto nul = message.find('\0'); nul < end; nul = message.find('\0', nul + 1)) {
        demand(nul > 0 && message[nul - 1] == '\\', "a head has no NUL but in a quoted-pair");
    }
    unsigned lengths = 0;
    auto lines = message.substr(0, end + 2);
    for (bool start = true; !lines.empty(); start = false) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(line.size() + 2);
        demand(line.find_first_of("\r\n") == std::string_view::npos, "a line has no bare CR or LF");
        const auto colon = line.find(':');
        const auto name = base::trim(line.substr(0, colon));
        const bool folded = line.starts_with(' ') || line.starts_with('\t');
        if (start || folded || colon == std::string_view::npos ||
            !(base::equalsIgnoreCase(name, "l") || base::equalsIgnoreCase(name, "content-length"))) {
            continue;
        }
        ++lengths;
        const auto value = base::parseUnsigned(base::trim(line.substr(colon + 1)), kLimits.body);
        demand(value && *value == message.size() - end - 4, "the length is that of the body");
    }
    demand(lengths == 1, "a message has one length");
}

/// The stream in pieces whose sizes `steps` repeats.
std::vector<Cut> cut(std::string_view stream, const std::vector<std::size_t>& steps) {
    transport::StreamFramer framer(kLimits);
    std::vector<Cut> cuts;
    std::size_t consumed = 0;
    std::size_t arrived = 0;
    for (std::size_t turn = 0; arrived < stream.size(); ++turn) {
        arrived = std::min(stream.size(), arrived + steps[turn % steps.size()]);
        for (;;) {
            // A copy, so that a sanitizer sees who reads behind its end.
            const std::string pending(stream.substr(consumed, arrived - consumed));
            const Frame frame = framer.next(pending);
            if (frame.kind == Kind::NeedMore) {
                demand(pending.size() < kLimits.head + kLimits.body, "what is held is bounded");
                break;
            }
            demand(frame.length <= pending.size(), "a frame is not longer than what came");
            cuts.push_back({frame.kind, pending.substr(0, frame.length), frame.reason});
            if (frame.kind == Kind::Error) {
                demand(frame.status >= 400 && !frame.reason.empty(), "an error says what it is");
                return cuts;
            }
            demand(frame.length > 0, "a frame has a length");
            demand(!framer.midMessage(), "behind a frame nothing has begun");
            consumed += frame.length;
        }
    }
    return cuts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto stream = fuzz::text(data, size);
    const auto whole = cut(stream, {size + 1});
    for (const auto& one : whole) {
        if (one.kind == Kind::Message) {
            checkMessage(one.bytes);
        }
    }
    demand(cut(stream, {1}) == whole, "bytewise gives the same");
    demand(cut(stream, {3, 1, 7, 40}) == whole, "other pieces give the same");
    return 0;
}
