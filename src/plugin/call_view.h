// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// What has happened to a call.
enum class CallEvent : std::uint8_t {
    Started = SIPROXD_CALL_STARTED,
    Trying = SIPROXD_CALL_TRYING,
    Left = SIPROXD_CALL_LEFT,
    Answered = SIPROXD_CALL_ANSWERED,
    Ended = SIPROXD_CALL_ENDED,
};

/// Who has ended it.
enum class EndedBy : std::uint8_t {
    NotYet = SIPROXD_END_NOT_YET,
    Caller = SIPROXD_END_CALLER,
    Callee = SIPROXD_END_CALLEE,
    Proxy = SIPROXD_END_PROXY,
};

/// As siproxd_stream_side; empty texts are not known.
struct StreamSideView {
    std::string localIp;
    std::string remote;
    std::string codec;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t rejected = 0;
    std::uint32_t expected = 0;
    std::uint32_t lost = 0;
    std::uint32_t jitter = 0;  ///< µs
    std::uint32_t mos = 0;     ///< hundredths; 0: not known
};

/// As siproxd_stream.
struct StreamView {
    std::uint32_t index = 0;
    std::uint32_t port = 0;
    bool direct = false;
    StreamSideView caller;
    StreamSideView callee;
};

/// As siproxd_call; empty texts are not known.
struct CallView {
    std::uint64_t id = 0;
    int direction = SIPROXD_DIRECTION_UNKNOWN;
    std::string callId;
    std::string caller;
    std::string callee;
    std::string dialled;
    std::string sourceIp;
    std::string user;
    std::string label;
    std::int64_t started = 0;
    std::int64_t answered = 0;
    std::int64_t ended = 0;
    std::uint64_t talked = 0;  ///< ms
    int status = 0;
    EndedBy endedBy = EndedBy::NotYet;
    std::string reason;
    std::vector<StreamView> streams;
};

/// Shows a call in the interface's structures, which are good until this is destroyed. `view` must
/// outlive it.
class CallShown {
public:
    explicit CallShown(const CallView& view);
    CallShown(const CallShown&) = delete;
    CallShown& operator=(const CallShown&) = delete;

    [[nodiscard]] const siproxd_call& call() const { return call_; }

private:
    std::vector<siproxd_stream> streams_;
    siproxd_call call_{};
};

}  // namespace siproxd::plugin
