// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/resolv_conf.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "dns/resolver.h"

namespace siproxd::dns {

namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kMaxSearch = 8;
constexpr std::uint64_t kMaxDots = 15;

std::vector<std::string_view> wordsOf(std::string_view line) {
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at < line.size();) {
        const auto begin = line.find_first_not_of(" \t\r", at);
        if (begin == std::string_view::npos) {
            break;
        }
        at = std::min(line.find_first_of(" \t\r", begin), line.size());
        words.push_back(line.substr(begin, at - begin));
    }
    return words;
}

void readSearch(SystemConfiguration& system, const std::vector<std::string_view>& words) {
    system.search.clear();
    for (std::size_t i = 1; i < words.size() && system.search.size() < kMaxSearch; ++i) {
        if (isHostName(words[i])) {
            system.search.emplace_back(words[i]);
        }
    }
}

void readOptions(SystemConfiguration& system, const std::vector<std::string_view>& words) {
    constexpr std::string_view kDots = "ndots:";
    for (const auto word : words) {
        if (word == "rotate") {
            system.rotate = true;
        } else if (word.starts_with(kDots)) {
            const auto dots = base::parseUnsigned(word.substr(kDots.size()), kMaxDots);
            system.dots = static_cast<int>(dots.value_or(1));
        }
    }
}

}  // namespace

SystemConfiguration parseResolvConf(std::string_view text) {
    SystemConfiguration system;
    for (const auto line : base::split(text, '\n')) {
        const auto words = wordsOf(line);
        if (words.size() < 2) {
            continue;
        }
        if (words[0] == "nameserver") {
            if (const auto ip = base::IpAddress::parse(words[1])) {
                system.servers.push_back({*ip, kDnsPort});
            }
        } else if (words[0] == "search" || words[0] == "domain") {
            readSearch(system, words);
        } else if (words[0] == "options") {
            readOptions(system, words);
        }
    }
    return system;
}

}  // namespace siproxd::dns
