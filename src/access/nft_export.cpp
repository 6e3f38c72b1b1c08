// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/nft_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "base/text.h"

namespace siproxd::access {

namespace {

constexpr std::size_t kLongestName = 64;

bool isIdentifier(std::string_view text) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !text.empty() && text.size() <= kLongestName && letter(text.front()) &&
           std::ranges::all_of(
               text, [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

base::Result<NftExport> NftExport::parse(std::string_view text) {
    std::vector<std::string_view> words;
    for (const auto word : base::split(text, ' ')) {
        if (!base::trim(word).empty()) {
            words.push_back(base::trim(word));
        }
    }
    constexpr std::array<std::string_view, 3> kFamilies{"inet", "bridge", "netdev"};
    if (words.size() != 3 || std::ranges::find(kFamilies, words[0]) == kFamilies.end() ||
        !isIdentifier(words[1]) || !isIdentifier(words[2])) {
        return base::fail(
            fmt::format("[{}] is not `family table set` with a family of inet, bridge or netdev",
                        base::printable(text)));
    }
    NftExport nft;
    nft.table_ = fmt::format("{} {}", words[0], words[1]);
    nft.set_ = std::string(words[2]);
    return nft;
}

std::string NftExport::setup() const {
    std::string text = fmt::format("add table {}\n", table_);
    for (const char version : {'4', '6'}) {
        text += fmt::format("add set {0} {1}{2} {{ type ipv{2}_addr; flags timeout; }}\n"
                            "flush set {0} {1}{2}\n",
                            table_, set_, version);
    }
    return text;
}

std::string NftExport::element(std::string_view verb, const base::IpAddress& source,
                               std::string_view timeout) const {
    return fmt::format("{} element {} {}{} {{ {}{} }}\n", verb, table_, set_,
                       source.isV4() ? '4' : '6', source.toString(), timeout);
}

bool NftExport::admit() {
    return count_ < kMost && ++count_ != 0;
}

void NftExport::add(const Ban& ban, base::TimePoint now) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(ban.until - now).count();
    if (!ban.proven || seconds <= 0 || !admit()) {
        return;
    }
    // nft adds what is there already without a word and without the new timeout; deleting what is
    // not there is an error. Together they do what is meant.
    pending_ += element("add", ban.source, {});
    pending_ += element("delete", ban.source, {});
    pending_ += element("add", ban.source, fmt::format(" timeout {}s", seconds));
}

void NftExport::remove(const Ban& ban) {
    if (ban.proven && admit()) {
        pending_ += element("add", ban.source, {});
        pending_ += element("delete", ban.source, {});
    }
}

std::string NftExport::take() {
    count_ = 0;
    return std::exchange(pending_, {});
}

}  // namespace siproxd::access
