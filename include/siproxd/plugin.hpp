// SPDX-License-Identifier: GPL-2.0-or-later
/// plugin.h for C++20: the same interface with types, and nothing that has to be linked. A plugin
/// is a class that is made from a Host, and one line:
///
///     class Hello {
///     public:
///         static constexpr const char* kDescription = "Greets every call";
///         static constexpr const char* kVersion = "1.0";
///         static constexpr std::uint32_t kStages = siproxd::api::stages(Stage::PreProxy);
///         explicit Hello(siproxd::api::Host host);
///         siproxd::api::Verdict process(Stage stage, siproxd::api::Message& message);
///     };
///     SIPROXD_PLUGIN(plugin_hello, Hello)
///
/// It may also have
///   - `static constexpr Option kOptions[]`: its directives in the configuration;
///   - `static std::unique_ptr<Hello> create(Host)` instead of the constructor: a null pointer
///     means that it cannot run and has said why;
///   - `void tick()`, with Stage::Timer among its stages;
///   - `int call(CallEvent event, const siproxd_call& call)`, to hear of calls;
///   - `void notice(Notice what)`, to hear of other things;
///   - `bool route(std::string_view number, std::string_view from, const std::function<void(std::string_view)>& print)`,
///     for siproxd --route-test;
///   - `void traffic(const siproxd_packet& packet)`, to see all SIP on the wire.
/// Views that are given back are borrowed as plugin.h says: until the message is changed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "siproxd/plugin.h"

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

inline const char* orEmpty(const char* text) {
    return text == nullptr ? "" : text;
}

/// A null pointer for an empty text.
inline const char* orNull(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

/// Texts for C; the view may be part of a longer one.
inline std::string z(std::string_view view) {
    return std::string(view);
}

/// Without regard to case.
inline bool equals(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace detail

/// A URI of the plugin's own.
class Uri {
public:
    [[nodiscard]] Text part(Part part) const {
        return detail::text(host_->uri_part(uri_.get(), static_cast<int>(part)));
    }
    /// False: the value cannot stand there.
    bool set(Part part, std::string_view value) {
        return host_->uri_set_part(uri_.get(), static_cast<int>(part), detail::z(value).c_str()) ==
               0;
    }
    [[nodiscard]] Text param(std::string_view name) const {
        return detail::text(host_->uri_param(uri_.get(), detail::z(name).c_str()));
    }
    bool setParam(std::string_view name, std::string_view value) {
        return host_->uri_set_param(uri_.get(), detail::z(name).c_str(),
                                    detail::z(value).c_str()) == 0;
    }
    bool removeParam(std::string_view name) {
        return host_->uri_remove_param(uri_.get(), detail::z(name).c_str()) != 0;
    }
    [[nodiscard]] std::string toString() const {
        return std::string(part(Part::Text).value_or(std::string_view()));
    }

private:
    friend class Host;

    struct Free {
        const siproxd_host* host;
        void operator()(siproxd_uri* uri) const { host->uri_free(uri); }
    };

    Uri(const siproxd_host* host, siproxd_uri* uri) : host_(host), uri_(uri, Free{host}) {}

    const siproxd_host* host_;
    std::unique_ptr<siproxd_uri, Free> uri_;
};

/// An address list of the configuration, in the syntax of hosts_allow_sip.
class AddressList {
public:
    /// `ip` as sourceIp() and ViaPart::Host give it; what is no address is not in it.
    [[nodiscard]] bool contains(std::string_view ip) const {
        return list_ != nullptr && host_->list_contains(list_.get(), detail::z(ip).c_str()) != 0;
    }
    /// Nothing is configured: it has nobody in it.
    [[nodiscard]] bool empty() const { return list_ == nullptr; }

private:
    friend class Host;

    struct Free {
        const siproxd_host* host;
        void operator()(siproxd_list* list) const { host->list_free(list); }
    };

    AddressList(const siproxd_host* host, siproxd_list* list)
        : host_(host), list_(list, Free{host}) {}

    const siproxd_host* host_;
    std::unique_ptr<siproxd_list, Free> list_;
};

/// siproxd, as the plugin sees it. A value; valid as long as the plugin.
class Host {
public:
    Host(const siproxd_host* table, siproxd_self* self) : table_(table), self_(self) {}

    // --- log
    void info(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_INFO, text, where);
    }
    void warning(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_WARNING, text, where);
    }
    void error(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_ERROR, text, where);
    }
    /// In the debug class PLUGIN.
    void debug(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_DEBUG, text, where);
    }

    // --- configuration
    /// The last value, or the declared default, or nothing.
    [[nodiscard]] Text string(const char* option) const {
        return detail::text(table_->option_string(self_, option));
    }
    [[nodiscard]] std::optional<std::int64_t> integer(const char* option) const {
        std::int64_t value = 0;
        return table_->option_integer(self_, option, &value) != 0 ? std::optional(value)
                                                                  : std::nullopt;
    }
    [[nodiscard]] std::vector<std::string_view> list(const char* option) const {
        std::vector<std::string_view> values;
        for (std::size_t i = 0; i < table_->option_count(self_, option); ++i) {
            values.emplace_back(table_->option_value(self_, option, i));
        }
        return values;
    }
    /// The address list that the last line of the option gives; to be called during create().
    /// Nothing: it is none, which has been logged with file and line.
    [[nodiscard]] std::optional<AddressList> addresses(const char* option) const {
        const auto text = string(option);
        if (!text || text->empty()) {
            return AddressList(table_, nullptr);
        }
        const char* why = nullptr;
        siproxd_list* list = table_->list_parse(self_, detail::z(*text).c_str(), &why);
        if (list == nullptr) {
            optionError(option, lastOf(option), why);
            return std::nullopt;
        }
        return AddressList(table_, list);
    }
    /// Likewise of one of several lines.
    [[nodiscard]] std::optional<AddressList> addresses(const OptionLine& line) const {
        if (line.value.empty()) {
            return AddressList(table_, nullptr);
        }
        const char* why = nullptr;
        siproxd_list* list = table_->list_parse(self_, detail::z(line.value).c_str(), &why);
        if (list == nullptr) {
            optionError(line, why);
            return std::nullopt;
        }
        return AddressList(table_, list);
    }
    /// Which of these words the option says, without regard to case. Nothing: none of them, which
    /// has been logged with file and line.
    [[nodiscard]] std::optional<std::size_t>
    choice(const char* option, std::initializer_list<std::string_view> words) const {
        const auto text = string(option).value_or(std::string_view());
        std::string all;
        for (const auto* word = words.begin(); word != words.end(); ++word) {
            if (detail::equals(*word, text)) {
                return static_cast<std::size_t>(word - words.begin());
            }
            all.append(all.empty() ? "" : " or ").append(*word);
        }
        optionError(option, lastOf(option), all + " is needed");
        return std::nullopt;
    }
    /// All lines of the plugin in file order.
    [[nodiscard]] std::vector<OptionLine> lines() const {
        std::vector<OptionLine> all;
        const char* value = nullptr;
        std::size_t index = 0;
        while (const char* name = table_->option_line(self_, all.size(), &value, &index)) {
            all.push_back({name, value, index});
        }
        return all;
    }
    /// Logs what is wrong with a value, with its file and line.
    void optionError(const OptionLine& line, std::string_view text) const {
        table_->option_error(self_, detail::z(line.name).c_str(), line.index, detail::z(text).c_str());
    }
    void optionError(const char* option, std::size_t index, std::string_view text) const {
        table_->option_error(self_, option, index, detail::z(text).c_str());
    }

    // --- time
    [[nodiscard]] std::int64_t wallTime() const { return table_->wall_time(self_); }
    [[nodiscard]] std::int64_t steadyTime() const { return table_->steady_time(self_); }

    [[nodiscard]] std::optional<Uri> uri(std::string_view text) const {
        siproxd_uri* made = table_->uri_parse(self_, detail::z(text).c_str());
        return made == nullptr ? std::nullopt : std::optional(Uri(table_, made));
    }

    /// user@domain of the user of siproxd's own that the URI means; nothing: it is of somebody else.
    [[nodiscard]] Text ownUser(std::string_view uri) const {
        return detail::text(table_->own_user(self_, detail::z(uri).c_str()));
    }

    /// While the plugin is made: it is not asked but at these of its stages; 0: at none, for there is nothing to do.
    void restrictStages(std::uint32_t stages) const { table_->restrict_stages(self_, stages); }

    /// The address that siproxd has outside as others see it; nothing: its own again. False: that is none.
    bool announce(std::optional<std::string_view> ip) const {
        return table_->announce(self_, ip ? detail::z(*ip).c_str() : nullptr) == 0;
    }

    /// From any thread: process() is called again for the suspended message.
    void resume(std::uint64_t token) const { table_->resume(self_, token); }

    /// Registrations in force; `text` as Bindings says.
    [[nodiscard]] std::vector<Binding> bindings(Bindings which, std::string_view text = {}) const {
        std::vector<Binding> found;
        const auto keep = [](void* context, const siproxd_binding* binding) {
            static_cast<std::vector<Binding>*>(context)->push_back(
                {binding->aor, binding->contact, detail::orEmpty(binding->shown),
                 detail::orEmpty(binding->source), binding->expires});
            return 1;
        };
        table_->bindings(self_, static_cast<int>(which), detail::z(text).c_str(), keep, &found);
        return found;
    }

    /// Shows all calls to `each` (bool(const siproxd_call&)) until that says false.
    template <class Each>
    void calls(Each each) const {
        table_->calls(
            self_,
            [](void* context, const siproxd_call* call) {
                return (*static_cast<Each*>(context))(*call) ? 1 : 0;
            },
            &each);
    }
    /// False: there is no such call (any more).
    bool endCall(std::uint64_t call, int status, std::string_view reason) const {
        return table_->call_end(self_, call, status, detail::z(reason).c_str()) == 0;
    }

    [[nodiscard]] const siproxd_host* table() const { return table_; }
    [[nodiscard]] siproxd_self* self() const { return self_; }

private:
    /// The line that counts.
    [[nodiscard]] std::size_t lastOf(const char* option) const {
        const std::size_t lines = table_->option_count(self_, option);
        return lines == 0 ? 0 : lines - 1;
    }

    void write(int level, std::string_view text, const Where& where) const {
        if (table_->log_wanted(self_, level, SIPROXD_DEBUG_PLUGIN) != 0) {
            table_->log(self_, level, SIPROXD_DEBUG_PLUGIN, where.file, where.line,
                        detail::z(text).c_str());
        }
    }

    const siproxd_host* table_;
    siproxd_self* self_;
};

namespace detail {

/// Logs what has been thrown. In a handler only.
inline void report(const Host& host) noexcept {
    try {
        throw;
    } catch (const std::exception& error) {
        host.warning(std::string("exception in a plugin: ") + error.what());
    } catch (...) {
        host.warning("exception in a plugin");
    }
}

}  // namespace detail

/// Calls a function once, after a while; not when it is destroyed before. It must not outlive the
/// plugin, and may be started anew, also by what it calls.
class Timer {
public:
    Timer(const Host& host, std::function<void()> due) : host_(host), due_(std::move(due)) {}
    ~Timer() { stop(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void start(std::uint32_t milliseconds) {
        stop();
        id_ = host_.table()->timer_start(
            host_.self(), milliseconds,
            [](void* context) {
                auto* timer = static_cast<Timer*>(context);
                timer->id_ = 0;
                const Host host = timer->host_;
                try {
                    timer->due_();
                } catch (...) {
                    detail::report(host);
                }
            },
            this);
    }
    void stop() {
        if (const auto id = std::exchange(id_, 0); id != 0) {
            host_.table()->timer_cancel(host_.self(), id);
        }
    }
    [[nodiscard]] bool isRunning() const { return id_ != 0; }

private:
    Host host_;
    std::function<void()> due_;
    std::uint64_t id_ = 0;
};

/// A message on its way. Valid during process() only.
class Message {
public:
    Message(const siproxd_host* host, siproxd_message* message) : host_(host), message_(message) {}

    // --- where it came from
    [[nodiscard]] std::string_view source() const { return host_->msg_source(message_); }
    [[nodiscard]] std::string_view sourceIp() const { return host_->msg_source_ip(message_); }
    [[nodiscard]] std::uint32_t sourcePort() const { return host_->msg_source_port(message_); }
    [[nodiscard]] Direction direction() const {
        return static_cast<Direction>(host_->msg_direction(message_));
    }
    bool setDirection(Direction direction) {
        return host_->msg_set_direction(message_, static_cast<int>(direction)) == 0;
    }

    // --- bytes, at Stage::Raw only
    [[nodiscard]] std::string_view raw() const {
        std::size_t size = 0;
        const char* data = host_->msg_raw(message_, &size);
        return {data, size};
    }
    bool setRaw(std::string_view bytes) {
        return host_->msg_set_raw(message_, bytes.data(), bytes.size()) == 0;
    }

    // --- first line and identity
    [[nodiscard]] bool isRequest() const { return host_->msg_status(message_) == 0; }
    [[nodiscard]] int status() const { return host_->msg_status(message_); }
    /// Of a response.
    [[nodiscard]] std::string_view reason() const {
        return detail::text(host_->msg_reason(message_)).value_or(std::string_view());
    }
    [[nodiscard]] std::string_view method() const {
        return detail::text(host_->msg_method(message_)).value_or(std::string_view());
    }
    [[nodiscard]] std::string_view callId() const {
        return detail::text(host_->msg_call_id(message_)).value_or(std::string_view());
    }
    [[nodiscard]] std::uint32_t cseq() const { return host_->msg_cseq(message_); }

    // --- addresses
    [[nodiscard]] std::size_t count(At at) const {
        return host_->msg_address_count(message_, static_cast<int>(at));
    }
    [[nodiscard]] Text uri(At at, Part part, std::size_t index = 0) const {
        return detail::text(
            host_->msg_uri_part(message_, static_cast<int>(at), index, static_cast<int>(part)));
    }
    [[nodiscard]] Text uriParam(At at, const char* name, std::size_t index = 0) const {
        return detail::text(host_->msg_uri_param(message_, static_cast<int>(at), index, name));
    }
    bool setUri(At at, Part part, std::string_view value, std::size_t index = 0) {
        return host_->msg_set_uri_part(message_, static_cast<int>(at), index,
                                       static_cast<int>(part), detail::z(value).c_str()) == 0;
    }
    [[nodiscard]] Text address(At at, std::size_t index = 0) const {
        return detail::text(host_->msg_address(message_, static_cast<int>(at), index));
    }
    bool setAddress(At at, std::string_view text, std::size_t index = 0) {
        return host_->msg_set_address(message_, static_cast<int>(at), index,
                                      detail::z(text).c_str()) == 0;
    }
    bool removeAddress(At at, std::size_t index) {
        return host_->msg_set_address(message_, static_cast<int>(at), index, nullptr) == 0;
    }
    /// A header parameter such as tag or expires.
    [[nodiscard]] Text param(At at, const char* name, std::size_t index = 0) const {
        return detail::text(host_->msg_address_param(message_, static_cast<int>(at), index, name));
    }

    // --- Via
    [[nodiscard]] std::size_t viaCount() const { return host_->msg_via_count(message_); }
    [[nodiscard]] Text via(ViaPart part, std::size_t index = 0) const {
        return detail::text(host_->msg_via_part(message_, index, static_cast<int>(part)));
    }
    bool setVia(ViaPart part, std::string_view value, std::size_t index = 0) {
        return host_->msg_set_via_part(message_, index, static_cast<int>(part),
                                       detail::z(value).c_str()) == 0;
    }
    /// Port, received or rport.
    bool removeVia(ViaPart part, std::size_t index = 0) {
        return host_->msg_set_via_part(message_, index, static_cast<int>(part), nullptr) == 0;
    }
    bool popVia() { return host_->msg_pop_via(message_) == 0; }

    // --- any header
    [[nodiscard]] std::size_t headerCount(const char* name) const {
        return host_->msg_header_count(message_, name);
    }
    [[nodiscard]] Text header(const char* name, std::size_t index = 0) const {
        return detail::text(host_->msg_header(message_, name, index));
    }
    bool setHeader(const char* name, std::string_view value) {
        return host_->msg_set_header(message_, name, detail::z(value).c_str()) == 0;
    }
    bool addHeader(const char* name, std::string_view value) {
        return host_->msg_add_header(message_, name, detail::z(value).c_str()) == 0;
    }
    std::size_t removeHeader(const char* name) {
        return host_->msg_remove_header(message_, name, nullptr);
    }
    std::size_t removeHeader(const char* name, std::string_view value) {
        return host_->msg_remove_header(message_, name, detail::z(value).c_str());
    }

    // --- body
    [[nodiscard]] std::string_view body() const {
        std::size_t size = 0;
        const char* data = host_->msg_body(message_, &size);
        return {data, size};
    }
    [[nodiscard]] Text contentType() const {
        return detail::text(host_->msg_content_type(message_));
    }
    bool setBody(std::string_view bytes) {
        return host_->msg_set_body(message_, nullptr, bytes.data(), bytes.size()) == 0;
    }
    bool setBody(const char* type, std::string_view bytes) {
        return host_->msg_set_body(message_, type, bytes.data(), bytes.size()) == 0;
    }

    // --- decisions: what they return is what process() returns
    [[nodiscard]] Verdict reject(int status, const char* reason = nullptr) {
        return static_cast<Verdict>(host_->reject(message_, status, reason));
    }
    [[nodiscard]] Verdict redirect(std::string_view contact) {
        return static_cast<Verdict>(host_->redirect(message_, detail::z(contact).c_str()));
    }
    [[nodiscard]] Verdict retarget(std::string_view uri, const char* nextHop = nullptr,
                                   std::uint32_t rank = 0) {
        return static_cast<Verdict>(
            host_->retarget(message_, detail::z(uri).c_str(), nextHop, rank));
    }
    [[nodiscard]] Verdict retarget(const Target& target) {
        using detail::orNull;
        siproxd_target plain{};
        plain.size = sizeof plain;
        plain.rank = target.rank;
        plain.uri = orNull(target.uri);
        plain.next_hop = orNull(target.nextHop);
        plain.aor = orNull(target.aor);
        plain.after = target.after;
        plain.ring = target.ring;
        plain.label = orNull(target.label);
        plain.from = orNull(target.from);
        plain.to = orNull(target.to);
        plain.user = orNull(target.user);
        plain.password = orNull(target.password);
        plain.realm = orNull(target.realm);
        plain.dial = target.dial ? 1 : 0;
        plain.foreign = target.foreign ? 1 : 0;
        plain.on_behalf = orNull(target.onBehalf);
        plain.headers = orNull(target.headers);
        return static_cast<Verdict>(host_->retarget_to(message_, &plain));
    }
    bool setNextHop(std::string_view uri) {
        return host_->set_next_hop(message_, detail::z(uri).c_str()) == 0;
    }
    /// An answer to fill in and to send by returning Verdict::Answered.
    [[nodiscard]] std::optional<Message> reply(int status, const char* reason = nullptr) {
        siproxd_message* made = host_->reply(message_, status, reason);
        return made == nullptr ? std::nullopt : std::optional(Message(host_, made));
    }
    /// 0: it cannot wait. Else keep the token and return Verdict::Suspend.
    [[nodiscard]] std::uint64_t suspend(std::uint32_t milliseconds, int statusAtDeadline) {
        return host_->suspend(message_, milliseconds, statusAtDeadline);
    }
    [[nodiscard]] std::uint64_t token() const { return host_->msg_token(message_); }

    /// What the sender is called, if a plugin deals with it.
    [[nodiscard]] Text label() const { return detail::text(host_->msg_label(message_)); }
    /// Who has authenticated here.
    [[nodiscard]] Text user() const { return detail::text(host_->msg_user(message_)); }

    /// What has been dialled before in the place of the request URI (Target::dial), the first one first.
    [[nodiscard]] std::vector<std::string_view> history() const {
        std::vector<std::string_view> all;
        while (const char* uri = host_->msg_history(message_, all.size())) {
            all.emplace_back(uri);
        }
        return all;
    }

    [[nodiscard]] siproxd_message* handle() const { return message_; }

private:
    const siproxd_host* host_;
    siproxd_message* message_;
};

/// Sends requests of siproxd's own, one at a time. It must not outlive the plugin; nothing is called
/// when it is destroyed before the answer comes.
class Client {
public:
    /// Gets the final response, one that siproxd has made when nobody has answered (408, 503).
    using Done = std::function<void(const Message& response)>;

    Client(const Host& host, Done done) : host_(host), done_(std::move(done)) {}
    ~Client() { forget(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// The one that was sent before is forgotten. False: it is not well-formed, or siproxd is not ready.
    [[nodiscard]] bool send(const Request& request) {
        using detail::orNull;
        forget();
        siproxd_request plain{};
        plain.size = sizeof plain;
        plain.cseq = request.cseq;
        plain.method = orNull(request.method);
        plain.uri = orNull(request.uri);
        plain.next_hop = orNull(request.nextHop);
        plain.from = orNull(request.from);
        plain.to = orNull(request.to);
        plain.call_id = orNull(request.callId);
        plain.contact_user = request.contactUser ? request.contactUser->c_str() : nullptr;
        plain.headers = orNull(request.headers);
        plain.label = orNull(request.label);
        plain.user = orNull(request.user);
        plain.password = orNull(request.password);
        plain.realm = orNull(request.realm);
        id_ = host_.table()->request_send(
            host_.self(), &plain,
            [](void* context, siproxd_message* response) {
                auto* client = static_cast<Client*>(context);
                client->id_ = 0;
                const Host host = client->host_;
                try {
                    client->done_(Message(host.table(), response));
                } catch (...) {
                    detail::report(host);
                }
            },
            this);
        return id_ != 0;
    }
    void forget() {
        if (const auto id = std::exchange(id_, 0); id != 0) {
            host_.table()->request_forget(host_.self(), id);
        }
    }
    [[nodiscard]] bool isWaiting() const { return id_ != 0; }

private:
    Host host_;
    Done done_;
    std::uint64_t id_ = 0;
};

/// A NAPTR record (RFC 3403).
struct Naptr {
    std::uint32_t order = 0;
    std::uint32_t preference = 0;
    std::string flags;
    std::string service;
    std::string regexp;       ///< `!pattern!replacement!flags`; empty: there is none
    std::string replacement;  ///< a host name
};

/// A question to the name servers, forgotten when this is destroyed.
class Lookup {
public:
    explicit Lookup(const Host& host) : host_(host) {}
    ~Lookup() { forget(); }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    /// `done` gets none when there are none, or none could be found. False: siproxd is not ready. The question before
    /// is forgotten.
    bool addresses(std::string_view name, std::function<void(std::vector<std::string>)> done) {
        forget();
        addresses_ = std::move(done);
        id_ = host_.table()->dns_addresses(
            host_.self(), detail::z(name).c_str(),
            [](void* context, const char* const* ips, std::size_t count, const char*) {
                auto* lookup = static_cast<Lookup*>(context);
                lookup->answered([&] {
                    const auto call = std::move(lookup->addresses_);
                    call(std::vector<std::string>(ips, ips + count));
                });
            },
            this);
        return id_ != 0;
    }
    bool naptr(std::string_view name, std::function<void(std::vector<Naptr>)> done) {
        forget();
        naptr_ = std::move(done);
        id_ = host_.table()->dns_naptr(
            host_.self(), detail::z(name).c_str(),
            [](void* context, const siproxd_naptr* records, std::size_t count, const char*) {
                auto* lookup = static_cast<Lookup*>(context);
                lookup->answered([&] {
                    std::vector<Naptr> all;
                    for (std::size_t i = 0; i < count; ++i) {
                        all.push_back({records[i].order, records[i].preference, records[i].flags,
                                       records[i].service, records[i].regexp, records[i].replacement});
                    }
                    const auto call = std::move(lookup->naptr_);
                    call(std::move(all));
                });
            },
            this);
        return id_ != 0;
    }
    void forget() {
        if (const auto id = std::exchange(id_, 0); id != 0) {
            host_.table()->dns_forget(host_.self(), id);
        }
    }

private:
    /// The lookup may be destroyed by who is told.
    template <class Body>
    void answered(const Body& body) {
        id_ = 0;
        const Host host = host_;
        try {
            body();
        } catch (...) {
            detail::report(host);
        }
    }

    Host host_;
    std::function<void(std::vector<std::string>)> addresses_;
    std::function<void(std::vector<Naptr>)> naptr_;
    std::uint64_t id_ = 0;
};

/// Datagrams from the SIP socket outside to somebody who answers with datagrams. What is waited for is forgotten when
/// this is destroyed.
class Datagrams {
public:
    /// Gets what has come from there, or nothing when the time is over; true: that was what has been waited for.
    using Came = std::function<bool(std::optional<std::string_view>)>;

    Datagrams(const Host& host, Came came) : host_(host), came_(std::make_shared<const Came>(std::move(came))) {}
    ~Datagrams() { forget(); }
    Datagrams(const Datagrams&) = delete;
    Datagrams& operator=(const Datagrams&) = delete;

    /// `to` as Message::source() gives it. Waits for answers from there, and no longer for those before. False: it
    /// could not be sent.
    bool send(std::string_view to, std::string_view bytes, std::uint32_t patience) {
        forget();
        *id_ = host_.table()->datagram_send(
            host_.self(), detail::z(to).c_str(), bytes.data(), bytes.size(), patience,
            [](void* context, const void* data, std::size_t size) {
                const auto* self = static_cast<const Datagrams*>(context);
                const Host host = self->host_;
                // It may send the next one meanwhile, or be gone.
                const auto came = self->came_;
                const auto number = self->id_;
                try {
                    if (data == nullptr) {
                        *number = 0;
                        (*came)(std::nullopt);
                        return 1;
                    }
                    const auto id = *number;
                    const bool isIt = (*came)(std::string_view(static_cast<const char*>(data), size));
                    if (isIt && *number == id) {
                        *number = 0;
                    }
                    return isIt ? 1 : 0;
                } catch (...) {
                    detail::report(host);
                    return 0;
                }
            },
            this);
        return *id_ != 0;
    }
    /// Sends the same once more; who waits already goes on.
    bool repeat(std::string_view to, std::string_view bytes) const {
        host_.table()->datagram_send(host_.self(), detail::z(to).c_str(), bytes.data(), bytes.size(), 0, nullptr,
                                     nullptr);
        return *id_ != 0;
    }
    void forget() {
        if (const auto id = std::exchange(*id_, 0); id != 0) {
            host_.table()->datagram_forget(host_.self(), id);
        }
    }

private:
    Host host_;
    std::shared_ptr<const Came> came_;
    std::shared_ptr<std::uint64_t> id_ = std::make_shared<std::uint64_t>(0);
};

/// What siproxd calls: from here no exception gets through.
template <class Plugin>
class Trampoline {
public:
    static int create(const siproxd_host* table, siproxd_self* self, void** state) noexcept {
        const Host host(table, self);
        try {
            auto plugin = make(host);
            if (plugin == nullptr) {
                return SIPROXD_NOT_CREATED;
            }
            *state = new Holder{host, std::move(plugin)};
            return SIPROXD_CREATED;
        } catch (...) {
            detail::report(host);
            return SIPROXD_NOT_CREATED;
        }
    }

    static void destroy(void* state) noexcept { delete static_cast<Holder*>(state); }

    static int process(void* state, std::uint32_t stage, siproxd_message* handle) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            Message message(holder->host.table(), handle);
            return static_cast<int>(holder->plugin->process(static_cast<Stage>(stage), message));
        } catch (...) {
            detail::report(holder->host);
            return SIPROXD_FAILED;
        }
    }

    static void tick(void* state) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            holder->plugin->tick();
        } catch (...) {
            detail::report(holder->host);
        }
    }

    static int route(void* state, const char* number, const char* from,
                     void (*print)(void* context, const char* line), void* context) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            return holder->plugin->route(number, from, [print, context](std::string_view line) {
                print(context, detail::z(line).c_str());
            })
                       ? 1
                       : 0;
        } catch (...) {
            detail::report(holder->host);
            return 0;
        }
    }

    static void notice(void* state, int what) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            holder->plugin->notice(static_cast<Notice>(what));
        } catch (...) {
            detail::report(holder->host);
        }
    }

    static void traffic(void* state, const siproxd_packet* packet) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            holder->plugin->traffic(*packet);
        } catch (...) {
            detail::report(holder->host);
        }
    }

    static int call(void* state, int event, const siproxd_call* call) noexcept {
        auto* holder = static_cast<Holder*>(state);
        try {
            return holder->plugin->call(static_cast<CallEvent>(event), *call);
        } catch (...) {
            detail::report(holder->host);
            return 0;
        }
    }

    static constexpr siproxd_plugin describe(const char* name) {
        siproxd_plugin plugin{SIPROXD_PLUGIN_HEADER,
                              Plugin::kStages,
                              name,
                              Plugin::kDescription,
                              Plugin::kVersion,
                              nullptr,
                              0,
                              sizeof(siproxd_option),
                              create,
                              destroy,
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr};
        if constexpr (requires { Plugin::kOptions; }) {
            plugin.options = std::data(Plugin::kOptions);
            plugin.option_count = static_cast<std::uint32_t>(std::size(Plugin::kOptions));
        }
        if constexpr (requires { &Plugin::process; }) {
            plugin.process = process;
        }
        if constexpr (requires { &Plugin::tick; }) {
            plugin.tick = tick;
        }
        if constexpr (requires { &Plugin::call; }) {
            plugin.call = call;
        }
        if constexpr (requires { &Plugin::notice; }) {
            plugin.notice = notice;
        }
        if constexpr (requires { &Plugin::route; }) {
            plugin.route = route;
        }
        if constexpr (requires { &Plugin::traffic; }) {
            plugin.traffic = traffic;
        }
        return plugin;
    }

private:
    struct Holder {
        Host host;
        std::unique_ptr<Plugin> plugin;
    };

    static std::unique_ptr<Plugin> make(const Host& host) {
        if constexpr (requires { Plugin::create(host); }) {
            return Plugin::create(host);
        } else {
            return std::make_unique<Plugin>(host);
        }
    }
};

}  // namespace siproxd::api

/// Exports the class as the plugin `name` (plugin_something, as in load_plugin).
#define SIPROXD_PLUGIN(name, Class)                                                                \
    extern "C" {                                                                                   \
    extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(name);                 \
    constinit const siproxd_plugin                                                                 \
        SIPROXD_PLUGIN_SYMBOL(name) = ::siproxd::api::Trampoline<Class>::describe(#name);          \
    }
