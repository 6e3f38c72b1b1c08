// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/message.h"

#include <algorithm>

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

/// The value of the header parameter `tag` of a From or To field; empty when there is none.
std::string_view tagOf(std::string_view value) {
    // Parameters stand behind the bracket, or behind the first semicolon when there is none.
    const auto open = findOutsideQuotes(value, ';');
    if (!open || *open == value.size()) {
        return {};
    }
    std::string_view rest = value.substr(*open);
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto end = rest.find(';');
        const std::string_view one = base::trim(rest.substr(0, end));
        const auto equals = one.find('=');
        if (equals != std::string_view::npos &&
            base::equalsIgnoreCase(base::trim(one.substr(0, equals)), "tag")) {
            return base::trim(one.substr(equals + 1));
        }
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
    }
    return {};
}

std::vector<std::string> texts(std::span<const NameAddr> values) {
    std::vector<std::string> out;
    out.reserve(values.size());
    for (const auto& value : values) {
        out.push_back(value.toString());
    }
    return out;
}

}  // namespace

Message Message::request(std::string_view method, const Uri& uri) {
    Message message;
    message.methodName_ = std::string(method);
    message.method_ = methodFrom(method);
    message.uri_ = uri.toString();
    return message;
}

Message Message::response(const Message& request, int status, std::string_view reason,
                          std::string_view toTag) {
    Message message;
    message.status_ = status;
    message.reason_ = std::string(reason.empty() ? reasonPhrase(status) : reason);
    message.methodName_ = request.methodName_;
    message.method_ = request.method_;
    for (const auto& field : request.fields_) {
        switch (field.id) {
            case HeaderName::Via:
            case HeaderName::From:
            case HeaderName::To:
            case HeaderName::CallId:
            case HeaderName::CSeq: message.fields_.push_back(field); break;
            default: break;
        }
        if (field.id == HeaderName::To && !toTag.empty() && request.toTag().empty()) {
            message.fields_.back().value += ";tag=" + std::string(toTag);
        }
    }
    return message;
}

const Message::Field* Message::find(HeaderName id, std::size_t index) const {
    for (const auto& field : fields_) {
        if (field.id == id && index-- == 0) {
            return &field;
        }
    }
    return nullptr;
}

void Message::replaceAll(HeaderName id, std::string_view name, std::vector<std::string> values) {
    const auto first = std::find_if(fields_.begin(), fields_.end(),
                                    [id](const Field& field) { return field.id == id; });
    const auto at = static_cast<std::size_t>(first - fields_.begin());
    // Via goes to the top, Record-Route behind it; the others are at home at the end.
    std::size_t place = at;
    if (first == fields_.end()) {
        place = fields_.size();
        if (id == HeaderName::Via) {
            place = 0;
        } else if (id == HeaderName::RecordRoute || id == HeaderName::Route) {
            place = 0;
            while (place < fields_.size() && fields_[place].id == HeaderName::Via) {
                ++place;
            }
        }
    }
    std::erase_if(fields_, [id](const Field& field) { return field.id == id; });
    std::vector<Field> added;
    added.reserve(values.size());
    for (auto& value : values) {
        added.push_back({id, std::string(name), std::move(value)});
    }
    fields_.insert(fields_.begin() + static_cast<std::ptrdiff_t>(place),
                   std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()));
}

void Message::setOnly(HeaderName id, std::string_view name, std::string value) {
    for (auto& field : fields_) {
        if (field.id == id) {
            field.value = std::move(value);
            return;
        }
    }
    fields_.push_back({id, std::string(name), std::move(value)});
}

Uri Message::requestUri() const {
    return Uri::parse(uri_).value_or(Uri{});
}

void Message::setRequestUri(const Uri& uri) {
    uri_ = uri.toString();
}

std::size_t Message::viaCount() const {
    return static_cast<std::size_t>(
        std::count_if(fields_.begin(), fields_.end(),
                      [](const Field& field) { return field.id == HeaderName::Via; }));
}

std::optional<Via> Message::via(std::size_t index) const {
    const Field* field = find(HeaderName::Via, index);
    return field == nullptr ? std::nullopt : Via::parse(field->value);
}

std::vector<Via> Message::vias() const {
    std::vector<Via> out;
    for (const auto& field : fields_) {
        if (field.id == HeaderName::Via) {
            if (auto via = Via::parse(field.value)) {
                out.push_back(std::move(*via));
            }
        }
    }
    return out;
}

void Message::pushVia(const Via& via) {
    const auto first = std::find_if(fields_.begin(), fields_.end(), [](const Field& field) {
        return field.id == HeaderName::Via;
    });
    fields_.insert(first == fields_.end() ? fields_.begin() : first,
                   Field{HeaderName::Via, "Via", via.toString()});
}

void Message::popVia() {
    const auto first = std::find_if(fields_.begin(), fields_.end(), [](const Field& field) {
        return field.id == HeaderName::Via;
    });
    if (first != fields_.end()) {
        fields_.erase(first);
    }
}

void Message::setVia(std::size_t index, const Via& via) {
    for (auto& field : fields_) {
        if (field.id == HeaderName::Via && index-- == 0) {
            field.value = via.toString();
            return;
        }
    }
}

void Message::setVias(std::span<const Via> vias) {
    std::vector<std::string> values;
    values.reserve(vias.size());
    for (const auto& via : vias) {
        values.push_back(via.toString());
    }
    replaceAll(HeaderName::Via, "Via", std::move(values));
}

NameAddr Message::from() const {
    const Field* field = find(HeaderName::From);
    return field == nullptr ? NameAddr{} : NameAddr::parse(field->value).value_or(NameAddr{});
}

NameAddr Message::to() const {
    const Field* field = find(HeaderName::To);
    return field == nullptr ? NameAddr{} : NameAddr::parse(field->value).value_or(NameAddr{});
}

void Message::setFrom(const NameAddr& from) {
    setOnly(HeaderName::From, "From", from.toString());
}

void Message::setTo(const NameAddr& to) {
    setOnly(HeaderName::To, "To", to.toString());
}

std::string_view Message::fromTag() const {
    const Field* field = find(HeaderName::From);
    return field == nullptr ? std::string_view() : tagOf(field->value);
}

std::string_view Message::toTag() const {
    const Field* field = find(HeaderName::To);
    return field == nullptr ? std::string_view() : tagOf(field->value);
}

std::string_view Message::callId() const {
    const Field* field = find(HeaderName::CallId);
    return field == nullptr ? std::string_view() : std::string_view(field->value);
}

void Message::setCallId(std::string_view callId) {
    setOnly(HeaderName::CallId, "Call-ID", std::string(callId));
}

CSeq Message::cseq() const {
    const Field* field = find(HeaderName::CSeq);
    if (field == nullptr) {
        return {};
    }
    const std::string_view value = field->value;
    const auto space = value.find_first_of(" \t");
    const auto number = base::parseUnsigned(value.substr(0, space), UINT32_MAX);
    return {static_cast<std::uint32_t>(number.value_or(0)),
            space == std::string_view::npos ? std::string()
                                            : std::string(base::trim(value.substr(space)))};
}

void Message::setCSeq(const CSeq& cseq) {
    setOnly(HeaderName::CSeq, "CSeq", std::to_string(cseq.number) + " " + cseq.method);
}

bool Message::contactIsStar() const {
    const Field* field = find(HeaderName::Contact);
    return field != nullptr && field->value == "*";
}

std::vector<NameAddr> Message::nameAddrs(HeaderName id) const {
    std::vector<NameAddr> out;
    for (const auto& field : fields_) {
        if (field.id == id) {
            if (auto value = NameAddr::parse(field.value)) {
                out.push_back(std::move(*value));
            }
        }
    }
    return out;
}

std::vector<NameAddr> Message::contacts() const {
    return nameAddrs(HeaderName::Contact);
}

void Message::setContacts(std::span<const NameAddr> contacts) {
    replaceAll(HeaderName::Contact, "Contact", texts(contacts));
}

std::vector<NameAddr> Message::routes() const {
    return nameAddrs(HeaderName::Route);
}

void Message::setRoutes(std::span<const NameAddr> routes) {
    replaceAll(HeaderName::Route, "Route", texts(routes));
}

std::vector<NameAddr> Message::recordRoutes() const {
    return nameAddrs(HeaderName::RecordRoute);
}

void Message::setRecordRoutes(std::span<const NameAddr> routes) {
    replaceAll(HeaderName::RecordRoute, "Record-Route", texts(routes));
}

std::vector<std::string> Message::headers(std::string_view name) const {
    const HeaderName id = headerNameFrom(name);
    const std::string_view longName = longHeaderName(name);
    std::vector<std::string> out;
    for (const auto& field : fields_) {
        if (field.id == id &&
            (id != HeaderName::Other ||
             base::equalsIgnoreCase(longHeaderName(field.name), longName))) {
            out.push_back(field.value);
        }
    }
    if (id == HeaderName::ContentLength) {
        out.push_back(std::to_string(body_.size()));
    }
    return out;
}

std::optional<std::string> Message::header(std::string_view name) const {
    auto all = headers(name);
    return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
}

void Message::setHeader(std::string_view name, std::string_view value) {
    const HeaderName id = headerNameFrom(name);
    const std::string_view longName = longHeaderName(name);
    if (id == HeaderName::ContentLength) {
        return;  // always computed
    }
    bool done = false;
    std::erase_if(fields_, [&](Field& field) {
        if (field.id != id ||
            (id == HeaderName::Other &&
             !base::equalsIgnoreCase(longHeaderName(field.name), longName))) {
            return false;
        }
        if (done) {
            return true;
        }
        field.value = std::string(value);
        done = true;
        return false;
    });
    if (!done) {
        addHeader(name, value);
    }
}

void Message::addHeader(std::string_view name, std::string_view value) {
    const HeaderName id = headerNameFrom(name);
    if (id != HeaderName::ContentLength) {
        fields_.push_back({id, std::string(longHeaderName(name)), std::string(value)});
    }
}

std::size_t Message::removeHeader(std::string_view name) {
    const HeaderName id = headerNameFrom(name);
    const std::string_view longName = longHeaderName(name);
    return std::erase_if(fields_, [&](const Field& field) {
        return field.id == id && (id != HeaderName::Other ||
                                  base::equalsIgnoreCase(longHeaderName(field.name), longName));
    });
}

std::optional<std::uint32_t> Message::maxForwards() const {
    const Field* field = find(HeaderName::MaxForwards);
    if (field == nullptr) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(base::parseUnsigned(field->value, UINT32_MAX).value_or(0));
}

void Message::setMaxForwards(std::uint32_t hops) {
    setOnly(HeaderName::MaxForwards, "Max-Forwards", std::to_string(hops));
}

std::optional<std::uint32_t> Message::expires() const {
    const Field* field = find(HeaderName::Expires);
    if (field == nullptr) {
        return std::nullopt;
    }
    const auto seconds = base::parseUnsigned(field->value, UINT32_MAX);
    return seconds ? std::optional(static_cast<std::uint32_t>(*seconds)) : std::nullopt;
}

std::string Message::contentType() const {
    const Field* field = find(HeaderName::ContentType);
    if (field == nullptr) {
        return {};
    }
    const std::string_view value = field->value;
    std::string out = base::toLower(base::trim(value.substr(0, value.find(';'))));
    std::erase_if(out, [](char c) { return c == ' ' || c == '\t'; });
    return out;
}

void Message::setBody(std::string_view type, std::string body) {
    if (type.empty()) {
        removeHeader("Content-Type");
    } else {
        setOnly(HeaderName::ContentType, "Content-Type", std::string(type));
    }
    body_ = std::move(body);
}

std::string Message::serialize() const {
    std::string out;
    out.reserve(1024 + body_.size());
    if (isRequest()) {
        out += methodName_;
        out += ' ';
        out += uri_;
        out += " SIP/2.0\r\n";
    } else {
        out += "SIP/2.0 ";
        out += std::to_string(status_);
        out += ' ';
        out += reason_;
        out += "\r\n";
    }
    for (const auto& field : fields_) {
        out += field.name;
        out += ": ";
        out += field.value;
        out += "\r\n";
    }
    out += "Content-Length: ";
    out += std::to_string(body_.size());
    out += "\r\n\r\n";
    out += body_;
    return out;
}

}  // namespace siproxd::sip
