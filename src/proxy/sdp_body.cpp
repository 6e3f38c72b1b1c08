// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/sdp_body.h"

#include <algorithm>

#include "base/text.h"

namespace siproxd::proxy {

namespace {

bool names(std::string_view text, std::string_view word) {
    return !std::ranges::search(text, word, [](char a, char b) {
                return base::equalsIgnoreCase({&a, 1}, {&b, 1});
            }).empty();
}

}  // namespace

bool SdpBody::mayBeIn(const sip::Message& message) {
    if (message.body().empty()) {
        return false;
    }
    const auto type = message.contentType();
    return type == "application/sdp" ||
           (type.starts_with("multipart/") && names(message.body(), "application/sdp"));
}

base::Result<SdpBody> SdpBody::read(const sip::Message& message) {
    SdpBody body;
    const auto type = message.header("Content-Type");
    const auto places = sdp::findDescriptions(type ? *type : "", message.body());
    if (!places) {
        return std::unexpected(places.error());
    }
    for (const auto& place : *places) {
        auto description = sdp::Session::parse(message.body().substr(place.begin, place.size));
        if (!description) {
            return std::unexpected(std::move(description.error()));
        }
        Part part{place, std::move(*description)};
        if (place.isSession) {
            body.session_.emplace(std::move(part));
        } else {
            body.others_.push_back(std::move(part));
        }
    }
    return body;
}

std::vector<sdp::Session*> SdpBody::others() {
    std::vector<sdp::Session*> all;
    for (auto& part : others_) {
        all.push_back(&part.description);
    }
    return all;
}

void SdpBody::writeTo(sip::Message& message) const {
    std::vector<const Part*> parts;
    if (session_) {
        parts.push_back(&*session_);
    }
    for (const auto& part : others_) {
        parts.push_back(&part);
    }
    std::ranges::sort(parts, {}, [](const Part* part) { return part->place.begin; });
    const auto body = message.body();
    std::string out;
    std::size_t position = 0;
    for (const auto* part : parts) {
        out += body.substr(position, part->place.begin - position);
        out += part->description.toString();
        position = part->place.begin + part->place.size;
    }
    out += body.substr(position);
    message.setBody(std::move(out));
}

}  // namespace siproxd::proxy
