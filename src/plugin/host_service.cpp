// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins ask of siproxd besides the message in their hands.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

#include "base/text.h"
#include "plugin/handles.h"
#include "plugin/services.h"

namespace siproxd::plugin {

namespace {

constexpr std::uint32_t kHops = 70;
constexpr std::size_t kTagBytes = 6;
constexpr std::size_t kCallIdBytes = 12;

const char* orNull(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

std::size_t bindings(siproxd_self* self, int which, const char* text,
                     int (*each)(void* context, const siproxd_binding* binding),
                     void* context) noexcept {
    std::size_t count = 0;
    if (self->services == nullptr || each == nullptr || which < SIPROXD_BINDINGS_ALL ||
        which > SIPROXD_BINDINGS_OF_SHOWN) {
        return count;
    }
    self->services->bindings(
        static_cast<BindingQuery>(which), view(text), [&](const BindingView& binding) {
            const siproxd_binding shown{.size = sizeof shown,
                                        .is_local = binding.shown.empty() ? 1U : 0U,
                                        .aor = binding.aor.c_str(),
                                        .contact = binding.contact.c_str(),
                                        .shown = orNull(binding.shown),
                                        .source = orNull(binding.source),
                                        .expires = binding.expires};
            ++count;
            return each(context, &shown) != 0;
        });
    return count;
}

const char* ownUser(siproxd_self* self, const char* uri) noexcept {
    self->ownUser = self->services == nullptr ? "" : self->services->ownUser(view(uri));
    return orNull(self->ownUser);
}

/// `"Display" <uri>` or a URI.
std::optional<sip::NameAddr> partyFrom(const char* text) {
    auto party = sip::NameAddr::parse(view(text));
    return party && !party->uri.host.empty() ? std::move(party) : std::nullopt;
}

/// Nothing: it is not well-formed.
std::optional<sip::Message> requestFrom(siproxd_self* self, const siproxd_request& plain) {
    const std::string_view method = view(plain.method);
    const std::string callId(plain.call_id != nullptr ? plain.call_id : self->random.hex(kCallIdBytes));
    const auto uri = sip::Uri::parse(view(plain.uri));
    auto from = partyFrom(plain.from);
    auto to = partyFrom(plain.to != nullptr ? plain.to : plain.from);
    if (!isHeaderName(method) || method == "INVITE" || method == "ACK" || method == "CANCEL" || !uri ||
        !from || !to || callId.empty() || !isHeaderValue(callId)) {
        return std::nullopt;
    }
    auto request = sip::Message::request(method, *uri);
    request.setMaxForwards(kHops);
    from->params.set("tag", self->random.hex(kTagBytes));
    request.setFrom(*from);
    request.setTo(*to);
    request.setCallId(callId);
    request.setCSeq({plain.cseq != 0 ? plain.cseq : 1, std::string(method)});
    const auto headers = headerFields(view(plain.headers));
    if (!headers) {
        return std::nullopt;
    }
    for (const auto& [name, value] : *headers) {
        request.addHeader(name, value);
    }
    if (!request.header("User-Agent")) {
        request.addHeader("User-Agent", std::string("siproxd/") + hostTable().version);
    }
    return request;
}

/// The user part of a URI, as on the wire.
bool isUser(std::string_view user) {
    const auto uri = sip::Uri::parse("sip:" + std::string(user) + "@invalid");
    return uri && uri->user == user && uri->host == "invalid" && uri->password.empty();
}

std::uint64_t sendRequest(siproxd_self* self, const siproxd_request* given,
                          void (*done)(void* context, siproxd_message* response),
                          void* context) noexcept {
    siproxd_request plain{};
    if (given != nullptr) {
        std::memcpy(&plain, given, std::min<std::size_t>(given->size, sizeof plain));
    }
    auto message = requestFrom(self, plain);
    auto nextHop = plain.next_hop == nullptr ? std::nullopt : sip::Uri::parse(plain.next_hop);
    auto identity = identityFrom({.label = plain.label,
                                  .from = nullptr,
                                  .to = nullptr,
                                  .user = plain.user,
                                  .password = plain.password,
                                  .realm = plain.realm});
    const bool hasContact = plain.contact_user == nullptr || isUser(plain.contact_user);
    if (!message || !hasContact || (plain.next_hop != nullptr && (!nextHop || !nextHop->isSip())) || !identity ||
        done == nullptr || self->services == nullptr) {
        return 0;
    }
    return self->services->send(
        {.message = std::move(*message),
         .nextHop = std::move(nextHop),
         .contactUser = plain.contact_user == nullptr
                            ? std::nullopt
                            : std::optional<std::string>(plain.contact_user),
         .identity = std::move(identity),
         .done = [self, done, context, alive = std::weak_ptr(self->alive)](
                     sip::Message& response, const base::Flow& from) {
             if (alive.expired()) {
                 return;
             }
             Context known{.message = &response, .flow = from};
             siproxd_message shown{.self = *self, .context = known};
             self->call("a response", [&] { done(context, &shown); });
         }});
}

std::size_t calls(siproxd_self* self, int (*each)(void* context, const siproxd_call* call),
                  void* context) noexcept {
    std::size_t count = 0;
    if (self->services != nullptr && each != nullptr) {
        self->services->calls([&](const CallView& view) {
            ++count;
            return each(context, &CallShown(view).call()) != 0;
        });
    }
    return count;
}

int endCall(siproxd_self* self, std::uint64_t call, int status, const char* reason) noexcept {
    const bool isSound = status >= 300 && status <= 699;
    return isSound && self->services != nullptr &&
                   self->services->endCall(call, status, view(reason))
               ? kDone
               : kNotDone;
}

void forgetRequest(siproxd_self* self, std::uint64_t request) noexcept {
    if (self->services != nullptr) {
        self->services->forget(request);
    }
}

std::uint64_t startTimer(siproxd_self* self, std::uint32_t delay, void (*due)(void* context),
                         void* context) noexcept {
    return due == nullptr ? 0
                          : self->timers.start(std::chrono::milliseconds(delay),
                                               [self, due, context] {
                                                   self->call("a timer", [=] { due(context); });
                                               });
}

void cancelTimer(siproxd_self* self, std::uint64_t timer) noexcept {
    self->timers.cancel(timer);
}

}  // namespace

std::shared_ptr<const Identity> identityFrom(const IdentityTexts& texts) {
    auto identity = std::make_shared<Identity>();
    identity->label = view(texts.label);
    identity->user = view(texts.user);
    identity->password = view(texts.password);
    identity->realm = view(texts.realm);
    const auto read = [](const char* text, std::optional<sip::Uri>& uri) {
        uri = text == nullptr ? std::nullopt : sip::Uri::parse(text);
        return text == nullptr || uri.has_value();
    };
    const bool isLegible = read(texts.from, identity->from) && read(texts.to, identity->to);
    return isLegible && !identity->label.empty() ? std::move(identity) : nullptr;
}

void fillServiceFunctions(siproxd_host& table) {
    table.bindings = bindings;
    table.own_user = ownUser;
    table.calls = calls;
    table.call_end = endCall;
    table.request_send = sendRequest;
    table.request_forget = forgetRequest;
    table.timer_start = startTimer;
    table.timer_cancel = cancelTimer;
}

}  // namespace siproxd::plugin
