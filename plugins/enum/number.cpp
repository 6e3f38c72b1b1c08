// SPDX-License-Identifier: GPL-2.0-or-later
#include "number.h"

#include <algorithm>

namespace enumlookup {

namespace {

constexpr std::size_t kShortest = 4;  // digits, country code included: no emergency calls, no extensions
constexpr std::size_t kLongest = 15;  // E.164

bool isDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string e164(std::string_view dialled, const NumberPlan& plan) {
    std::string number;
    for (const char c : dialled) {
        if (std::string_view("-.() ").find(c) == std::string_view::npos) {
            number += c;
        }
    }
    const auto begins = [&number](const std::string& prefix) {
        return !prefix.empty() && number.starts_with(prefix);
    };
    if (number.starts_with('+')) {
        number.erase(0, 1);
    } else if (begins(plan.international)) {
        number.erase(0, plan.international.size());
    } else if (begins(plan.national) && !plan.country.empty()) {
        number = plan.country + number.substr(plan.national.size());
    } else {
        return "";
    }
    const bool isNumber = std::ranges::all_of(number, isDigit) && number.size() >= kShortest &&
                          number.size() <= kLongest && number.front() != '0';
    return isNumber ? "+" + number : "";
}

std::string domainOf(std::string_view e164, std::string_view suffix) {
    std::string domain;
    for (auto digit = e164.rbegin(); digit != e164.rend() && *digit != '+'; ++digit) {
        domain += *digit;
        domain += '.';
    }
    return domain.append(suffix);
}

}  // namespace enumlookup
