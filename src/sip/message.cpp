// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/message.h"

#include <algorithm>

#include "base/text.h"
#include "sip/known_addresses.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

/// Messages are read in the signalling thread only; others, in tests, have their own.
KnownAddresses& knownAddresses() {
    static thread_local KnownAddresses known;
    return known;
}

std::string_view tagOf(const NameAddr& address) {
    return address.params.value("tag").value_or(std::string_view());
}

}  // namespace

Message::Field::Field(HeaderName id, std::string_view name, const Via& via)
    : id_(id), name_(name), value_(via.toString()), meaning_(std::make_shared<const Via>(via)) {}

Message::Field::Field(HeaderName id, std::string_view name, const NameAddr& address)
    : id_(id), name_(name), value_(address.toString()),
      meaning_(std::make_shared<const NameAddr>(address)) {}

/// The header fields of a name, whichever form of it they have.
class Message::Named {
public:
    explicit Named(std::string_view name) : id_(headerNameFrom(name)), name_(longHeaderName(name)) {}

    [[nodiscard]] HeaderName id() const { return id_; }
    [[nodiscard]] bool has(const Field& field) const {
        return field.id() == id_ &&
               (id_ != HeaderName::Other || base::equalsIgnoreCase(longHeaderName(field.name()), name_));
    }

private:
    HeaderName id_;
    std::string_view name_;
};

void Message::Field::setValue(std::string value) {
    value_ = std::move(value);
    meaning_ = std::monostate{};
}

std::shared_ptr<const Via> Message::Field::via() const {
    if (const auto* known = std::get_if<std::shared_ptr<const Via>>(&meaning_)) {
        return *known;
    }
    auto parsed = Via::parse(value_);
    auto shared = parsed ? std::make_shared<const Via>(std::move(*parsed)) : nullptr;
    meaning_ = shared;
    return shared;
}

const NameAddr* Message::Field::address() const {
    if (const auto* known = std::get_if<std::shared_ptr<const NameAddr>>(&meaning_)) {
        return known->get();
    }
    auto shared = knownAddresses().read(value_);
    const auto* address = shared.get();
    meaning_ = std::move(shared);
    return address;
}

Message Message::request(std::string_view method, const Uri& uri) {
    Message message;
    message.methodName_ = std::string(method);
    message.method_ = methodFrom(method);
    message.setRequestUri(uri);
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
        switch (field.id()) {
            case HeaderName::Via:
            case HeaderName::From:
            case HeaderName::To:
            case HeaderName::CallId:
            case HeaderName::CSeq: message.fields_.push_back(field); break;
            default: break;
        }
        if (field.id() == HeaderName::To && !toTag.empty() && request.toTag().empty()) {
            message.fields_.back().setValue(field.value() + ";tag=" + std::string(toTag));
        }
    }
    return message;
}

const Message::Field* Message::find(HeaderName id, std::size_t index) const {
    for (const auto& field : fields_) {
        if (field.id() == id && index-- == 0) {
            return &field;
        }
    }
    return nullptr;
}

void Message::replaceAll(HeaderName id, std::vector<Field> values) {
    // In the places of those that there are, as far as they go.
    std::size_t used = 0;
    std::size_t place = fields_.size();
    for (std::size_t i = 0; i < fields_.size() && used < values.size(); ++i) {
        if (fields_[i].id() == id) {
            fields_[i] = std::move(values[used++]);
            place = i + 1;
        }
    }
    if (used == values.size()) {
        const auto kept = fields_.begin() + static_cast<std::ptrdiff_t>(used == 0 ? 0 : place);
        fields_.erase(std::remove_if(kept, fields_.end(), [id](const Field& field) { return field.id() == id; }),
                      fields_.end());
        return;
    }
    if (used == 0) {
        place = placeOf(id);
    }
    fields_.insert(fields_.begin() + static_cast<std::ptrdiff_t>(place),
                   std::make_move_iterator(values.begin() + static_cast<std::ptrdiff_t>(used)),
                   std::make_move_iterator(values.end()));
}

/// Via goes to the top, Record-Route and Route behind it; the others are at home at the end.
std::size_t Message::placeOf(HeaderName id) const {
    if (id == HeaderName::Via) {
        return 0;
    }
    if (id != HeaderName::RecordRoute && id != HeaderName::Route) {
        return fields_.size();
    }
    const auto behind = std::ranges::find_if(fields_, [](const Field& field) { return field.id() != HeaderName::Via; });
    return static_cast<std::size_t>(behind - fields_.begin());
}

void Message::setAddresses(HeaderName id, std::span<const NameAddr> values) {
    const auto* name = id == HeaderName::Contact ? "Contact" : id == HeaderName::Route ? "Route" : "Record-Route";
    std::vector<Field> fields;
    fields.reserve(values.size());
    for (const auto& value : values) {
        fields.emplace_back(id, name, value);
    }
    replaceAll(id, std::move(fields));
}

void Message::setOnly(HeaderName id, std::string_view name, std::string value) {
    for (auto& field : fields_) {
        if (field.id() == id) {
            field.setValue(std::move(value));
            return;
        }
    }
    fields_.emplace_back(id, name, value);
}

const Uri& Message::requestUri() const {
    if (parsedUri_ == nullptr) {
        parsedUri_ = std::make_shared<const Uri>(Uri::parse(uri_).value_or(Uri{}));
    }
    return *parsedUri_;
}

void Message::setStatus(int status, std::string_view reason) {
    status_ = status;
    reason_ = reason.empty() ? reasonPhrase(status) : reason;
}

void Message::setRequestUri(const Uri& uri) {
    auto bare = uri;
    bare.headers.clear();
    uri_ = bare.toString();
    parsedUri_ = std::make_shared<const Uri>(std::move(bare));
}

std::size_t Message::viaCount() const {
    return static_cast<std::size_t>(
        std::count_if(fields_.begin(), fields_.end(),
                      [](const Field& field) { return field.id() == HeaderName::Via; }));
}

std::shared_ptr<const Via> Message::via(std::size_t index) const {
    const Field* field = find(HeaderName::Via, index);
    return field == nullptr ? nullptr : field->via();
}

std::vector<Via> Message::vias() const {
    std::vector<Via> out;
    for (const auto& field : fields_) {
        if (field.id() == HeaderName::Via) {
            if (const auto via = field.via()) {
                out.push_back(*via);
            }
        }
    }
    return out;
}

void Message::pushVia(const Via& via) {
    const auto first = std::find_if(fields_.begin(), fields_.end(), [](const Field& field) {
        return field.id() == HeaderName::Via;
    });
    fields_.emplace(first == fields_.end() ? fields_.begin() : first, HeaderName::Via, "Via", via);
}

void Message::popVia() {
    const auto first = std::find_if(fields_.begin(), fields_.end(), [](const Field& field) {
        return field.id() == HeaderName::Via;
    });
    if (first != fields_.end()) {
        fields_.erase(first);
    }
}

void Message::setVia(std::size_t index, const Via& via) {
    for (auto& field : fields_) {
        if (field.id() == HeaderName::Via && index-- == 0) {
            field = Field(HeaderName::Via, field.name(), via);
            return;
        }
    }
}

void Message::setVias(std::span<const std::string> values) {
    std::vector<Field> fields;
    fields.reserve(values.size());
    for (const auto& value : values) {
        fields.emplace_back(HeaderName::Via, "Via", value);
    }
    replaceAll(HeaderName::Via, std::move(fields));
}

const NameAddr& Message::address(HeaderName id) const {
    static const NameAddr kNone;
    const Field* field = find(id);
    const NameAddr* address = field != nullptr ? field->address() : nullptr;
    return address != nullptr ? *address : kNone;
}

const NameAddr& Message::from() const { return address(HeaderName::From); }

const NameAddr& Message::to() const { return address(HeaderName::To); }

void Message::setFrom(const NameAddr& from) {
    setOnly(HeaderName::From, "From", from.toString());
}

void Message::setTo(const NameAddr& to) {
    setOnly(HeaderName::To, "To", to.toString());
}

std::string_view Message::fromTag() const { return tagOf(from()); }

std::string_view Message::toTag() const { return tagOf(to()); }

std::string_view Message::callId() const {
    const Field* field = find(HeaderName::CallId);
    return field == nullptr ? std::string_view() : std::string_view(field->value());
}

void Message::setCallId(std::string_view callId) {
    setOnly(HeaderName::CallId, "Call-ID", std::string(callId));
}

CSeq Message::cseq() const {
    const Field* field = find(HeaderName::CSeq);
    if (field == nullptr) {
        return {};
    }
    const std::string_view value = field->value();
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
    return field != nullptr && field->value() == "*";
}

std::vector<NameAddr> Message::addresses(HeaderName id) const {
    std::vector<NameAddr> out;
    out.reserve(static_cast<std::size_t>(std::ranges::count(fields_, id, &Field::id)));
    for (const auto& field : fields_) {
        const NameAddr* value = field.id() == id ? field.address() : nullptr;
        if (value != nullptr) {
            out.push_back(*value);
        }
    }
    return out;
}

std::vector<NameAddr> Message::contacts() const { return addresses(HeaderName::Contact); }

void Message::setContacts(std::span<const NameAddr> contacts) {
    setAddresses(HeaderName::Contact, contacts);
}

std::vector<NameAddr> Message::routes() const { return addresses(HeaderName::Route); }

void Message::setRoutes(std::span<const NameAddr> routes) {
    setAddresses(HeaderName::Route, routes);
}

std::vector<NameAddr> Message::recordRoutes() const { return addresses(HeaderName::RecordRoute); }

void Message::setRecordRoutes(std::span<const NameAddr> routes) {
    setAddresses(HeaderName::RecordRoute, routes);
}

const NameAddr* Message::addressAt(HeaderName name, std::size_t index) const {
    for (const auto& field : fields_) {
        const NameAddr* value = field.id() == name ? field.address() : nullptr;
        if (value != nullptr && index-- == 0) {
            return value;
        }
    }
    return nullptr;
}

std::optional<std::string_view> Message::headerAt(std::string_view name, std::size_t index) const {
    const Named named(name);
    for (const auto& field : fields_) {
        if (named.has(field) && index-- == 0) {
            return field.value();
        }
    }
    return std::nullopt;
}

std::size_t Message::headerCount(std::string_view name) const {
    const Named named(name);
    return named.id() == HeaderName::ContentLength
               ? 1
               : static_cast<std::size_t>(
                     std::ranges::count_if(fields_, [&](const Field& field) { return named.has(field); }));
}

std::vector<std::string> Message::headers(std::string_view name) const {
    const Named named(name);
    std::vector<std::string> out;
    for (const auto& field : fields_) {
        if (named.has(field)) {
            out.push_back(field.value());
        }
    }
    if (named.id() == HeaderName::ContentLength) {
        out.push_back(std::to_string(body_.size()));
    }
    return out;
}

std::optional<std::string> Message::header(std::string_view name) const {
    if (headerNameFrom(name) == HeaderName::ContentLength) {
        return std::to_string(body_.size());
    }
    const auto value = headerAt(name, 0);
    return value ? std::optional(std::string(*value)) : std::nullopt;
}

void Message::setHeader(std::string_view name, std::string_view value) {
    const Named named(name);
    if (named.id() == HeaderName::ContentLength) {
        return;  // always computed
    }
    bool done = false;
    std::erase_if(fields_, [&](Field& field) {
        if (!named.has(field)) {
            return false;
        }
        if (done) {
            return true;
        }
        field.setValue(std::string(value));
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
        fields_.emplace_back(id, longHeaderName(name), value);
    }
}

std::size_t Message::removeHeader(std::string_view name) {
    const Named named(name);
    return std::erase_if(fields_, [&](const Field& field) { return named.has(field); });
}

bool Message::removeHeader(std::string_view name, std::size_t index) {
    const Named named(name);
    const auto found =
        std::ranges::find_if(fields_, [&](const Field& field) { return named.has(field) && index-- == 0; });
    if (found == fields_.end()) {
        return false;
    }
    fields_.erase(found);
    return true;
}

std::optional<std::uint32_t> Message::maxForwards() const {
    const Field* field = find(HeaderName::MaxForwards);
    if (field == nullptr) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(base::parseUnsigned(field->value(), UINT32_MAX).value_or(0));
}

void Message::setMaxForwards(std::uint32_t hops) {
    setOnly(HeaderName::MaxForwards, "Max-Forwards", std::to_string(hops));
}

std::optional<std::uint32_t> Message::expires() const {
    const Field* field = find(HeaderName::Expires);
    if (field == nullptr) {
        return std::nullopt;
    }
    const auto seconds = base::parseUnsigned(field->value(), UINT32_MAX);
    return seconds ? std::optional(static_cast<std::uint32_t>(*seconds)) : std::nullopt;
}

std::string Message::contentType() const {
    const Field* field = find(HeaderName::ContentType);
    if (field == nullptr) {
        return {};
    }
    const std::string_view value = field->value();
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
        out += field.name();
        out += ": ";
        out += field.value();
        out += "\r\n";
    }
    out += "Content-Length: ";
    out += std::to_string(body_.size());
    out += "\r\n\r\n";
    out += body_;
    return out;
}

}  // namespace siproxd::sip
