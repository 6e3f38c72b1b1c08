// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins decide about a message before they return their verdict.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "plugin/handles.h"

namespace siproxd::plugin {

namespace {

constexpr std::uint32_t kLongestWait = 60'000;  // ms
constexpr std::size_t kTagBytes = 6;

bool isAnswerable(const siproxd_message* message) {
    const sip::Message* text = message->context.message;
    return text != nullptr && text->isRequest() && text->method() != sip::Method::Ack;
}

/// A reason phrase stays in its line.
std::string reasonFor(int status, const char* reason) {
    std::string text(reason == nullptr ? sip::reasonPhrase(status) : std::string_view(reason));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return text;
}

int reject(siproxd_message* message, int status, const char* reason) noexcept {
    if (status < 300 || status > 699) {
        return SIPROXD_FAILED;
    }
    message->draft.status = status;
    message->draft.reason = reasonFor(status, reason);
    return SIPROXD_REJECT;
}

int redirect(siproxd_message* message, const char* contact) noexcept {
    const std::string_view text = view(contact);
    auto parsed = sip::NameAddr::parse(text);
    // Without brackets, parameters would be the header's; here they are meant to be the URI's.
    if (text.find('<') == std::string_view::npos) {
        const auto uri = sip::Uri::parse(text);
        parsed = uri ? std::optional(sip::NameAddr{{}, *uri, {}}) : std::nullopt;
    }
    if (!parsed) {
        return SIPROXD_FAILED;
    }
    message->draft.contacts.push_back(std::move(*parsed));
    return SIPROXD_REDIRECT;
}

int retarget(siproxd_message* message, const char* uri, const char* nextHop,
             std::uint32_t rank) noexcept {
    auto target = sip::Uri::parse(view(uri));
    auto hop = nextHop == nullptr ? std::nullopt : sip::Uri::parse(nextHop);
    if (!target || (nextHop != nullptr && (!hop || !hop->isSip()))) {
        return SIPROXD_FAILED;
    }
    message->draft.targets.push_back(
        {.uri = std::move(*target), .nextHop = std::move(hop), .rank = rank});
    return SIPROXD_RETARGET;
}

/// What a plugin of this or an older minor version has said; what it does not know is 0.
siproxd_target targetFrom(const siproxd_target* given) {
    siproxd_target target{};
    if (given != nullptr) {
        std::memcpy(&target, given, std::min<std::size_t>(given->size, sizeof target));
    }
    return target;
}

int retargetTo(siproxd_message* message, const siproxd_target* given) noexcept {
    const auto plain = targetFrom(given);
    const auto parsed = [](const char* text, std::optional<sip::Uri>& uri) {
        uri = text == nullptr ? std::nullopt : sip::Uri::parse(text);
        return text == nullptr || uri.has_value();
    };
    Target target{.rank = plain.rank,
                  .after = plain.after & SIPROXD_AFTER_ANY,
                  .ring = std::chrono::milliseconds(plain.ring)};
    std::optional<sip::Uri> uri;
    const bool isLegible = parsed(plain.uri, uri) && parsed(plain.next_hop, target.nextHop) &&
                           parsed(plain.aor, target.aor);
    if (!isLegible || (!uri && !target.aor) || (target.nextHop && !target.nextHop->isSip())) {
        return SIPROXD_FAILED;
    }
    const std::string_view label = view(plain.label);
    const auto identity = identityFrom({.label = plain.label,
                                        .from = plain.from,
                                        .to = plain.to,
                                        .user = plain.user,
                                        .password = plain.password,
                                        .realm = plain.realm});
    if (!label.empty() && !identity) {
        return SIPROXD_FAILED;
    }
    auto headers = headerFields(view(plain.headers));
    if (!headers) {
        return SIPROXD_FAILED;
    }
    target.headers = std::move(*headers);
    target.isForeign = plain.foreign != 0;
    target.isDialled = plain.dial != 0;
    target.onBehalf = view(plain.on_behalf);
    target.identity = identity;
    target.keepsContact = !uri;
    target.uri = uri ? std::move(*uri) : *target.aor;
    message->draft.targets.push_back(std::move(target));
    return SIPROXD_RETARGET;
}

int setNextHop(siproxd_message* message, const char* uri) noexcept {
    auto hop = sip::Uri::parse(view(uri));
    if (message->context.message == nullptr || !hop || !hop->isSip()) {
        return kNotDone;
    }
    message->context.nextHop = std::move(hop);
    return kDone;
}

siproxd_message* reply(siproxd_message* message, int status, const char* reason) noexcept {
    if (!isAnswerable(message) || status < 200 || status > 699) {
        return nullptr;
    }
    message->draft.reply.reset(new Reply(
        message->self,
        sip::Message::response(*message->context.message, status, reasonFor(status, reason),
                               message->self.random.hex(kTagBytes)),
        message->context.flow));
    return &message->draft.reply->handle;
}

std::uint64_t suspend(siproxd_message* message, std::uint32_t deadline,
                      int statusAtDeadline) noexcept {
    const bool soundStatus =
        statusAtDeadline == 0 || (statusAtDeadline >= 300 && statusAtDeadline <= 699);
    if (!message->suspendable || !soundStatus) {
        return 0;
    }
    message->draft.token = message->self.suspensions.reserve();
    message->draft.deadline = std::chrono::milliseconds(std::min(deadline, kLongestWait));
    message->draft.statusAtDeadline = statusAtDeadline;
    return static_cast<std::uint64_t>(message->draft.token);
}

std::uint64_t token(siproxd_message* message) noexcept {
    return static_cast<std::uint64_t>(message->resumed);
}

void resume(siproxd_self* self, std::uint64_t value) noexcept {
    self->resume(static_cast<Token>(value));
}

}  // namespace

void fillDecisionFunctions(siproxd_host& table) {
    table.reject = reject;
    table.redirect = redirect;
    table.retarget = retarget;
    table.retarget_to = retargetTo;
    table.set_next_hop = setNextHop;
    table.reply = reply;
    table.suspend = suspend;
    table.msg_token = token;
    table.resume = resume;
}

}  // namespace siproxd::plugin
