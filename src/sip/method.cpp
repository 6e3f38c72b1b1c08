// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/method.h"

#include <array>
#include <utility>

namespace siproxd::sip {

Method methodFrom(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, Method>, 14> kMethods{{
        {"INVITE", Method::Invite},
        {"ACK", Method::Ack},
        {"BYE", Method::Bye},
        {"CANCEL", Method::Cancel},
        {"OPTIONS", Method::Options},
        {"REGISTER", Method::Register},
        {"PRACK", Method::Prack},
        {"UPDATE", Method::Update},
        {"INFO", Method::Info},
        {"MESSAGE", Method::Message},
        {"SUBSCRIBE", Method::Subscribe},
        {"NOTIFY", Method::Notify},
        {"REFER", Method::Refer},
        {"PUBLISH", Method::Publish},
    }};
    for (const auto& [text, method] : kMethods) {
        if (text == name) {
            return method;
        }
    }
    return Method::Other;
}

bool namesTarget(Method method) {
    switch (method) {
        case Method::Invite:
        case Method::Subscribe:
        case Method::Notify:
        case Method::Refer:
        case Method::Update: return true;
        default: return false;
    }
}

}  // namespace siproxd::sip
