// SPDX-License-Identifier: GPL-2.0-or-later
#include "pattern.h"

#include <array>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "ere.h"

namespace siproxd::pattern {
namespace {

/// Of one attempt at one place; the effort bounds all of them. The heap is in KiB.
constexpr std::uint32_t kMatchLimit = 1'000'000;
constexpr std::uint32_t kDepthLimit = 1'000'000;
constexpr std::uint32_t kHeapLimit = 16'384;

/// Counts what a search does: PCRE2's own limits begin anew at each place of the text.
struct Meter {
    Effort& effort;
    std::size_t position = 0;

    static int count(pcre2_callout_block* at, void* data) {
        auto* meter = static_cast<Meter*>(data);
        const auto position = at->current_position;
        const std::uint64_t cost = 1 + (position > meter->position ? position - meter->position
                                                                   : meter->position - position);
        meter->position = position;
        if (cost > meter->effort.left) {
            meter->effort.left = 0;
            return PCRE2_ERROR_CALLOUT;
        }
        meter->effort.left -= cost;
        return 0;
    }
};

std::string messageOf(int error) {
    std::array<PCRE2_UCHAR, 128> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return reinterpret_cast<const char*>(text.data());
}

PCRE2_SPTR bytes(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
}

}  // namespace

struct Pattern::Code {
    pcre2_code* code = nullptr;
    pcre2_match_data* data = nullptr;
    pcre2_match_context* context = nullptr;
    /// Matches may have several lengths, and can be compared without what stands behind them.
    bool isLongestSought = false;
};

void Pattern::Free::operator()(Code* code) const {
    pcre2_match_context_free(code->context);
    pcre2_match_data_free(code->data);
    pcre2_code_free(code->code);
    delete code;
}

std::expected<Pattern, std::string> Pattern::compile(std::string_view ere) {
    const auto translated = translate(ere);
    if (!translated) {
        return std::unexpected(translated.error());
    }
    std::unique_ptr<Code, Free> code(new Code);
    int error = 0;
    PCRE2_SIZE place = 0;
    constexpr std::uint32_t kOptions = PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |
                                       PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_AUTO_CALLOUT;
    code->code = pcre2_compile(bytes(translated->text), translated->text.size(), kOptions, &error,
                               &place, nullptr);
    if (code->code == nullptr) {
        return std::unexpected(messageOf(error));
    }
    code->data = pcre2_match_data_create_from_pattern(code->code, nullptr);
    code->context = pcre2_match_context_create(nullptr);
    if (code->data == nullptr || code->context == nullptr) {
        return std::unexpected("out of memory");
    }
    pcre2_set_match_limit(code->context, kMatchLimit);
    pcre2_set_depth_limit(code->context, kDepthLimit);
    pcre2_set_heap_limit(code->context, kHeapLimit);
    code->isLongestSought = translated->hasChoices && !translated->hasWordEdges;
    std::uint32_t groups = 0;
    pcre2_pattern_info(code->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    Pattern pattern(std::move(code));
    pattern.groups_ = groups;
    return pattern;
}

Found Pattern::find(std::string_view text, Effort& effort) const {
    Match match;
    return run(text, 0, 0, match, effort);
}

Found Pattern::find(std::string_view text, std::size_t from, Match& match, Effort& effort) const {
    const auto found = run(text, from, 0, match, effort);
    if (found != Found::Yes || !code_->isLongestSought) {
        return found;
    }
    const Span first = match[0];
    const auto end = longest(text, first, effort);
    if (end <= first.end) {
        return found;
    }
    // The same again, with its groups.
    const std::uint32_t options =
        PCRE2_ANCHORED | PCRE2_ENDANCHORED | (end < text.size() ? std::uint32_t{PCRE2_NOTEOL} : 0U);
    Match longer;
    if (run(text.substr(0, end), first.begin, options, longer, effort) == Found::Yes) {
        match = std::move(longer);
    }
    return found;
}

Found Pattern::run(std::string_view text, std::size_t from, std::uint32_t options, Match& match,
                   Effort& effort) const {
    Meter meter{effort, from};
    pcre2_set_callout(code_->context, Meter::count, &meter);
    const int count = pcre2_match(code_->code, bytes(text), text.size(), from, options, code_->data,
                                  code_->context);
    if (count < 0) {
        return count == PCRE2_ERROR_NOMATCH ? Found::No : Found::TooHard;
    }
    const auto* places = pcre2_get_ovector_pointer(code_->data);
    match.assign(groups_ + 1, {});
    for (std::size_t i = 0; i < match.size() && i < static_cast<std::size_t>(count); ++i) {
        if (places[2 * i] != PCRE2_UNSET) {
            match[i] = {places[2 * i], places[2 * i + 1], true};
        }
    }
    return Found::Yes;
}

/// Where the longest match that begins there ends.
std::size_t Pattern::longest(std::string_view text, const Span& first, Effort& effort) const {
    std::array<int, 2000> workspace{};
    Meter meter{effort, first.begin};
    pcre2_set_callout(code_->context, Meter::count, &meter);
    const int count =
        pcre2_dfa_match(code_->code, bytes(text), text.size(), first.begin, PCRE2_ANCHORED,
                        code_->data, code_->context, workspace.data(), workspace.size());
    return count < 0 ? first.end : pcre2_get_ovector_pointer(code_->data)[1];
}

}  // namespace siproxd::pattern
