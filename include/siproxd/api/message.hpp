// SPDX-License-Identifier: GPL-2.0-or-later
/// A message that a plugin is shown. See plugin.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "types.hpp"

namespace siproxd::api {

/// A message on its way. Valid during process() only. What would change it and returns false has changed nothing: what was
/// to be written cannot stand there.
class Message {
public:
    Message(const siproxd_host* host, siproxd_message* message) : host_(host), message_(message) {}

    // --- where it came from
    [[nodiscard]] std::string_view source() const { return host_->msg_source(message_); }
    [[nodiscard]] std::string_view sourceIp() const { return host_->msg_source_ip(message_); }
    [[nodiscard]] std::uint32_t sourcePort() const { return host_->msg_source_port(message_); }
    [[nodiscard]] Direction direction() const {
        return static_cast<Direction>(host_->msg_direction(message_));
    }
    bool setDirection(Direction direction) {
        return host_->msg_set_direction(message_, static_cast<int>(direction)) == 0;
    }

    // --- bytes, at Stage::Raw only
    [[nodiscard]] std::string_view raw() const {
        std::size_t size = 0;
        const char* data = host_->msg_raw(message_, &size);
        return {data, size};
    }
    bool setRaw(std::string_view bytes) {
        return host_->msg_set_raw(message_, bytes.data(), bytes.size()) == 0;
    }

    // --- first line and identity
    [[nodiscard]] bool isRequest() const { return host_->msg_status(message_) == 0; }
    [[nodiscard]] int status() const { return host_->msg_status(message_); }
    /// Of a response.
    [[nodiscard]] std::string_view reason() const {
        return orEmpty(detail::text(host_->msg_reason(message_)));
    }
    [[nodiscard]] std::string_view method() const {
        return orEmpty(detail::text(host_->msg_method(message_)));
    }
    [[nodiscard]] std::string_view callId() const {
        return orEmpty(detail::text(host_->msg_call_id(message_)));
    }
    [[nodiscard]] std::uint32_t cseq() const { return host_->msg_cseq(message_); }

    // --- addresses
    [[nodiscard]] std::size_t count(At at) const {
        return host_->msg_address_count(message_, static_cast<int>(at));
    }
    [[nodiscard]] Text uri(At at, Part part, std::size_t index = 0) const {
        return detail::text(
            host_->msg_uri_part(message_, static_cast<int>(at), index, static_cast<int>(part)));
    }
    [[nodiscard]] Text uriParam(At at, const char* name, std::size_t index = 0) const {
        return detail::text(host_->msg_uri_param(message_, static_cast<int>(at), index, name));
    }
    bool setUri(At at, Part part, std::string_view value, std::size_t index = 0) {
        return host_->msg_set_uri_part(message_, static_cast<int>(at), index,
                                       static_cast<int>(part), detail::z(value).c_str()) == 0;
    }
    [[nodiscard]] Text address(At at, std::size_t index = 0) const {
        return detail::text(host_->msg_address(message_, static_cast<int>(at), index));
    }
    bool setAddress(At at, std::string_view text, std::size_t index = 0) {
        return host_->msg_set_address(message_, static_cast<int>(at), index,
                                      detail::z(text).c_str()) == 0;
    }
    bool removeAddress(At at, std::size_t index) {
        return host_->msg_set_address(message_, static_cast<int>(at), index, nullptr) == 0;
    }
    /// A header parameter such as tag or expires.
    [[nodiscard]] Text param(At at, const char* name, std::size_t index = 0) const {
        return detail::text(host_->msg_address_param(message_, static_cast<int>(at), index, name));
    }

    // --- Via
    [[nodiscard]] std::size_t viaCount() const { return host_->msg_via_count(message_); }
    [[nodiscard]] Text via(ViaPart part, std::size_t index = 0) const {
        return detail::text(host_->msg_via_part(message_, index, static_cast<int>(part)));
    }
    bool setVia(ViaPart part, std::string_view value, std::size_t index = 0) {
        return host_->msg_set_via_part(message_, index, static_cast<int>(part),
                                       detail::z(value).c_str()) == 0;
    }
    /// Port, received or rport.
    bool removeVia(ViaPart part, std::size_t index = 0) {
        return host_->msg_set_via_part(message_, index, static_cast<int>(part), nullptr) == 0;
    }
    bool popVia() { return host_->msg_pop_via(message_) == 0; }

    // --- any header
    [[nodiscard]] std::size_t headerCount(const char* name) const {
        return host_->msg_header_count(message_, name);
    }
    [[nodiscard]] Text header(const char* name, std::size_t index = 0) const {
        return detail::text(host_->msg_header(message_, name, index));
    }
    bool setHeader(const char* name, std::string_view value) {
        return host_->msg_set_header(message_, name, detail::z(value).c_str()) == 0;
    }
    bool addHeader(const char* name, std::string_view value) {
        return host_->msg_add_header(message_, name, detail::z(value).c_str()) == 0;
    }
    std::size_t removeHeader(const char* name) {
        return host_->msg_remove_header(message_, name, nullptr);
    }
    std::size_t removeHeader(const char* name, std::string_view value) {
        return host_->msg_remove_header(message_, name, detail::z(value).c_str());
    }

    // --- body
    [[nodiscard]] std::string_view body() const {
        std::size_t size = 0;
        const char* data = host_->msg_body(message_, &size);
        return {data, size};
    }
    [[nodiscard]] Text contentType() const {
        return detail::text(host_->msg_content_type(message_));
    }
    bool setBody(std::string_view bytes) {
        return host_->msg_set_body(message_, nullptr, bytes.data(), bytes.size()) == 0;
    }
    bool setBody(const char* type, std::string_view bytes) {
        return host_->msg_set_body(message_, type, bytes.data(), bytes.size()) == 0;
    }

    // --- decisions: what they return is what process() returns
    [[nodiscard]] Verdict reject(int status, const char* reason = nullptr) {
        return static_cast<Verdict>(host_->reject(message_, status, reason));
    }
    [[nodiscard]] Verdict redirect(std::string_view contact) {
        return static_cast<Verdict>(host_->redirect(message_, detail::z(contact).c_str()));
    }
    [[nodiscard]] Verdict retarget(std::string_view uri, const char* nextHop = nullptr,
                                   std::uint32_t rank = 0) {
        return static_cast<Verdict>(
            host_->retarget(message_, detail::z(uri).c_str(), nextHop, rank));
    }
    [[nodiscard]] Verdict retarget(const Target& target) {
        using detail::orNull;
        siproxd_target plain{};
        plain.size = sizeof plain;
        plain.rank = target.rank;
        plain.uri = orNull(target.uri);
        plain.next_hop = orNull(target.nextHop);
        plain.aor = orNull(target.aor);
        plain.after = target.after;
        plain.ring = target.ring;
        plain.label = orNull(target.label);
        plain.from = orNull(target.from);
        plain.to = orNull(target.to);
        plain.user = orNull(target.user);
        plain.password = orNull(target.password);
        plain.realm = orNull(target.realm);
        plain.dial = target.dial ? 1 : 0;
        plain.foreign = target.foreign ? 1 : 0;
        plain.on_behalf = orNull(target.onBehalf);
        plain.headers = orNull(target.headers);
        return static_cast<Verdict>(host_->retarget_to(message_, &plain));
    }
    /// Several, by their ranks. Those that make no sense are left out; Failed: all of them.
    [[nodiscard]] Verdict retarget(std::span<const Target> targets) {
        auto verdict = Verdict::Failed;
        for (const auto& target : targets) {
            if (const auto taken = retarget(target); taken != Verdict::Failed) {
                verdict = taken;
            }
        }
        return verdict;
    }
    bool setNextHop(std::string_view uri) {
        return host_->set_next_hop(message_, detail::z(uri).c_str()) == 0;
    }
    /// An answer to fill in and to send by returning Verdict::Answered.
    [[nodiscard]] std::optional<Message> reply(int status, const char* reason = nullptr) {
        siproxd_message* made = host_->reply(message_, status, reason);
        return made == nullptr ? std::nullopt : std::optional(Message(host_, made));
    }
    /// 0: it cannot wait. Else keep the token and return Verdict::Suspend.
    [[nodiscard]] std::uint64_t suspend(std::uint32_t milliseconds, int statusAtDeadline) {
        return host_->suspend(message_, milliseconds, statusAtDeadline);
    }
    [[nodiscard]] std::uint64_t token() const { return host_->msg_token(message_); }

    /// What the sender is called, if a plugin deals with it.
    [[nodiscard]] Text label() const { return detail::text(host_->msg_label(message_)); }
    /// Who has authenticated here.
    [[nodiscard]] Text user() const { return detail::text(host_->msg_user(message_)); }

    /// What has been dialled before in the place of the request URI (Target::dial), the first one first.
    [[nodiscard]] std::vector<std::string_view> history() const {
        std::vector<std::string_view> all;
        while (const char* uri = host_->msg_history(message_, all.size())) {
            all.emplace_back(uri);
        }
        return all;
    }

    [[nodiscard]] siproxd_message* handle() const { return message_; }

private:
    const siproxd_host* host_;
    siproxd_message* message_;
};

}  // namespace siproxd::api
