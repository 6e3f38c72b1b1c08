// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

bool isOneOf(std::string_view name, const auto& names) {
    return std::any_of(std::begin(names), std::end(names),
                       [name](std::string_view one) { return equals(name, one); });
}

/// Without them no message finds its way, or nobody can read it. With their short forms.
constexpr std::array<std::string_view, 20> kNeeded{"Via",
                                                   "v",
                                                   "From",
                                                   "f",
                                                   "To",
                                                   "t",
                                                   "Call-ID",
                                                   "i",
                                                   "CSeq",
                                                   "Contact",
                                                   "m",
                                                   "Max-Forwards",
                                                   "Route",
                                                   "Path",
                                                   "Content-Type",
                                                   "c",
                                                   "Content-Length",
                                                   "l",
                                                   "Content-Encoding",
                                                   "e"};
/// Commas in these do not separate values.
constexpr std::array<std::string_view, 15> kWhole{"Authorization",
                                                  "Date",
                                                  "Organization",
                                                  "Proxy-Authenticate",
                                                  "Proxy-Authorization",
                                                  "Retry-After",
                                                  "Reply-To",
                                                  "Server",
                                                  "Subject",
                                                  "s",
                                                  "Timestamp",
                                                  "Identity",
                                                  "y",
                                                  "User-Agent",
                                                  "WWW-Authenticate"};
constexpr std::string_view kRecordRoute = "Record-Route";

bool isToken(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
    });
}

/// What is to go: all header fields of a name, or one value in them.
struct Rule {
    std::string name;
    std::string value;  ///< empty: all

    [[nodiscard]] bool isRecordRoute() const { return equals(name, kRecordRoute); }
};

/// The values of a header field, separated by commas outside of quotes and angle brackets.
std::vector<std::string_view> valuesOf(std::string_view field) {
    std::vector<std::string_view> values;
    bool quoted = false;
    bool bracketed = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        const char c = field[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '<' || c == '>')) {
            bracketed = c == '<';
        } else if (c == ',' && !quoted && !bracketed) {
            values.push_back(trim(field.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    values.push_back(trim(field.substr(begin)));
    return values;
}

/// The field without the values that equal `value`; nothing: none is left.
std::optional<std::string> without(std::string_view field, const Rule& rule) {
    if (isOneOf(rule.name, kWhole)) {
        return equals(trim(field), rule.value) ? std::nullopt
                                                       : std::optional(std::string(field));
    }
    std::string rest;
    bool found = false;
    for (const auto value : valuesOf(field)) {
        if (equals(value, rule.value)) {
            found = true;
        } else {
            rest.append(rest.empty() ? "" : ", ").append(value);
        }
    }
    if (!found) {
        return std::string(field);
    }
    return rest.empty() ? std::nullopt : std::optional(std::move(rest));
}

/// By which proxies the requests of a call go to a party outside, where the phone has not been
/// told.
class RouteSets {
public:
    using Routes = std::vector<std::string>;

    /// What the first message of a party says holds for the whole dialog (RFC 3261 §12.2).
    void add(std::string key, Routes routes, std::int64_t now) {
        while (!order_.empty() &&
               (order_.size() >= kMost || now - order_.front().first > kLifetime)) {
            byKey_.erase(order_.front().second);
            order_.pop_front();
        }
        if (byKey_.try_emplace(key, std::move(routes)).second) {
            order_.emplace_back(now, std::move(key));
        }
    }
    [[nodiscard]] const Routes* find(const std::string& key) const {
        const auto known = byKey_.find(key);
        return known == byKey_.end() ? nullptr : &known->second;
    }

private:
    static constexpr std::size_t kMost = 20'000;
    static constexpr std::int64_t kLifetime = 24 * 3'600'000;  // ms

    std::map<std::string, Routes> byKey_;
    std::deque<std::pair<std::int64_t, std::string>> order_;
};

bool isFromOutside(const Message& message) {
    return message.direction() == Direction::RequestIncoming ||
           message.direction() == Direction::ResponseIncoming;
}

/// Names one party of a dialog by its tag.
std::string partyOf(const Message& message, At who) {
    return std::string(orEmpty(message.param(who, "tag"))) + ' ' +
           std::string(message.callId());
}

/// Takes headers, or single values of them, out of all messages.
class StripHeader {
public:
    static constexpr const char* kDescription = "Strips unwanted SIP headers";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::PreProxy, Stage::PostProxy);
    static constexpr Option kOptions[] = {
        listOption("remove", "What to remove: Header, or Header:value for that value alone"),
    };

    static std::unique_ptr<StripHeader> create(Host host) {
        auto plugin = std::make_unique<StripHeader>(host);
        return plugin->configure() ? std::move(plugin) : nullptr;
    }

    explicit StripHeader(Host host) : host_(host) {}

    Verdict process(Stage stage, Message& message) {
        if (stage == Stage::PostProxy) {
            if (isFromOutside(message)) {
                stripRecordRoutes(message);
            }
            return Verdict::Continue;
        }
        for (const Rule& rule : rules_) {
            strip(message, rule);
        }
        if (stripsRecordRoutes_) {
            keepRoutes(message);
            giveRoutes(message);
        }
        return Verdict::Continue;
    }

private:
    bool configure() {
        const auto texts = host_.list("remove");
        bool good = true;
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto colon = std::min(texts[i].find(':'), texts[i].size());
            Rule rule{std::string(trim(texts[i].substr(0, colon))),
                      colon < texts[i].size() ? std::string(trim(texts[i].substr(colon + 1))) : ""};
            const std::string problem = problemOf(rule);
            if (!problem.empty()) {
                host_.optionError("remove", i, problem);
                good = false;
            } else if (rule.isRecordRoute()) {
                stripsRecordRoutes_ = true;
            } else {
                rules_.push_back(std::move(rule));
            }
        }
        if (texts.empty()) {
            host_.warning(
                "plugin_stripheader has nothing to do: it needs plugin_stripheader_remove");
            host_.restrictStages(0);
        }
        if (!stripsRecordRoutes_) {
            host_.restrictStages(stages(Stage::PreProxy));
        }
        return good;
    }

    static std::string problemOf(const Rule& rule) {
        if (!isToken(rule.name)) {
            return "not the name of a header, or name:value";
        }
        if (isOneOf(rule.name, kNeeded)) {
            return "no message can do without this header";
        }
        if (rule.isRecordRoute() && !rule.value.empty()) {
            return "Record-Route can only be removed as a whole";
        }
        return {};
    }

    static void strip(Message& message, const Rule& rule) {
        const char* name = rule.name.c_str();
        if (message.headerCount(name) == 0) {
            return;
        }
        if (rule.value.empty()) {
            message.removeHeader(name);
            return;
        }
        std::vector<std::string> kept;
        bool changed = false;
        for (std::size_t i = 0; i < message.headerCount(name); ++i) {
            const std::string field(orEmpty(message.header(name, i)));
            auto rest = without(field, rule);
            changed = changed || rest != field;
            if (rest) {
                kept.push_back(std::move(*rest));
            }
        }
        if (changed) {
            message.removeHeader(name);
            for (const auto& field : kept) {
                message.addHeader(name, field);
            }
        }
    }

    /// From outside: what the phone will not see is remembered.
    void keepRoutes(const Message& message) {
        const auto method = message.method();
        const bool makesDialog = method == "INVITE" || method == "SUBSCRIBE" || method == "REFER";
        if (!isFromOutside(message) || !makesDialog) {
            return;
        }
        RouteSets::Routes routes;
        for (std::size_t i = 0; i < message.count(At::RecordRoute); ++i) {
            routes.emplace_back(orEmpty(message.address(At::RecordRoute, i)));
        }
        if (message.isRequest()) {
            if (!message.param(At::To, "tag")) {
                routes_.add(partyOf(message, At::From), std::move(routes), host_.steadyTime());
            }
        } else if (message.status() > 100 && message.status() < 300 &&
                   message.param(At::To, "tag")) {
            std::reverse(routes.begin(), routes.end());
            routes_.add(partyOf(message, At::To), std::move(routes), host_.steadyTime());
        }
    }

    /// To such a party: by the way that the phone would have told.
    void giveRoutes(Message& message) {
        if (!message.isRequest() || message.count(At::Route) > 0 || !message.param(At::To, "tag")) {
            return;
        }
        if (const auto* routes = routes_.find(partyOf(message, At::To))) {
            for (std::size_t i = 0; i < routes->size(); ++i) {
                message.setAddress(At::Route, (*routes)[i], i);
            }
        }
    }

    /// All but ours, which stands in front in requests and behind those of outside in responses.
    void stripRecordRoutes(Message& message) {
        const auto isOurs = [&message](std::size_t i) {
            return message.uri(At::RecordRoute, Part::User, i) == "siproxd";
        };
        const std::size_t count = message.count(At::RecordRoute);
        std::size_t first = 0;
        std::size_t end = count;
        if (message.isRequest()) {
            while (first < count && isOurs(first)) {
                ++first;
            }
        } else {
            while (end > 0 && !isOurs(end - 1)) {
                --end;
            }
            end = end == 0 ? count : end - 1;
        }
        while (end > first) {
            message.removeAddress(At::RecordRoute, --end);
        }
    }

    Host host_;
    std::vector<Rule> rules_;
    bool stripsRecordRoutes_ = false;
    RouteSets routes_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_stripheader, StripHeader)
