// SPDX-License-Identifier: GPL-2.0-or-later
/// The values of plugin.h as C++ types. See plugin.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "../plugin.h"

namespace siproxd::api {

enum class Stage : std::uint32_t {
    Timer = SIPROXD_STAGE_TIMER,
    Raw = SIPROXD_STAGE_RAW,
    Validate = SIPROXD_STAGE_VALIDATE,
    DetermineTarget = SIPROXD_STAGE_DETERMINE_TARGET,
    PreProxy = SIPROXD_STAGE_PRE_PROXY,
    ProxyUnknown = SIPROXD_STAGE_PROXY_UNKNOWN,
    PostProxy = SIPROXD_STAGE_POST_PROXY,
};

/// The mask of several stages.
template <class... Stages>
[[nodiscard]] constexpr std::uint32_t stages(Stages... several) {
    return (static_cast<std::uint32_t>(several) | ...);
}

enum class Verdict : int {
    Continue = SIPROXD_CONTINUE,
    Answered = SIPROXD_ANSWERED,
    Drop = SIPROXD_DROP,
    Reject = SIPROXD_REJECT,
    Redirect = SIPROXD_REDIRECT,
    Retarget = SIPROXD_RETARGET,
    Suspend = SIPROXD_SUSPEND,
    Failed = SIPROXD_FAILED,
};

enum class Direction : int {
    Unknown = SIPROXD_DIRECTION_UNKNOWN,
    RequestIncoming = SIPROXD_REQUEST_INCOMING,
    RequestOutgoing = SIPROXD_REQUEST_OUTGOING,
    ResponseIncoming = SIPROXD_RESPONSE_INCOMING,
    ResponseOutgoing = SIPROXD_RESPONSE_OUTGOING,
};

enum class At : int {
    RequestUri = SIPROXD_AT_REQUEST_URI,
    From = SIPROXD_AT_FROM,
    To = SIPROXD_AT_TO,
    Contact = SIPROXD_AT_CONTACT,
    Route = SIPROXD_AT_ROUTE,
    RecordRoute = SIPROXD_AT_RECORD_ROUTE,
};

enum class Part : int {
    Text = SIPROXD_URI_TEXT,
    Scheme = SIPROXD_URI_SCHEME,
    User = SIPROXD_URI_USER,
    UserPlain = SIPROXD_URI_USER_PLAIN,
    Password = SIPROXD_URI_PASSWORD,
    Host = SIPROXD_URI_HOST,
    Port = SIPROXD_URI_PORT,
    Opaque = SIPROXD_URI_OPAQUE,
};

enum class ViaPart : int {
    Text = SIPROXD_VIA_TEXT,
    Transport = SIPROXD_VIA_TRANSPORT,
    Host = SIPROXD_VIA_HOST,
    Port = SIPROXD_VIA_PORT,
    Branch = SIPROXD_VIA_BRANCH,
    Received = SIPROXD_VIA_RECEIVED,
    Rport = SIPROXD_VIA_RPORT,
};

/// What has become of the targets before one of a higher rank (bits of Target::after).
enum class After : std::uint32_t {
    Busy = SIPROXD_AFTER_BUSY,
    NoAnswer = SIPROXD_AFTER_NO_ANSWER,
    Failure = SIPROXD_AFTER_FAILURE,
    Refusal = SIPROXD_AFTER_REFUSAL,
};

/// The mask of several outcomes.
template <class... Outcomes>
[[nodiscard]] constexpr std::uint32_t after(Outcomes... several) {
    return (static_cast<std::uint32_t>(several) | ...);
}

/// siproxd_target with texts of its own; empty ones are not there.
struct Target {
    std::string uri = {};
    std::string nextHop = {};
    std::string aor = {};
    std::uint32_t rank = 0;
    std::uint32_t after = 0;
    std::uint32_t ring = 0;  ///< milliseconds
    std::string label = {};
    std::string from = {};
    std::string to = {};
    std::string user = {};
    std::string password = {};
    std::string realm = {};
    bool dial = false;
    std::string onBehalf = {};
    bool foreign = false;
    std::string headers = {};
};

/// siproxd_request with texts of its own; empty ones are not there, but for the Contact's user.
struct Request {
    std::string method = {};
    std::string uri = {};
    std::string nextHop = {};
    std::string from = {};
    std::string to = {};
    std::string callId = {};
    std::uint32_t cseq = 0;
    std::optional<std::string> contactUser = {};
    std::string headers = {};
    std::string label = {};
    std::string user = {};
    std::string password = {};
    std::string realm = {};
};

/// Which registrations Host::bindings() shows.
enum class Bindings : int {
    All = SIPROXD_BINDINGS_ALL,
    OfAor = SIPROXD_BINDINGS_OF_AOR,
    OfContactHost = SIPROXD_BINDINGS_OF_CONTACT_HOST,
    OfShown = SIPROXD_BINDINGS_OF_SHOWN,
};

/// What Plugin::notice() hears of.
enum class Notice : int {
    Addresses = SIPROXD_NOTICE_ADDRESSES,
    Statistics = SIPROXD_NOTICE_STATISTICS,
};

/// What Plugin::call() hears of.
enum class CallEvent : int {
    Started = SIPROXD_CALL_STARTED,
    Trying = SIPROXD_CALL_TRYING,
    Left = SIPROXD_CALL_LEFT,
    Answered = SIPROXD_CALL_ANSWERED,
    Ended = SIPROXD_CALL_ENDED,
};

/// The mask of several, for Host::hearCalls().
template <class... Events>
[[nodiscard]] constexpr std::uint32_t events(Events... several) {
    return ((std::uint32_t{1} << static_cast<std::uint32_t>(several)) | ...);
}

/// A phone's registration.
struct Binding {
    std::string aor;
    std::string contact;
    std::string shown;   ///< empty: siproxd itself is the registrar
    std::string source;  ///< empty: not known
    std::int64_t expires = 0;
};

using Option = siproxd_option;

/// A line of the configuration.
struct OptionLine {
    std::string_view name;
    std::string_view value;
    std::size_t index = 0;  ///< of the lines with that name
};

/// A directive plugin_NAME_<name> with text; the last line counts.
[[nodiscard]] constexpr Option stringOption(const char* name, const char* help,
                                            const char* fallback = nullptr) {
    return {name, SIPROXD_OPTION_STRING, 0, fallback, 0, 0, help};
}

/// One with a whole number in [least, most].
[[nodiscard]] constexpr Option integerOption(const char* name, const char* help,
                                             const char* fallback, std::int64_t least,
                                             std::int64_t most) {
    return {name, SIPROXD_OPTION_INTEGER, 0, fallback, least, most, help};
}

/// One that may be given several times.
[[nodiscard]] constexpr Option listOption(const char* name, const char* help) {
    return {name, SIPROXD_OPTION_LIST, 0, nullptr, 0, 0, help};
}

/// Where a log line comes from; filled in by itself. (As std::source_location, which not all
/// compilers that plugins are built with have.)
struct Where {
    const char* file;
    std::uint32_t line;

    static constexpr Where current(const char* file = __builtin_FILE(),
                                   std::uint32_t line = __builtin_LINE()) {
        return {file, line};
    }
};

/// A borrowed text, or nothing.
using Text = std::optional<std::string_view>;

namespace detail {

inline Text text(const char* borrowed) {
    return borrowed == nullptr ? Text() : Text(borrowed);
}

/// A null pointer for an empty text.
inline const char* orNull(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

/// Texts for C; the view may be part of a longer one.
inline std::string z(std::string_view view) {
    return std::string(view);
}

}  // namespace detail

}  // namespace siproxd::api
