// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/address_list.h"
#include "base/flow.h"
#include "config/settings.h"
#include "event/loop.h"
#include "plugin/call_view.h"
#include "plugin/services.h"
#include "plugin/target.h"
#include "sip/message.h"
#include "sip/name_addr.h"
#include "sip/uri.h"
#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// Where a message is on its way, in the order of the calls. The values are the interface's bits.
enum class Stage : std::uint32_t {
    Raw = SIPROXD_STAGE_RAW,            ///< bytes, before access lists; `Context::raw` counts
    Validate = SIPROXD_STAGE_VALIDATE,  ///< parsed; before Max-Forwards and the loop check
    DetermineTarget = SIPROXD_STAGE_DETERMINE_TARGET,  ///< requests, direction already looked up
    PreProxy = SIPROXD_STAGE_PRE_PROXY,                ///< before masquerading
    ProxyUnknown = SIPROXD_STAGE_PROXY_UNKNOWN,        ///< direction unknown: 408 or drop follow
    PostProxy = SIPROXD_STAGE_POST_PROXY,              ///< before sending
};

enum class Direction : std::uint8_t {
    Unknown = SIPROXD_DIRECTION_UNKNOWN,
    RequestIncoming = SIPROXD_REQUEST_INCOMING,
    RequestOutgoing = SIPROXD_REQUEST_OUTGOING,
    ResponseIncoming = SIPROXD_RESPONSE_INCOMING,
    ResponseOutgoing = SIPROXD_RESPONSE_OUTGOING,
};

enum class Verdict : std::uint8_t {
    Continue,  ///< go on; message, direction and next hop may have been changed
    Answered,  ///< send Outcome::reply when there is one, then forget the request
    Drop,      ///< forget the message without an answer
    Reject,    ///< answer with status and reason
    Redirect,  ///< answer 302 with Outcome::contacts
    Retarget,  ///< send the request to Outcome::targets instead
    Suspend,   ///< park message and context under Outcome::token until Chain calls back
};

/// What plugins hear of besides messages and calls.
enum class Notice : std::uint8_t {
    Addresses = SIPROXD_NOTICE_ADDRESSES,
    Statistics = SIPROXD_NOTICE_STATISTICS,
};

/// Names a suspended message; never reused. 0 is none.
enum class Token : std::uint64_t { None = 0 };

/// A message and what is known about it. The chain borrows it for the call.
struct Context {
    sip::Message* message = nullptr;  ///< null at Stage::Raw
    std::string* raw = nullptr;       ///< at Stage::Raw only; plugins may replace the bytes
    base::Flow flow = {};        ///< how it came
    Direction direction = Direction::Unknown;  ///< plugins may change it
    std::optional<sip::Uri> nextHop = {};      ///< plugins may set it; wins over the proxy's own
    std::string label = {};  ///< what the sender is called that a plugin knows; empty: none
    std::string user = {};   ///< who has authenticated; empty: nobody was asked
    /// What has been dialled before instead of the request URI, the first one first; null: nothing.
    std::shared_ptr<const std::vector<std::string>> history = {};
};

/// What the chain decided. Members that do not belong to the verdict are empty.
struct Outcome {
    Verdict verdict = Verdict::Continue;
    int status = 0;                            ///< Reject: 300 to 699; Redirect: 302
    std::string reason = {};                   ///< Reject, Redirect; never empty there
    std::vector<sip::NameAddr> contacts = {};  ///< Redirect; at least one
    std::vector<Target> targets = {};          ///< Retarget; at least one, sorted by rank
    std::optional<sip::Message> reply = {};    ///< Answered; complete, To tag included
    Token token = Token::None;                 ///< Suspend
    std::string plugin = {};                   ///< who decided; empty for Continue

    [[nodiscard]] bool goesOn() const { return verdict == Verdict::Continue; }
};

/// How long a plugin may take for one call, and how often it may take longer.
struct Patience {
    base::Duration call = std::chrono::milliseconds(500);
    unsigned strikes = 3;  ///< the call that makes it so many disables the plugin
};

/// One plugin as a console or a statistics page shows it.
struct Status {
    std::string name;
    std::string description;
    std::string version;
    std::uint32_t stages = 0;
    bool disabled = false;  ///< took too long too often
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;   ///< exceptions, failed verdicts, verdicts that made no sense
    std::uint64_t slowCalls = 0;  ///< over Patience::call
};

/// All loaded plugins, in the order of load_plugin. Asks them about each message until one decides.
///
/// Suspension: run() returns Verdict::Suspend with a token; the caller moves message and context
/// somewhere safe. When the plugin resumes it or its deadline passes, `onReady` is called with the
/// token, from the loop, never from inside run(). The caller then calls proceed() with the parked
/// context and treats the outcome like that of run() for the same stage. Only requests other than
/// ACK and CANCEL can be suspended, at the stages DetermineTarget and PreProxy.
class Chain {
public:
    using ReadyCallback = std::function<void(Token)>;

    explicit Chain(event::Loop& loop, Patience patience = {});
    /// Ends the plugins in reverse order. Suspended messages are forgotten.
    ~Chain();
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;

    /// Loads the modules of `load_plugin` (with or without `.la` or `.so`) from `plugindir` (with
    /// or without a slash at its end), or those of that name linked into the program. What fails
    /// is logged and left out. How many were loaded.
    std::size_t load(const config::PluginSettings& settings);

    /// Adds a plugin whose description is at hand (tests, plugins built in). False: logged why.
    bool add(const siproxd_plugin& description, std::vector<config::PluginOption> options = {});

    /// Who is told about suspended messages that are ready; an empty callback: nobody, and plugins
    /// cannot suspend.
    void onReady(ReadyCallback callback);

    /// What plugins can ask for from now on; null: nothing. Must outlive the chain, or be taken away.
    void setServices(Services* services);

    /// Asks the plugins that want `stage`. Costs a bit test when there are none.
    [[nodiscard]] Outcome run(Stage stage, Context& context) {
        return wants(stage) ? runFrom(stage, context, 0) : Outcome{};
    }

    /// Whether any plugin wants `stage`.
    [[nodiscard]] bool wants(Stage stage) const {
        return (stages_ & static_cast<std::uint32_t>(stage)) != 0;
    }

    /// Goes on with a suspended message that onReady() has told about: the plugin is asked again
    /// (or, at the deadline, its choice of rejection counts), then those behind it. Unknown tokens:
    /// Drop.
    [[nodiscard]] Outcome proceed(Token token, Context& context);

    /// The suspended message is gone (cancelled, shutdown): its token is over.
    void forget(Token token);

    /// What would become of a number that `from` (user@domain) dials: the plugins say so in lines, in their
    /// order until one decides. Whether one does.
    bool explainRoute(const std::string& number, const std::string& from,
                      const std::function<void(std::string_view)>& print);
    /// Tells the plugins that want to hear it.
    void notify(Notice what);
    /// Whether any plugin hears of that.
    [[nodiscard]] bool hears(CallEvent event) const {
        return (callEvents_ >> static_cast<std::uint32_t>(event) & 1) != 0;
    }
    /// Tells the plugins that hear of it in their order until one does not return 0, which is what is returned then.
    int tell(CallEvent event, const CallView& call);

    /// Whether any plugin wants to see what is on the wire.
    [[nodiscard]] bool seesTraffic() const { return seesTraffic_; }
    /// Shows them a message, or what was none.
    void showTraffic(bool isSent, const base::Flow& flow, std::string_view bytes);

    /// Stage TIMER: to be called about every 5 seconds.
    void tick();

    [[nodiscard]] std::vector<Status> status() const;

    /// The address lists of all plugins, whose host names somebody else resolves. Good until
    /// plugins are asked again.
    [[nodiscard]] std::vector<access::AddressList*> lists();

private:
    struct Impl;

    [[nodiscard]] Outcome runFrom(Stage stage, Context& context, std::size_t first);
    /// Finds out which plugins want what.
    void arrange();
    /// Likewise, but for the stages.
    void learnWishes();

    std::unique_ptr<Impl> impl_;
    std::uint32_t stages_ = 0;  ///< of all plugins that are not disabled
    std::uint32_t callEvents_ = 0;  ///< likewise
    bool seesTraffic_ = false;
};

}  // namespace siproxd::plugin
