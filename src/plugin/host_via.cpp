// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins read and change of Via header fields.
#include "base/text.h"
#include "plugin/handles.h"

namespace siproxd::plugin {

namespace {

using sip::Via;

std::optional<std::uint16_t> portFrom(std::string_view text) {
    const auto port = base::parseUnsigned(text, 65535);
    return port ? std::optional(static_cast<std::uint16_t>(*port)) : std::nullopt;
}

std::optional<std::string> partOf(const Via& via, int part) {
    const auto param = [&via](std::string_view name) -> std::optional<std::string> {
        const sip::Param* found = via.params.find(name);
        return found == nullptr ? std::nullopt : std::optional(found->value.value_or(""));
    };
    switch (part) {
        case SIPROXD_VIA_TEXT: return via.toString();
        case SIPROXD_VIA_TRANSPORT: return via.transport;
        case SIPROXD_VIA_HOST: return via.host;
        case SIPROXD_VIA_PORT:
            return via.port == 0 ? std::nullopt : std::optional(std::to_string(via.port));
        case SIPROXD_VIA_BRANCH: return param("branch");
        case SIPROXD_VIA_RECEIVED: return param("received");
        case SIPROXD_VIA_RPORT: return param("rport");
        default: return std::nullopt;
    }
}

bool setParam(Via& via, std::string_view name, const char* value) {
    if (value == nullptr) {
        via.params.remove(name);
    } else {
        via.params.set(name, std::string(value));
    }
    return true;
}

bool setPart(Via& via, int part, const char* value) {
    switch (part) {
        case SIPROXD_VIA_TRANSPORT: via.transport = view(value); return true;
        case SIPROXD_VIA_HOST: via.host = view(value); return true;
        case SIPROXD_VIA_PORT: {
            const auto port = value == nullptr ? std::optional<std::uint16_t>(0) : portFrom(value);
            via.port = port.value_or(0);
            return port.has_value();
        }
        case SIPROXD_VIA_BRANCH: return value != nullptr && setParam(via, "branch", value);
        case SIPROXD_VIA_RECEIVED: return setParam(via, "received", value);
        case SIPROXD_VIA_RPORT: return setParam(via, "rport", value);
        default: return false;
    }
}

std::size_t viaCount(siproxd_message* message) noexcept {
    return message->context.message == nullptr ? 0 : message->context.message->viaCount();
}

const char* viaPart(siproxd_message* message, std::size_t index, int part) noexcept {
    const sip::Message* text = message->context.message;
    const auto via = text == nullptr ? nullptr : text->via(index);
    const auto found = via ? partOf(*via, part) : std::nullopt;
    return found ? message->lender.lend(*found) : nullptr;
}

int setViaPart(siproxd_message* message, std::size_t index, int part, const char* value) noexcept {
    sip::Message* text = message->context.message;
    const auto known = text == nullptr ? nullptr : text->via(index);
    if (known == nullptr) {
        return kNotDone;
    }
    auto via = *known;
    if (!setPart(via, part, value) || Via::parse(via.toString()) != via) {
        return kNotDone;
    }
    text->setVia(index, via);
    message->lender.recall();
    return kDone;
}

int pushVia(siproxd_message* message, const char* transport, const char* host, std::uint32_t port,
            const char* branch) noexcept {
    Via via;
    via.transport = view(transport);
    via.host = view(host);
    via.port = static_cast<std::uint16_t>(port);
    via.params.set("branch", std::string(view(branch)));
    if (message->context.message == nullptr || port > 65535 || Via::parse(via.toString()) != via) {
        return kNotDone;
    }
    message->context.message->pushVia(via);
    message->lender.recall();
    return kDone;
}

int popVia(siproxd_message* message) noexcept {
    if (viaCount(message) < 2) {
        return kNotDone;
    }
    message->context.message->popVia();
    message->lender.recall();
    return kDone;
}

}  // namespace

void fillViaFunctions(siproxd_host& table) {
    table.msg_via_count = viaCount;
    table.msg_via_part = viaPart;
    table.msg_set_via_part = setViaPart;
    table.msg_push_via = pushVia;
    table.msg_pop_via = popVia;
}

}  // namespace siproxd::plugin
