// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sip/header_name.h"
#include "sip/method.h"
#include "sip/name_addr.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace siproxd::sip {

/// Why bytes are not a message that can be processed.
struct ParseFailure {
    int status;          ///< what a request deserves as an answer: 400, 413, 505 …; 0: no answer at all
    std::string reason;  ///< reason phrase of that answer
    std::string why;     ///< for the log
};

/// A CSeq header field.
struct CSeq {
    std::uint32_t number = 0;
    std::string method;

    friend bool operator==(const CSeq&, const CSeq&) = default;
};

/// One SIP request or response. Header fields keep their order, their names and, where nobody sets
/// them, their values byte for byte (unfolded); typed access parses on demand and remembers. Fields with several
/// comma-separated values of Via, Route, Record-Route, Path, Service-Route and Contact are split
/// into one field a value. The body is kept byte for byte and Content-Length is always right.
/// Move-only; clone() copies.
///
/// A parsed message always has: request line or status line, Call-ID, CSeq (whose method fits the
/// request line), From, To and at least one Via.
class Message {
public:
    /// Reads one datagram's or one frame's worth of bytes. Bytes behind Content-Length are dropped.
    [[nodiscard]] static std::expected<Message, ParseFailure> parse(std::string_view bytes);

    /// A request with the given line and none of the mandatory headers yet: the caller sets them.
    [[nodiscard]] static Message request(std::string_view method, const Uri& uri);

    /// A response as RFC 3261 §8.2.6 builds it from a request: Via, From, To, Call-ID and CSeq are
    /// copied; `toTag` is added to To unless that has a tag or `toTag` is empty.
    [[nodiscard]] static Message response(const Message& request, int status,
                                          std::string_view reason, std::string_view toTag);

    Message(Message&&) noexcept = default;
    Message& operator=(Message&&) noexcept = default;
    [[nodiscard]] Message clone() const { return Message(*this); }

    // --- first line
    [[nodiscard]] bool isRequest() const { return status_ == 0; }
    [[nodiscard]] bool isResponse() const { return !isRequest(); }
    /// Of a request its method, of a response the method in CSeq.
    [[nodiscard]] Method method() const { return method_; }
    [[nodiscard]] std::string_view methodName() const { return methodName_; }
    [[nodiscard]] int status() const { return status_; }  ///< 0 for requests
    [[nodiscard]] std::string_view reason() const { return reason_; }
    /// Of a response; an empty reason stands for the default one.
    void setStatus(int status, std::string_view reason = {});
    /// The text of the request URI; empty for responses.
    [[nodiscard]] std::string_view requestUriText() const { return uri_; }
    /// Good until the next setRequestUri(); the default Uri for responses.
    [[nodiscard]] const Uri& requestUri() const;
    /// Header fields in the URI are left out (RFC 3261 §19.1.1).
    void setRequestUri(const Uri& uri);

    // --- Via; index 0 is the topmost
    [[nodiscard]] std::size_t viaCount() const;
    /// nullptr: there are not as many. Shared, for it stays good when the message changes.
    [[nodiscard]] std::shared_ptr<const Via> via(std::size_t index = 0) const;
    [[nodiscard]] std::vector<Via> vias() const;
    void pushVia(const Via& via);
    void popVia();
    void setVia(std::size_t index, const Via& via);
    /// Values of Via fields as headers() returns them: nobody has to read or print them for that.
    void setVias(std::span<const std::string> values);

    // --- dialog identifiers; views and references live until the next change of the message
    [[nodiscard]] const NameAddr& from() const;
    [[nodiscard]] const NameAddr& to() const;
    void setFrom(const NameAddr& from);
    void setTo(const NameAddr& to);
    [[nodiscard]] std::string_view fromTag() const;  ///< empty: none
    [[nodiscard]] std::string_view toTag() const;    ///< empty: none
    [[nodiscard]] std::string_view callId() const;
    void setCallId(std::string_view callId);
    [[nodiscard]] CSeq cseq() const;
    void setCSeq(const CSeq& cseq);

    // --- Contact, Route, Record-Route
    [[nodiscard]] bool contactIsStar() const;
    /// Without a `*`.
    [[nodiscard]] std::vector<NameAddr> contacts() const;
    void setContacts(std::span<const NameAddr> contacts);
    [[nodiscard]] std::vector<NameAddr> routes() const;
    void setRoutes(std::span<const NameAddr> routes);
    [[nodiscard]] std::vector<NameAddr> recordRoutes() const;
    void setRecordRoutes(std::span<const NameAddr> routes);
    /// The same of any of these three.
    [[nodiscard]] std::vector<NameAddr> addresses(HeaderName id) const;
    void setAddresses(HeaderName id, std::span<const NameAddr> values);
    /// One of these, or From or To (index 0), which lives until the next change of the message; nullptr: there are not as
    /// many.
    [[nodiscard]] const NameAddr* addressAt(HeaderName name, std::size_t index) const;

    // --- any header by name (without case; compact forms are known by their long name)
    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> headers(std::string_view name) const;
    [[nodiscard]] std::size_t headerCount(std::string_view name) const;
    /// headers(name)[index], which lives until the next change of the message; nothing: there are not as many, or it is
    /// Content-Length.
    [[nodiscard]] std::optional<std::string_view> headerAt(std::string_view name, std::size_t index) const;
    /// Replaces all header fields of that name by one; for those with methods of their own use these.
    void setHeader(std::string_view name, std::string_view value);
    void addHeader(std::string_view name, std::string_view value);
    /// How many were removed.
    std::size_t removeHeader(std::string_view name);
    /// Removes the field at `index` of what headers() returns; false when there is none.
    bool removeHeader(std::string_view name, std::size_t index);

    /// Max-Forwards; nothing when the header is missing, 0 when it is not a number.
    [[nodiscard]] std::optional<std::uint32_t> maxForwards() const;
    void setMaxForwards(std::uint32_t hops);
    /// Expires in seconds; nothing when missing or malformed.
    [[nodiscard]] std::optional<std::uint32_t> expires() const;

    // --- body
    [[nodiscard]] std::string_view body() const { return body_; }
    /// Type and subtype in lower case without parameters, e.g. `application/sdp`; empty: none.
    [[nodiscard]] std::string contentType() const;
    /// Replaces the body, the type stays.
    void setBody(std::string body) { body_ = std::move(body); }
    /// Replaces both; an empty type removes Content-Type.
    void setBody(std::string_view type, std::string body);

    /// The bytes for the wire.
    [[nodiscard]] std::string serialize() const;

private:
    friend class MessageParser;

    class Named;

    /// One header field with one value. Copies share what has been parsed.
    class Field {
    public:
        Field(HeaderName id, std::string_view name, std::string_view value)
            : id_(id), name_(name), value_(value) {}
        Field(HeaderName id, std::string_view name, const Via& via);
        Field(HeaderName id, std::string_view name, const NameAddr& address);

        [[nodiscard]] HeaderName id() const { return id_; }
        [[nodiscard]] const std::string& name() const { return name_; }
        [[nodiscard]] const std::string& value() const { return value_; }
        void setValue(std::string value);

        // What the value means; nullptr when it is none of these.
        [[nodiscard]] std::shared_ptr<const Via> via() const;
        [[nodiscard]] const NameAddr* address() const;

    private:
        HeaderName id_;
        std::string name_;
        std::string value_;
        // Shared by the copies of a message: values do not change, parsing is dear.
        mutable std::variant<std::monostate, std::shared_ptr<const Via>,
                             std::shared_ptr<const NameAddr>>
            meaning_;
    };

    Message() = default;
    Message(const Message&) = default;
    [[nodiscard]] const Field* find(HeaderName id, std::size_t index = 0) const;
    void setOnly(HeaderName id, std::string_view name, std::string value);
    void replaceAll(HeaderName id, std::vector<Field> values);
    /// Where a field goes when there is none of its name.
    [[nodiscard]] std::size_t placeOf(HeaderName id) const;
    [[nodiscard]] const NameAddr& address(HeaderName id) const;

    std::string methodName_;  ///< of the request line, or of CSeq for a response
    std::string uri_;         ///< empty for a response
    mutable std::shared_ptr<const Uri> parsedUri_;  ///< shared by copies, as in Field
    int status_ = 0;
    std::string reason_;
    std::vector<Field> fields_;  ///< without Content-Length
    std::string body_;
    Method method_ = Method::Other;
};

/// The answer that a request deserves whose bytes could not be parsed: the raw Via, From, To,
/// Call-ID and CSeq lines are copied. Nothing when these cannot be found, or for responses and ACK.
[[nodiscard]] std::optional<std::string> answerUnparsed(std::string_view bytes, int status,
                                                        std::string_view reason);

/// Default reason phrase of a status code (RFC 3261 §21 and extensions); "Unknown" otherwise.
[[nodiscard]] std::string_view reasonPhrase(int status);

}  // namespace siproxd::sip
