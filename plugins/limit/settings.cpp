// SPDX-License-Identifier: GPL-2.0-or-later
#include "settings.h"

#include <utility>

namespace limit {

using siproxd::api::Complaints;
using siproxd::api::Host;
using siproxd::api::OptionLine;
using siproxd::api::orEmpty;
using siproxd::api::readNumber;
using siproxd::api::trim;

namespace {

constexpr std::string_view kSpace = " \t";

/// A record as it stands in the file.
struct Draft {
    std::optional<std::uint32_t> calls;
    std::optional<std::uint32_t> rate;
    std::optional<std::uint32_t> duration;
    PrefixRules numbers;
};

class Reader {
public:
    explicit Reader(const Host& host) : host_(host) {}

    std::optional<Settings> read() {
        settings_.total = static_cast<std::uint32_t>(host_.integer("total").value_or(0));
        settings_.international = orEmpty(host_.string("international"));
        settings_.statuses = {status("status_calls"), status("status_total"), status("status_rate"),
                              status("status_number")};
        for (const auto& line : host_.lines()) {
            complaints_.add(line, take(line));
        }
        for (const auto& [name, draft] : drafts_) {
            settings_.users[name] = complete(draft);
        }
        return complaints_.isEmpty() ? std::optional(std::move(settings_)) : std::nullopt;
    }

private:
    [[nodiscard]] int status(const char* option) const { return static_cast<int>(host_.integer(option).value_or(0)); }

    std::string take(const OptionLine& line) {
        if (line.name == "user") {
            return takeUser(line.value);
        }
        if (line.name == "gateway") {
            return takeGateway(line.value);
        }
        if (line.name != "calls" && line.name != "rate" && line.name != "duration" && line.name != "allow" &&
            line.name != "forbid") {
            return "";
        }
        if (current_ == nullptr) {
            return "a plugin_limit_user has to come before";
        }
        return line.name == "calls"      ? readNumber(current_->calls, line.value, 0, 1'000'000)
               : line.name == "rate"     ? readNumber(current_->rate, line.value, 0, 1'000'000)
               : line.name == "duration" ? readNumber(current_->duration, line.value, 0, 1'000'000)
                                         : takePrefixes(line.value, line.name == "allow");
    }

    std::string takeUser(std::string_view name) {
        const auto [place, isNew] = drafts_.try_emplace(std::string(trim(name)));
        current_ = &place->second;
        return !isNew               ? "there are limits for that user already"
               : place->first.empty() ? "a user is needed: a name, name@domain, an address, or * for all others"
                                      : "";
    }

    std::string takeGateway(std::string_view text) {
        const auto space = text.find_last_of(kSpace);
        std::optional<std::uint32_t> calls;
        if (space == std::string_view::npos || !readNumber(calls, text.substr(space + 1), 0, 1'000'000).empty()) {
            return "a label (or *) and a number of calls are needed";
        }
        const bool isNew = settings_.gateways.try_emplace(std::string(trim(text.substr(0, space))), *calls).second;
        return isNew ? "" : "there is a limit for that gateway already";
    }

    std::string takePrefixes(std::string_view text, bool isAllowed) {
        for (const auto part : siproxd::api::split(text, ';')) {
            const auto prefix = trim(part);
            if (prefix.empty()) {
                return "prefixes are needed, with ; between them; * stands for all numbers";
            }
            current_->numbers.add(prefix == "*" ? "" : normalised(prefix, settings_.international), isAllowed);
        }
        return "";
    }

    /// With what `*` says and it does not.
    [[nodiscard]] UserLimits complete(const Draft& draft) const {
        const auto all = drafts_.find("*");
        const Draft& fallback = all == drafts_.end() ? draft : all->second;
        const auto pick = [](const auto& own, const auto& other) { return own.value_or(other.value_or(0)); };
        return {pick(draft.calls, fallback.calls), pick(draft.rate, fallback.rate),
                pick(draft.duration, fallback.duration), draft.numbers.empty() ? fallback.numbers : draft.numbers};
    }

    const Host& host_;
    Settings settings_;
    std::map<std::string, Draft> drafts_;
    Draft* current_ = nullptr;
    Complaints complaints_{host_};
};

}  // namespace

std::optional<Settings> Settings::read(const Host& host) {
    return Reader(host).read();
}

const UserLimits* Settings::of(const std::vector<std::string>& names) const {
    for (const auto& name : names) {
        if (const auto found = users.find(name); found != users.end()) {
            return &found->second;
        }
    }
    return nullptr;
}

std::uint32_t Settings::ofGateway(std::string_view label) const {
    auto found = gateways.find(std::string(label));
    if (found == gateways.end()) {
        found = gateways.find("*");
    }
    return found == gateways.end() ? 0 : found->second;
}

}  // namespace limit
