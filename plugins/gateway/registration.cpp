// SPDX-License-Identifier: GPL-2.0-or-later
#include "registration.h"

#include <algorithm>
#include <charconv>

namespace gateway {

using siproxd::api::At;
using siproxd::api::Message;

namespace {

constexpr std::uint32_t kFirstRetry = 5;      // s
constexpr std::uint32_t kLongestRetry = 300;  // s
constexpr std::uint32_t kLongestExpires = 86'400;

std::optional<std::uint32_t> numberIn(const siproxd::api::Text& text) {
    std::uint32_t value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{}) {
        return std::nullopt;
    }
    return value;
}

/// A little before it ends (RFC 3261 §10.2.4 leaves it to us): a tenth, half a minute at least where that is less
/// than half.
std::uint32_t refreshAfter(std::uint32_t granted) {
    return granted - std::max(granted / 10, std::min(std::uint32_t{30}, granted / 2));
}

std::uint32_t backOff(unsigned failures) {
    return std::min(kFirstRetry << std::min(failures - 1, 6U), kLongestRetry);
}

std::string described(const Message& response) {
    return std::to_string(response.status()) + " " + std::string(response.reason());
}

}  // namespace

Registration::Registration(const siproxd::api::Host& host, const Settings& settings)
    : host_(host), settings_(settings), expires_(settings.expires),
      client_(host, [this](const Message& response) { answered(response); }),
      timer_(host, [this] { attempt(); }) {
    if (settings_.active && (settings_.expires > 0 || settings_.ping > 0)) {
        timer_.start(0);
    }
}

void Registration::renew() {
    if (settings_.active && settings_.expires > 0) {
        client_.forget();
        failures_ = 0;
        timer_.start(0);
    }
}

void Registration::attempt() {
    siproxd::api::Request request;
    const bool registers = settings_.expires > 0;
    const std::string address =
        settings_.account.empty() ? "sip:" + settings_.domain : settings_.address();
    request.method = registers ? "REGISTER" : "OPTIONS";
    request.uri = "sip:" + (registers ? settings_.domain : settings_.server);
    request.nextHop = settings_.nextHop();
    request.from = address;
    request.to = registers ? address : request.uri;
    request.callId = callId_;
    request.cseq = ++cseq_;
    request.contactUser = settings_.account.empty() ? "siproxd" : settings_.account;
    request.headers = registers ? "Expires: " + std::to_string(expires_) + "\r\n" : "";
    request.label = settings_.title;
    request.user = settings_.user;
    request.password = settings_.password;
    request.realm = settings_.realm;
    if (!client_.send(request)) {
        host_.warning("gateway " + settings_.title + ": no request can be made of its settings");
    }
}

void Registration::answered(const Message& response) {
    callId_ = response.callId();
    cseq_ = std::max(cseq_, response.cseq());
    if (settings_.expires == 0) {
        seen(response);
    } else if (response.status() < 300) {
        registered(response);
    } else {
        failed(response);
    }
    known_ = true;
}

std::uint32_t Registration::granted(const Message& response) const {
    std::optional<std::uint32_t> least;
    for (std::size_t i = 0; i < response.count(At::Contact); ++i) {
        const auto seconds = numberIn(response.param(At::Contact, "expires", i));
        if (seconds && *seconds > 0 &&
            response.uri(At::Contact, siproxd::api::Part::User, i) == settings_.account) {
            least = std::min(least.value_or(*seconds), *seconds);
        }
    }
    return std::clamp(least ? *least : numberIn(response.header("Expires")).value_or(expires_),
                      std::uint32_t{20}, kLongestExpires);
}

void Registration::registered(const Message& response) {
    const auto seconds = granted(response);
    if (!known_ || !up_) {
        host_.info("gateway " + settings_.title + ": registered as " + settings_.account + "@" +
                   settings_.domain + " at " + std::string(response.source()) + " for " +
                   std::to_string(seconds) + " s");
    }
    up_ = true;
    failures_ = 0;
    again(refreshAfter(seconds));
}

void Registration::failed(const Message& response) {
    const auto least = numberIn(response.header("Min-Expires"));
    if (response.status() == 423 && least && *least > expires_ && *least <= kLongestExpires) {
        expires_ = *least;
        again(0);
        return;
    }
    const auto seconds = backOff(++failures_);
    host_.warning("gateway " + settings_.title + ": registration failed with " + described(response) +
                  ", next try in " + std::to_string(seconds) + " s");
    up_ = false;
    again(seconds);
}

void Registration::seen(const Message& response) {
    const bool isUp = response.status() != 408 && response.status() < 500;
    if (isUp != up_ || (!known_ && !isUp)) {
        host_.info("gateway " + settings_.title +
                   (isUp ? " answers again" : " does not answer: " + described(response)));
    }
    up_ = isUp;
    again(settings_.ping);
}

}  // namespace gateway
