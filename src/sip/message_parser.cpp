// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <functional>

#include "base/text.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

// Everything that a stranger's message can make us allocate is bounded by these.
constexpr std::size_t kMaxHead = 32 * 1024;
constexpr std::size_t kMaxFields = 256;
constexpr std::size_t kUsualFields = 24;
constexpr std::size_t kMaxLine = 8 * 1024;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxVias = 70;
constexpr std::size_t kMaxMethod = 64;
constexpr std::size_t kMaxCallId = 512;
constexpr std::size_t kMaxTag = 256;
constexpr std::size_t kMaxBranch = 512;

using Failure = std::optional<ParseFailure>;

ParseFailure bad(std::string_view what) {
    return {400, "Bad Request", std::string(what)};
}

/// The header section without its closing empty line; nothing when that line is missing.
std::optional<std::string_view> headOf(std::string_view bytes, std::size_t& bodyStart) {
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    bodyStart = end + 4;
    return bytes.substr(0, end + 2);
}

/// Where the next CRLF is.
std::size_t lineEndIn(std::string_view bytes) {
    auto at = bytes.find('\r');
    while (at != std::string_view::npos && (at + 1 == bytes.size() || bytes[at + 1] != '\n')) {
        at = bytes.find('\r', at + 1);
    }
    return at;
}

std::string_view skipLeadingEmptyLines(std::string_view bytes) {
    while (bytes.starts_with("\r\n")) {
        bytes.remove_prefix(2);
    }
    return bytes;
}

/// Whether there are control characters other than TAB. A quoted-pair, which exists only in a quoted
/// string, may hold any but CR and LF (RFC 3261 §25.1).
bool hasControl(std::string_view line) {
    if (!base::hasControlBytes(line)) {
        return false;  // nearly always
    }
    bool quoted = false;
    bool escaped = false;
    return std::ranges::any_of(line, [&](char c) {
        const auto byte = static_cast<unsigned char>(c);
        const bool control = (byte < 32 && byte != '\t') || byte == 127;
        const bool allowed = escaped && byte != '\r' && byte != '\n';
        quoted = quoted != (c == '"' && !escaped);
        escaped = quoted && c == '\\' && !escaped;
        return control && !allowed;
    });
}

bool isFold(std::string_view line) {
    return !line.empty() && (line.front() == ' ' || line.front() == '\t');
}

/// A header field as it was on the wire.
struct RawField {
    std::string_view line;  ///< in `unfolded` if there were folds
    std::string unfolded;
    bool folded = false;
    bool control = false;  ///< control characters, or a bare CR or LF
};

/// Takes one field and its folds off the front of `lines`, which end with CRLF.
void takeField(std::string_view& lines, RawField& field) {
    const auto next = [&lines] {
        const auto end = lineEndIn(lines);
        const auto line = lines.substr(0, end);
        lines.remove_prefix(end + 2);
        return line;
    };
    field.line = next();
    field.folded = isFold(lines);
    if (!field.folded) {
        field.control = hasControl(field.line);
        return;
    }
    field.unfolded = field.line;
    bool bareLineEnd = false;
    while (isFold(lines)) {
        const auto line = next();
        bareLineEnd = bareLineEnd || line.find_first_of("\r\n") != std::string_view::npos;
        // RFC 3261 §7.3.1: a fold is one space.
        field.unfolded += ' ';
        field.unfolded += base::trim(line);
    }
    field.line = field.unfolded;
    // Quotes may be open over a fold: only the whole tells what is in them.
    field.control = bareLineEnd || hasControl(field.line);
}

/// RFC 3261 §25.1 has no white space and no separators of lists in it; what else people put there
/// harms nobody.
bool isCallId(std::string_view text) {
    return !text.empty() && text.size() <= kMaxCallId &&
           text.find_first_of(" \t,;") == std::string_view::npos;
}

/// `type/subtype`, without parameters.
bool isMediaType(std::string_view type) {
    const auto slash = type.find('/');
    return slash != std::string_view::npos && isToken(type.substr(0, slash)) &&
           isToken(type.substr(slash + 1));
}

}  // namespace

/// Turns bytes into a Message: checks everything first that a careless parser would trip over
/// (sizes, bare line ends, NUL, duplicated singletons, contradicting lengths).
class MessageParser {
public:
    Failure parse(std::string_view bytes);
    Message take() { return std::move(message_); }
    /// Whether the start line was that of a request (known once it has been read).
    [[nodiscard]] bool sawRequest() const { return !message_.methodName_.empty() && message_.isRequest(); }

private:
    Failure readStartLine(std::string_view line);
    Failure readRequestLine(std::string_view line);
    Failure readFields(std::string_view lines);
    Failure addField(const RawField& raw);
    Failure takeLength(const RawField& raw, std::string_view value);
    Failure addValues(HeaderName id, std::string_view name, std::string_view value);
    [[nodiscard]] static bool isWellFormed(const Message::Field& field);
    Failure checkMandatory();
    Failure checkVias();
    Failure checkContacts();
    Failure checkCSeq();
    Failure takeBody(std::string_view rest);

    Message message_;
    std::optional<std::size_t> contentLength_;
};

Failure MessageParser::parse(std::string_view bytes) {
    bytes = skipLeadingEmptyLines(bytes);
    // The start line first: it tells who deserves an answer to what else is wrong.
    const auto lineEnd = lineEndIn(bytes);
    if (lineEnd == std::string_view::npos) {
        return bad("no line end");
    }
    if (auto failure = readStartLine(bytes.substr(0, lineEnd))) {
        return failure;
    }
    std::size_t bodyStart = 0;
    const auto head = headOf(bytes, bodyStart);
    if (!head) {
        return bad("no empty line behind the header fields");
    }
    if (head->size() > kMaxHead) {
        return ParseFailure{513, "Message Too Large", "header section too large"};
    }
    if (auto failure = readFields(head->substr(lineEnd + 2))) {
        return failure;
    }
    for (const auto check : {&MessageParser::checkMandatory, &MessageParser::checkVias,
                             &MessageParser::checkContacts, &MessageParser::checkCSeq}) {
        if (auto failure = (this->*check)()) {
            return failure;
        }
    }
    return takeBody(bytes.substr(bodyStart));
}

Failure MessageParser::readStartLine(std::string_view line) {
    if (hasControl(line)) {
        return ParseFailure{0, "", "control characters in the start line"};
    }
    if (!line.starts_with("SIP/")) {
        return readRequestLine(line);
    }
    // SIP/2.0 SP 3DIGIT SP reason
    const auto status = base::parseUnsigned(line.size() >= 11 ? line.substr(8, 3) : "", 699);
    if (!line.starts_with("SIP/2.0 ") || !status || *status < 100 ||
        (line.size() > 11 && line[11] != ' ')) {
        return ParseFailure{0, "", "malformed status line"};
    }
    message_.status_ = static_cast<int>(*status);
    message_.reason_ = line.size() > 12 ? std::string(line.substr(12)) : std::string();
    return std::nullopt;
}

Failure MessageParser::readRequestLine(std::string_view line) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    const std::string_view method = line.substr(0, first);
    if (first == std::string_view::npos || !isToken(method) || method.size() > kMaxMethod) {
        return ParseFailure{0, "", "neither a request line nor a status line"};
    }
    message_.methodName_ = std::string(method);
    message_.method_ = methodFrom(method);
    const std::string_view version = line.substr(last + 1);
    if (!base::startsWithIgnoreCase(version, "SIP/")) {
        return bad("malformed request line");
    }
    if (!base::equalsIgnoreCase(version, "SIP/2.0")) {
        return ParseFailure{505, "Version Not Supported", "SIP version not supported"};
    }
    if (first == last) {
        return bad("no request URI");
    }
    const std::string_view uri = line.substr(first + 1, last - first - 1);
    auto parsed = uri.find_first_of(" \t") == std::string_view::npos ? Uri::parse(uri) : std::nullopt;
    if (!parsed || !parsed->headers.empty()) {
        return bad("malformed request URI");
    }
    message_.parsedUri_ = std::make_shared<const Uri>(std::move(*parsed));
    message_.uri_ = std::string(uri);
    return std::nullopt;
}

Failure MessageParser::readFields(std::string_view lines) {
    if (isFold(lines)) {
        return bad("header section begins with a folded line");
    }
    message_.fields_.reserve(kUsualFields);
    RawField raw;
    while (!lines.empty()) {
        takeField(lines, raw);
        if (raw.control) {
            return bad("control characters or a bare CR or LF in a header field");
        }
        if (raw.line.size() > kMaxLine) {
            return bad("header field too long");
        }
        if (auto failure = addField(raw)) {
            return failure;
        }
    }
    return std::nullopt;
}

Failure MessageParser::addField(const RawField& raw) {
    const auto colon = raw.line.find(':');
    const std::string_view name = base::trim(raw.line.substr(0, colon));
    if (colon == std::string_view::npos || !isToken(name) || name.size() > kMaxName) {
        return bad("malformed header field name");
    }
    if (message_.fields_.size() >= kMaxFields) {
        return bad("too many header fields");
    }
    const std::string_view value = base::trim(raw.line.substr(colon + 1));
    const std::string_view longName = longHeaderName(name);
    const HeaderName id = headerNameFrom(name);
    if (id == HeaderName::ContentLength) {
        return takeLength(raw, value);
    }
    if (id == HeaderName::Other ? isSingleton(longName) && message_.header(longName).has_value()
                                : isSingleton(id) && message_.find(id) != nullptr) {
        return bad(std::string(longName) + " more than once");
    }
    return addValues(id, longName, value);
}

Failure MessageParser::takeLength(const RawField& raw, std::string_view value) {
    const auto length = base::parseUnsigned(value, UINT32_MAX);
    // Folds are where readers have disagreed about lengths.
    if (!length || contentLength_ || raw.folded) {
        return bad("malformed or repeated Content-Length");
    }
    contentLength_ = static_cast<std::size_t>(*length);
    return std::nullopt;
}

Failure MessageParser::addValues(HeaderName id, std::string_view name, std::string_view value) {
    auto& fields = message_.fields_;
    if (!isSplit(id)) {
        fields.emplace_back(id, name, value);
        return std::nullopt;
    }
    const auto values = splitValues(value);
    if (!values || values->empty() || fields.size() + values->size() > kMaxFields) {
        return bad("malformed " + std::string(name));
    }
    for (const auto& one : *values) {
        fields.emplace_back(id, name, one);
    }
    return std::nullopt;
}

bool MessageParser::isWellFormed(const Message::Field& field) {
    switch (field.id()) {
        case HeaderName::Via: return field.via() != nullptr;
        case HeaderName::Contact:
            return field.value() == "*" || field.address() != nullptr;
        case HeaderName::From:
        case HeaderName::To:
        case HeaderName::Route:
        case HeaderName::RecordRoute: return field.address() != nullptr;
        default: return true;
    }
}

Failure MessageParser::checkMandatory() {
    if (message_.find(HeaderName::Via) == nullptr || !isCallId(message_.callId()) || message_.find(HeaderName::CSeq) == nullptr) {
        return bad("Via, Call-ID or CSeq is missing or malformed");
    }
    if (message_.find(HeaderName::From) == nullptr || message_.find(HeaderName::To) == nullptr) {
        return bad("From or To is missing");
    }
    for (const auto& field : message_.fields_) {
        if (!isWellFormed(field)) {
            return bad("malformed " + field.name());
        }
    }
    if (message_.fromTag().size() > kMaxTag || message_.toTag().size() > kMaxTag) {
        return bad("tag too long");
    }
    for (const auto* address : {&message_.from(), &message_.to()}) {
        if (address->params.has("tag") && address->params.value("tag").value_or("").empty()) {
            return bad("empty tag");
        }
    }
    if (const auto* hops = message_.find(HeaderName::MaxForwards);
        hops != nullptr && !base::parseUnsigned(hops->value(), 255)) {
        return bad("malformed Max-Forwards");
    }
    return std::nullopt;
}

Failure MessageParser::checkVias() {
    const auto count = message_.viaCount();
    if (count > kMaxVias) {
        return bad("too many Vias");
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (message_.via(i)->branch().size() > kMaxBranch) {
            return bad("branch too long");
        }
    }
    return std::nullopt;
}

Failure MessageParser::checkContacts() {
    std::size_t count = 0;
    bool star = false;
    for (const auto& field : message_.fields_) {
        if (field.id() == HeaderName::Contact) {
            ++count;
            star = star || field.value() == "*";
        }
    }
    return star && count > 1 ? Failure(bad("* and other Contacts")) : std::nullopt;
}

Failure MessageParser::checkCSeq() {
    // RFC 3261 §8.1.1.5: below 2**31.
    const auto& value = message_.find(HeaderName::CSeq)->value();
    const auto number = base::parseUnsigned(value.substr(0, value.find_first_of(" \t")), INT32_MAX);
    const CSeq cseq = message_.cseq();
    if (!number || !isToken(cseq.method)) {
        return bad("malformed CSeq");
    }
    if (message_.isResponse()) {
        message_.methodName_ = cseq.method;
        message_.method_ = methodFrom(cseq.method);
    } else if (cseq.method != message_.methodName_) {
        return bad("CSeq names another method than the request line");
    }
    return std::nullopt;
}

Failure MessageParser::takeBody(std::string_view rest) {
    if (contentLength_) {
        if (*contentLength_ > rest.size()) {
            return bad("body shorter than Content-Length");
        }
        rest = rest.substr(0, *contentLength_);
    }
    if (!rest.empty() && message_.find(HeaderName::ContentType) != nullptr &&
        !isMediaType(message_.contentType())) {
        return bad("malformed Content-Type");
    }
    message_.body_ = std::string(rest);
    return std::nullopt;
}

std::expected<Message, ParseFailure> Message::parse(std::string_view bytes) {
    MessageParser parser;
    if (auto failure = parser.parse(bytes)) {
        // Only requests are answered, and never an ACK.
        if (!parser.sawRequest()) {
            failure->status = 0;
        }
        return std::unexpected(std::move(*failure));
    }
    return parser.take();
}

namespace {

/// What a response takes over from its request (RFC 3261 §8.2.6.2), as a set of bits.
constexpr unsigned kCopied = 1U << static_cast<unsigned>(HeaderName::Via) |
                             1U << static_cast<unsigned>(HeaderName::From) |
                             1U << static_cast<unsigned>(HeaderName::To) |
                             1U << static_cast<unsigned>(HeaderName::CallId) |
                             1U << static_cast<unsigned>(HeaderName::CSeq);

bool isCopied(HeaderName id) {
    return (kCopied >> static_cast<unsigned>(id) & 1U) != 0;
}

/// The tag for a To that has none: always the same for the same request (RFC 3261 §8.2.7).
std::string missingTag(std::string_view to, std::string_view request) {
    const auto address = NameAddr::parse(to);
    return address && !address->params.has("tag")
               ? ";tag=" + std::to_string(std::hash<std::string_view>{}(request))
               : std::string();
}

}  // namespace

std::optional<std::string> answerUnparsed(std::string_view bytes, int status,
                                          std::string_view reason) {
    bytes = skipLeadingEmptyLines(bytes);
    std::string_view head = bytes.substr(0, std::min(bytes.size(), kMaxHead));
    const auto lineEnd = head.find("\r\n");
    if (status == 0 || lineEnd == std::string_view::npos || head.starts_with("SIP/") ||
        head.starts_with("ACK ")) {
        return std::nullopt;
    }
    std::string out = "SIP/2.0 " + std::to_string(status) + " " + std::string(reason) + "\r\n";
    unsigned found = 0;
    const auto end = head.find("\r\n\r\n");
    head = head.substr(0, end == std::string_view::npos ? head.rfind("\r\n") + 2 : end + 2);
    head.remove_prefix(lineEnd + 2);
    RawField raw;
    while (!head.empty()) {
        takeField(head, raw);
        const auto colon = raw.line.find(':');
        const auto name = longHeaderName(base::trim(raw.line.substr(0, colon)));
        const HeaderName id = headerNameFrom(name);
        const unsigned bit = 1U << static_cast<unsigned>(id);
        const bool wanted = isCopied(id) && (id == HeaderName::Via || (found & bit) == 0);
        if (wanted && colon != std::string_view::npos && !raw.control) {
            found |= bit;
            out += name;
            out += ": ";
            out += base::trim(raw.line.substr(colon + 1));
            out += id == HeaderName::To ? missingTag(raw.line.substr(colon + 1), bytes) : "";
            out += "\r\n";
        }
    }
    if (found != kCopied) {
        return std::nullopt;
    }
    return out + "Content-Length: 0\r\n\r\n";
}

}  // namespace siproxd::sip
