// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "number.h"
#include "records.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

constexpr const char* kUsualSuffix = "e164.arpa";
constexpr std::size_t kMostSearches = 1000;  // at once
constexpr unsigned kMostSteps = 5;           // from domain to domain

/// What is found out about one number: its suffixes are asked one after the other.
class Search {
public:
    /// `done` may destroy the search.
    Search(const Host& host, std::string e164, enumlookup::Wanted wanted, const std::vector<std::string>& suffixes,
           std::function<void()> done)
        : lookup_(host), e164_(std::move(e164)), wanted_(wanted), done_(std::move(done)) {
        for (const auto& suffix : suffixes) {
            domains_.push_back(enumlookup::domainOf(e164_, suffix));
        }
        std::ranges::reverse(domains_);
    }

    /// False: name servers cannot be asked now.
    bool start() { return next(); }
    [[nodiscard]] const std::string& e164() const { return e164_; }
    /// Empty: nothing has been found (yet).
    [[nodiscard]] const std::string& uri() const { return uri_; }

private:
    bool next() {
        const auto domain = std::move(domains_.back());
        domains_.pop_back();
        return lookup_.naptr(domain, [this](std::vector<Naptr> records) { arrived(records); });
    }

    void arrived(const std::vector<Naptr>& records) {
        auto meaning = enumlookup::meaningOf(records, e164_, wanted_);
        uri_ = std::move(meaning.uri);
        if (!meaning.domain.empty() && ++steps_ < kMostSteps) {
            domains_.push_back(std::move(meaning.domain));
        }
        if (!uri_.empty() || domains_.empty() || !next()) {
            const auto done = done_;
            done();
        }
    }

    Lookup lookup_;
    std::string e164_;
    enumlookup::Wanted wanted_;
    std::function<void()> done_;
    std::vector<std::string> domains_;  ///< still to be asked, the next one last
    std::string uri_;
    unsigned steps_ = 0;
};

class EnumPlugin {
public:
    static constexpr const char* kDescription = "Telephone numbers that are in the DNS (ENUM)";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget, Stage::Timer);
    static constexpr Option kOptions[] = {
        listOption("suffix", "Domains of numbers, the first one is asked first; e164.arpa"),
        stringOption("country", "Country code of national numbers"),
        stringOption("international", "What is dialled before a country code", "00"),
        stringOption("national", "What is dialled before an area code", "0"),
        integerOption("timeout", "Milliseconds that a call waits for the name servers", "2000", 1, 10'000),
        integerOption("fallback", "1: what is found and cannot be reached is dialled as it would be without", "1", 0,
                      1),
    };

    static std::unique_ptr<EnumPlugin> create(Host host) {
        auto plugin = std::make_unique<EnumPlugin>(host);
        return plugin->isSound() ? std::move(plugin) : nullptr;
    }

    explicit EnumPlugin(Host host)
        : host_(host), timeout_(static_cast<std::uint32_t>(host.integer("timeout").value_or(0))),
          fallsBack_(host.integer("fallback").value_or(1) != 0),
          plan_{text("country"), text("international"), text("national")} {
        for (const auto suffix : host.list("suffix")) {
            auto name = suffix.substr(0, suffix.find_last_not_of('.') + 1);
            suffixes_.emplace_back(name.substr(std::min(name.find_first_not_of('.'), name.size())));
        }
        if (suffixes_.empty()) {
            suffixes_.emplace_back(kUsualSuffix);
        }
    }

    Verdict process(Stage, Message& message) {
        if (message.method() != "INVITE" || message.param(At::To, "tag") ||
            message.direction() != Direction::RequestOutgoing) {
            return Verdict::Continue;
        }
        if (const auto token = message.token(); token != 0) {
            return found(message, token);
        }
        const auto number = numberIn(message);
        if (number.empty() || isKnown(message, number) || searches_.size() >= kMostSearches) {
            return Verdict::Continue;
        }
        const auto token = message.suspend(timeout_, 0);
        if (token == 0) {
            return Verdict::Continue;
        }
        const auto wanted = message.uri(At::RequestUri, Part::Scheme) == "sips" ? enumlookup::Wanted::Sips
                                                                                : enumlookup::Wanted::SipOrSips;
        auto search =
            std::make_unique<Search>(host_, number, wanted, suffixes_, [this, token] { host_.resume(token); });
        if (!search->start()) {
            host_.resume(token);
        }
        searches_.emplace(token, Pending{std::move(search), host_.steadyTime()});
        return Verdict::Suspend;
    }

    /// Those whose calls have not waited for them.
    void tick() {
        const auto now = host_.steadyTime();
        std::erase_if(searches_, [&](const auto& entry) {
            return now - entry.second.since > 2 * static_cast<std::int64_t>(timeout_);
        });
    }

private:
    struct Pending {
        std::unique_ptr<Search> search;
        std::int64_t since;
    };

    [[nodiscard]] std::string text(const char* option) const {
        return std::string(orEmpty(host_.string(option)));
    }

    /// What is wrong is logged.
    [[nodiscard]] bool isSound() const {
        bool good = true;
        for (const char* option : {"country", "international", "national"}) {
            const auto digits = text(option);
            if (digits.find_first_not_of("0123456789*#") != std::string::npos) {
                host_.optionError(option, 0, "digits are needed");
                good = false;
            }
        }
        for (std::size_t i = 0; i < suffixes_.size(); ++i) {
            if (!host_.uri("sip:" + suffixes_[i]) || suffixes_[i].find_first_of("@:;") != std::string::npos) {
                host_.optionError("suffix", i, "a domain is needed");
                good = false;
            }
        }
        return good;
    }

    /// The E.164 number that is dialled; empty: it is none, or one of somebody else's.
    [[nodiscard]] std::string numberIn(const Message& message) const {
        const auto text = orEmpty(message.uri(At::RequestUri, Part::Text));
        const auto uri = host_.uri(text);
        if (!uri) {
            return "";
        }
        const auto host = uri->part(Part::Host);
        const bool isPhone = isTel(*uri) || uri->param("user") == "phone";
        const bool isHome = host && (host == message.uri(At::From, Part::Host) || host_.ownUser(text));
        return isPhone || isHome ? numberOf(*uri) : "";
    }

    static bool isTel(const Uri& uri) { return uri.part(Part::Scheme) == "tel"; }

    /// The E.164 number that stands in a URI; empty: none does.
    [[nodiscard]] std::string numberOf(const Uri& uri) const {
        const auto number = orEmpty(uri.part(isTel(uri) ? Part::Opaque : Part::UserPlain));
        return enumlookup::e164(number.substr(0, number.find(';')), plan_);
    }

    /// It has been looked up for this call already, and is dialled for want of anything else.
    [[nodiscard]] bool isKnown(const Message& message, const std::string& number) const {
        return std::ranges::any_of(message.history(), [&](std::string_view uri) {
            const auto parsed = host_.uri(uri);
            return parsed && numberOf(*parsed) == number;
        });
    }

    Verdict found(Message& message, std::uint64_t token) {
        const auto node = searches_.extract(token);
        if (node.empty() || node.mapped().search->uri().empty()) {
            return Verdict::Continue;
        }
        const auto& search = *node.mapped().search;
        const auto uri = host_.uri(search.uri());
        if (!uri || orEmpty(uri->part(Part::Host)).empty()) {
            host_.warning("plugin_enum: " + search.e164() + " is said to be " + search.uri() + ", which is no URI");
            return Verdict::Continue;
        }
        host_.info("plugin_enum: " + search.e164() + " is " + search.uri() + " [CID: " +
                   std::string(message.callId()) + "]");
        const auto verdict = message.retarget({.uri = search.uri(), .foreign = true});
        if (verdict == Verdict::Failed || !fallsBack_) {
            return verdict;
        }
        Target usual;
        usual.uri = std::string(orEmpty(message.uri(At::RequestUri, Part::Text)));
        usual.rank = 1;
        usual.after = after(After::Failure);
        usual.dial = true;
        if (const auto user = message.user()) {
            usual.onBehalf = std::string(*user) + "@" + std::string(orEmpty(message.uri(At::From, Part::Host)));
        }
        return message.retarget(usual);
    }

    Host host_;
    std::uint32_t timeout_;
    bool fallsBack_;
    enumlookup::NumberPlan plan_;
    std::vector<std::string> suffixes_;
    std::map<std::uint64_t, Pending> searches_;  ///< by the token of the call that waits
};

}  // namespace

SIPROXD_PLUGIN(plugin_enum, EnumPlugin)
