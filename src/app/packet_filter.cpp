// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/packet_filter.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"

namespace siproxd::app {

namespace {

constexpr int kDeepest = 16;  // chains that jump to chains

constexpr std::array<std::string_view, 6> kOfLog{"prefix", "level",     "group",
                                                "flags",  "snaplen", "queue-threshold"};

using Words = std::vector<std::string_view>;

/// What becomes of the datagrams: `Perhaps` is that it depends on what is not looked at.
enum class Fate : std::uint8_t { GoesOn, Accepted, Dropped, Perhaps };

/// Whether a condition holds for them.
enum class Holds : std::uint8_t { Yes, No, Perhaps };

struct Chain {
    std::string_view table;  ///< family and name
    std::string_view name;
    bool isInput = false;    ///< hooks into what comes to this machine
    bool drops = false;      ///< its policy
    std::vector<Words> rules;
};

/// Blanks part words, but not within quotes or braces: `{ 5060, 7070-7089 }` is one.
Words wordsOf(std::string_view line) {
    Words words;
    std::size_t start = 0;
    bool quoted = false;
    int depth = 0;
    for (std::size_t i = 0; i <= line.size(); ++i) {
        const char c = i < line.size() ? line[i] : ' ';
        quoted = quoted != (c == '"');
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if ((c == ' ' || c == '\t') && ((!quoted && depth <= 0) || i == line.size())) {
            if (i > start) {
                words.push_back(line.substr(start, i - start));
            }
            start = i + 1;
        }
    }
    return words;
}

/// What a `{ a, b }` or a word alone lists, without quotes.
Words listed(std::string_view word) {
    Words items;
    if (word.starts_with('{') && word.ends_with('}')) {
        word = word.substr(1, word.size() - 2);
    }
    for (auto item : base::split(word, ',')) {
        item = base::trim(item);
        if (item.size() >= 2 && item.front() == '"' && item.back() == '"') {
            item = item.substr(1, item.size() - 2);
        }
        items.push_back(item);
    }
    return items;
}

std::vector<Chain> chainsOf(std::string_view ruleset) {
    std::vector<Chain> chains;
    std::string_view table;
    Chain* chain = nullptr;
    for (auto line : base::split(ruleset, '\n')) {
        line = base::trim(line);
        const auto words = wordsOf(line);
        if (words.empty() || line.starts_with('#')) {
            continue;
        }
        if (words.size() >= 3 && words[0] == "table") {
            table = base::trim(line.substr(6, line.find('{') - 6));
        } else if (words.size() >= 3 && words[0] == "chain") {
            chains.push_back({table, words[1], false, false, {}});
            chain = &chains.back();
        } else if (words[0] == "}") {
            chain = nullptr;
        } else if (chain != nullptr && words[0] == "type") {
            chain->isInput = line.find(" hook input ") != std::string_view::npos &&
                             words.size() > 1 && words[1] == "filter";
            chain->drops = line.find("policy drop") != std::string_view::npos;
        } else if (chain != nullptr) {
            chain->rules.push_back(words);
        }
    }
    return chains;
}

/// Reads the rules of one table for one question.
class Reader {
public:
    Reader(std::span<const Chain> chains, const WantedPorts& wanted)
        : chains_(chains), wanted_(wanted) {}

    [[nodiscard]] Fate of(const Chain& chain, int depth = 0) const {
        for (const auto& rule : chain.rules) {
            const auto fate = of(chain, rule, depth);
            if (fate == Fate::GoesOn) {
                continue;
            }
            return fate;
        }
        return Fate::GoesOn;
    }

private:
    Fate of(const Chain& chain, const Words& rule, int depth) const {
        if (std::ranges::find(rule, "vmap") != rule.end()) {
            return Fate::Perhaps;
        }
        auto holds = Holds::Yes;
        for (std::size_t i = 0; i < rule.size(); ++i) {
            const auto word = rule[i];
            if (word == "accept") {
                return holds == Holds::Yes ? Fate::Accepted : Fate::Perhaps;
            }
            if (word == "drop" || word == "reject") {
                // Perhaps only for some of those who send.
                return holds == Holds::Yes ? Fate::Dropped : Fate::GoesOn;
            }
            if (word == "return") {
                return Fate::GoesOn;
            }
            if (word == "queue") {
                return Fate::Perhaps;
            }
            if ((word == "jump" || word == "goto") && i + 1 < rule.size()) {
                const auto fate = into(chain.table, rule[i + 1], depth);
                return holds == Holds::Yes || fate == Fate::GoesOn ? fate
                       : fate == Fate::Dropped                     ? Fate::GoesOn
                                                                   : Fate::Perhaps;
            }
            const auto condition = read(rule, i);
            if (condition == Holds::No) {
                return Fate::GoesOn;
            }
            holds = condition == Holds::Perhaps ? Holds::Perhaps : holds;
        }
        return Fate::GoesOn;
    }

    Fate into(std::string_view table, std::string_view name, int depth) const {
        const auto found = std::ranges::find_if(chains_, [&](const Chain& chain) {
            return chain.table == table && chain.name == name;
        });
        return found == chains_.end() || depth >= kDeepest ? Fate::Perhaps : of(*found, depth + 1);
    }

    /// The condition at `i`, which is moved to its last word.
    Holds read(const Words& rule, std::size_t& i) const {
        const auto at = [&rule](std::size_t place) {
            return place < rule.size() ? rule[place] : std::string_view();
        };
        const auto word = at(i);
        if (word == "counter") {
            i += at(i + 1) == "packets" ? 4 : 0;
            return Holds::Yes;
        }
        if (word == "comment") {
            ++i;
            return Holds::Yes;
        }
        if (word == "log") {
            while (std::ranges::find(kOfLog, at(i + 1)) != std::ranges::end(kOfLog)) {
                i += 2;
            }
            return Holds::Yes;
        }
        if (word == "iif" || word == "iifname") {
            ++i;
            return interface(at(i), at(i + 1), i);
        }
        if (word == "udp" && at(i + 1) == "dport") {
            i += 2;
            return port(at(i));
        }
        if ((word == "meta" && at(i + 1) == "l4proto") ||
            (word == "ip" && at(i + 1) == "protocol") ||
            (word == "ip6" && at(i + 1) == "nexthdr")) {
            i += 2;
            return isListed(at(i), "udp") || isListed(at(i), "17") ? Holds::Yes : Holds::No;
        }
        if (word == "tcp" || word == "icmp" || word == "icmpv6" || word == "igmp" ||
            word == "sctp") {
            return Holds::No;
        }
        if (word == "ip" || word == "ip6") {
            return (word == "ip6") == wanted_.v6 ? Holds::Perhaps : Holds::No;
        }
        if (word == "ct" && at(i + 1) == "state") {
            i += 2;
            return isListed(at(i), "new") ? Holds::Yes : Holds::No;
        }
        return Holds::Perhaps;
    }

    static bool isListed(std::string_view words, std::string_view wanted) {
        const auto items = listed(words);
        return std::ranges::find(items, wanted) != items.end();
    }

    Holds interface(std::string_view word, std::string_view next, std::size_t& i) const {
        const bool negated = word == "!=";
        if (negated) {
            word = next;
            ++i;
        }
        const auto items = listed(word);
        const auto isOne = [&items](const std::string& name) {
            return std::ranges::find(items, name) != items.end();
        };
        if (std::ranges::any_of(items, [](auto item) { return item.ends_with('*'); })) {
            return Holds::Perhaps;
        }
        const bool all = std::ranges::all_of(wanted_.interfaces, isOne);
        const bool none = std::ranges::none_of(wanted_.interfaces, isOne);
        return !all && !none ? Holds::Perhaps : all != negated ? Holds::Yes : Holds::No;
    }

    [[nodiscard]] Holds port(std::string_view word) const {
        if (word == "!=" || word.starts_with('@')) {
            return Holds::Perhaps;
        }
        bool some = false;
        for (const auto item : listed(word)) {
            const auto dash = item.find('-');
            const auto first = base::parseUnsigned(item.substr(0, dash), UINT16_MAX);
            const auto last = dash == std::string_view::npos
                                  ? first
                                  : base::parseUnsigned(item.substr(dash + 1), UINT16_MAX);
            if (!first || !last) {
                return Holds::Perhaps;  // a service by its name
            }
            if (*first <= wanted_.first && wanted_.last <= *last) {
                return Holds::Yes;
            }
            some = some || (*first <= wanted_.last && wanted_.first <= *last);
        }
        return some ? Holds::Perhaps : Holds::No;
    }

    std::span<const Chain> chains_;
    const WantedPorts& wanted_;
};

}  // namespace

std::optional<std::string> findBlockingChain(std::string_view ruleset, const WantedPorts& wanted) {
    const auto chains = chainsOf(ruleset);
    const Reader reader(chains, wanted);
    for (const auto& chain : chains) {
        const auto family = chain.table.substr(0, chain.table.find(' '));
        if (!chain.isInput || (family != "inet" && family != (wanted.v6 ? "ip6" : "ip"))) {
            continue;
        }
        const auto fate = reader.of(chain);
        if (fate == Fate::Dropped || (fate == Fate::GoesOn && chain.drops)) {
            return std::string(chain.name) + " of table " + std::string(chain.table);
        }
    }
    return std::nullopt;
}

}  // namespace siproxd::app
