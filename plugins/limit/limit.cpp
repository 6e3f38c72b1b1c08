// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../lines/in_use.h"
#include "caller.h"
#include "settings.h"
#include "siproxd/plugin.hpp"
#include "usage.h"

namespace {

using namespace siproxd::api;

/// Users whose calls are counted apart.
constexpr std::size_t kMostUsers = 10'000;
/// Lines of the log that callers may cause in a minute.
constexpr std::uint32_t kLinesPerMinute = 120;
constexpr std::size_t kLongestShown = 64;
/// In Reason of a BYE (RFC 3326): Request Terminated.
constexpr int kTooLong = 487;

/// A call that goes on.
struct Going {
    std::string who;
    std::string number;  ///< as in log lines
    std::string callId;
    /// Those whom it counts for, by account: who calls, and who has it sent on.
    std::map<std::string, std::shared_ptr<limit::Usage>> usages;
    std::uint32_t duration = 0;         ///< s; 0: as long as it likes
    std::unique_ptr<Timer> end;
};

/// Why a call is refused. 0: it is not.
struct Objection {
    int status = 0;
    std::string why = {};
};

/// Refuses calls that are one too many, and ends those that last too long.
class Limit {
public:
    static constexpr const char* kDescription = "Limits for calls: how many, where to, how long";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget, Stage::Timer);
    static constexpr Option kOptions[] = {
        integerOption("total", "Calls in all at once; 0: any number", "0", 0, 1'000'000),
        listOption("gateway", "A label (or *) and how many calls may go there at once"),
        listOption("user", "Begins the limits of a user; *: of all others"),
        listOption("calls", "His calls at once"),
        listOption("rate", "His calls a minute"),
        listOption("duration", "Seconds of each of his calls"),
        listOption("allow", "Prefixes of numbers that he may dial"),
        listOption("forbid", "Prefixes of numbers that he may not dial"),
        stringOption("international", "A prefix that means the same as +", "00"),
        integerOption("status_calls", "Answer to a user's call that is one too many", "486", 400, 699),
        integerOption("status_total", "Answer to a call that is one too many in all", "503", 400, 699),
        integerOption("status_rate", "Answer to a call that comes too soon", "480", 400, 699),
        integerOption("status_number", "Answer to a call to a forbidden number", "403", 400, 699),
    };

    static std::unique_ptr<Limit> create(Host host) {
        auto settings = limit::Settings::read(host);
        return settings ? std::make_unique<Limit>(host, std::move(*settings)) : nullptr;
    }

    Limit(Host host, limit::Settings settings) : host_(host), settings_(std::move(settings)), callers_(host) {
        if (settings_.isEmpty()) {
            host_.warning("plugin_limit has nothing to do: it needs plugin_limit_total, plugin_limit_user or "
                          "plugin_limit_gateway");
            host_.restrictStages(0);
            host_.hearCalls(0);
        }
    }

    /// Who forwards his calls dials as well: they count for him, and have his limits.
    Verdict process(Stage, Message& message) {
        const auto user = message.user();
        if (message.method() != "INVITE" || message.history().empty() || !user) {
            return Verdict::Continue;
        }
        const auto from = orEmpty(message.uri(At::From, Part::Text));
        const auto owner = callers_.owner(std::string(*user), std::string(from));
        const auto* limits = settings_.of(owner.names);
        if (limits == nullptr) {
            return Verdict::Continue;
        }
        const auto dialled = message.uri(At::RequestUri, Part::UserPlain)
                                 .value_or(orEmpty(message.uri(At::RequestUri, Part::Opaque)));
        const auto number = limit::normalised(dialled, settings_.international);
        if (const auto [status, why] = sendOn(message.callId(), owner.account, *limits, number); status != 0) {
            say("call for " + owner.name + " is not sent on to " + number.substr(0, kLongestShown) + ": " + why);
            return message.reject(status);
        }
        return Verdict::Continue;
    }

    int call(CallEvent event, const siproxd_call& call) {
        switch (event) {
            case CallEvent::Started: return begin(call);
            case CallEvent::Trying: return tries(call) ? 0 : 1;
            case CallEvent::Left: gateways_.leave(call.id, orEmpty(call.label)); return 0;
            case CallEvent::Answered: isAnswered(call); return 0;
            case CallEvent::Ended: end(call); return 0;
        }
        return 0;
    }

    void tick() {
        if (unsaid_ > 0 && lines_.take(kLinesPerMinute, host_.steadyTime())) {
            host_.warning("plugin_limit: " + std::to_string(std::exchange(unsaid_, 0)) + " more calls refused");
        }
    }

    /// Says no more than whether the number is forbidden.
    bool route(std::string_view number, std::string_view from,
               const std::function<void(std::string_view)>& print) const {
        const auto* limits = settings_.of({std::string(from), std::string(from.substr(0, from.rfind('@'))), "*"});
        const auto normal = limit::normalised(number, settings_.international);
        const auto prefix = limits == nullptr ? std::nullopt : limits->numbers.forbids(normal);
        if (prefix) {
            print("refused with " + std::to_string(settings_.statuses.number) + ": " + textOf(*prefix));
        }
        return prefix.has_value();
    }

private:
    /// 0, or the status that refuses it.
    int begin(const siproxd_call& call) {
        const auto caller = callers_.of(call);
        const auto* limits = settings_.of(caller.names);
        const auto number = numberOf(call);
        Going going{.who = caller.name,
                    .number = number.substr(0, kLongestShown),
                    .callId = orEmpty(call.call_id),
                    .usages = {},
                    .duration = 0,
                    .end = nullptr};
        if (const auto [status, why] = admit(going, caller.account, limits, number); status != 0) {
            say(nameOf(going) + " refused with " + std::to_string(status) + ": " + why);
            return status;
        }
        byCallId_.emplace(going.callId, call.id);
        calls_.emplace(call.id, std::move(going));
        return 0;
    }

    /// Counts a call that begins.
    Objection admit(Going& going, const std::string& account, const limit::UserLimits* limits,
                    std::string_view number) {
        if (settings_.total > 0 && calls_.size() >= settings_.total) {
            return {settings_.statuses.total,
                    "calls in all at once are limited to " + std::to_string(settings_.total)};
        }
        if (limits == nullptr) {
            return {};  // he needs no place in the book
        }
        auto objection = objectionTo(number, *limits);
        return objection.status != 0 ? objection : charge({&going}, account, *limits);
    }

    /// Counts a call that is sent on for a user: once, however many numbers it goes to.
    Objection sendOn(std::string_view callId, const std::string& account, const limit::UserLimits& limits,
                     std::string_view number) {
        if (auto objection = objectionTo(number, limits); objection.status != 0) {
            return objection;
        }
        // Which one it is cannot be told when there are several.
        std::vector<Going*> same;
        const auto [first, last] = byCallId_.equal_range(std::string(callId));
        for (auto it = first; it != last; ++it) {
            same.push_back(&calls_.at(it->second));
        }
        const bool isCounted = !same.empty() && std::ranges::all_of(same, [&](const Going* going) {
            return going->usages.contains(account);
        });
        return isCounted ? Objection{} : charge(same, account, limits);
    }

    [[nodiscard]] Objection objectionTo(std::string_view number, const limit::UserLimits& limits) const {
        const auto prefix = limits.numbers.forbids(number);
        return prefix ? Objection{settings_.statuses.number, textOf(*prefix)} : Objection{};
    }

    /// Counts one more call for that account. These are it.
    Objection charge(const std::vector<Going*>& same, const std::string& account, const limit::UserLimits& limits) {
        const auto now = host_.steadyTime();
        const auto usage = usages_.of(account, now);
        if (limits.calls > 0 && usage->calls >= limits.calls) {
            return {settings_.statuses.calls, "calls at once are limited to " + std::to_string(limits.calls)};
        }
        if (!usage->bucket.take(limits.rate, now)) {
            return {settings_.statuses.rate, "calls a minute are limited to " + std::to_string(limits.rate)};
        }
        for (Going* going : same) {
            if (going->usages.emplace(account, usage).second) {
                ++usage->calls;
                going->duration = shorter(going->duration, limits.duration);
            }
        }
        return {};
    }

    /// 0: as long as it likes.
    static std::uint32_t shorter(std::uint32_t a, std::uint32_t b) {
        return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
    }

    /// Whether it may go by that gateway; then it is counted there.
    bool tries(const siproxd_call& call) {
        const std::string label = orEmpty(call.label);
        const auto going = calls_.find(call.id);
        if (going == calls_.end()) {
            return true;
        }
        const auto most = settings_.ofGateway(label);
        if (most > 0 && gateways_.count(label) >= most) {
            say(nameOf(going->second) + " does not go by " + label + ": calls at once there are limited to " +
                std::to_string(most));
            return false;
        }
        gateways_.take(call.id, label);
        return true;
    }

    void isAnswered(const siproxd_call& call) {
        const auto found = calls_.find(call.id);
        if (found == calls_.end()) {
            return;
        }
        Going& going = found->second;
        gateways_.settle(call.id, orEmpty(call.label));  // the other ways are not tried any more
        if (going.duration > 0) {
            going.end = std::make_unique<Timer>(host_, [this, id = call.id] { endNow(id); });
            going.end->start(going.duration * 1000);
        }
    }

    void endNow(std::uint64_t id) {
        if (const auto going = calls_.find(id); going != calls_.end()) {
            const auto why = "calls are limited to " + std::to_string(going->second.duration) + " s";
            host_.info("plugin_limit: " + nameOf(going->second) + " is ended: " + why);
            host_.endCall(id, kTooLong, why);
        }
    }

    void end(const siproxd_call& call) {
        const auto found = calls_.find(call.id);
        if (found == calls_.end()) {
            return;  // we have refused it
        }
        gateways_.end(call.id);
        const Going& going = found->second;
        for (const auto& [account, usage] : going.usages) {
            --usage->calls;
            // After a challenge the phone calls again: that is one call.
            if (call.answered == 0 && (call.status == 401 || call.status == 407)) {
                usage->bucket.giveBack();
            }
        }
        const auto [first, last] = byCallId_.equal_range(going.callId);
        byCallId_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == call.id; }));
        calls_.erase(found);
    }

    static std::string textOf(std::string_view prefix) {
        return prefix.empty() ? "all numbers but some are forbidden"
                              : "numbers with " + std::string(prefix) + " are forbidden";
    }

    static std::string nameOf(const Going& going) { return "call of " + going.who + " to " + going.number; }

    [[nodiscard]] std::string numberOf(const siproxd_call& call) const {
        const auto uri = host_.uri(orEmpty(call.dialled));
        auto user = uri ? uri->part(Part::UserPlain) : Text();
        if (uri && !user) {
            user = uri->part(Part::Opaque);  // tel:
        }
        return limit::normalised(orEmpty(user), settings_.international);
    }

    /// A line that callers may cause again and again.
    void say(const std::string& text) {
        if (lines_.take(kLinesPerMinute, host_.steadyTime())) {
            host_.warning("plugin_limit: " + text);
        } else {
            ++unsaid_;
        }
    }

    Host host_;
    limit::Settings settings_;
    limit::Callers callers_;
    limit::Usages usages_{kMostUsers};
    std::map<std::uint64_t, Going> calls_;  ///< by siproxd_call.id
    std::unordered_multimap<std::string, std::uint64_t> byCallId_;  ///< of those
    siproxd::lines::InUse gateways_;
    limit::TokenBucket lines_;
    std::size_t unsaid_ = 0;
};

}  // namespace

SIPROXD_PLUGIN(plugin_limit, Limit)
