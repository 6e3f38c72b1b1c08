// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/registration_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace siproxd::registrar {

namespace {

constexpr std::string_view kRecord = "****:";
constexpr std::string_view kOldRecord = "***:";
constexpr std::string_view kEmptyRecord = "****:0:0\n";
constexpr std::string_view kDetails = "# binding ";
constexpr std::size_t kLongestRecordLine = sizeof "****:1:9223372036854775807";
constexpr std::size_t kMostWarnings = 20;
/// Until the year 9999; what is beyond is damage.
constexpr std::uint64_t kLatestExpiry = 253'402'300'799;

bool isUnreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (isUnreserved(c)) {
            out += c;
        } else {
            fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

std::optional<unsigned> hexDigit(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<unsigned>(c - 'A') + 10;
    }
    return std::nullopt;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (text.front() != '%') {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        const auto high = text.size() > 2 ? hexDigit(text[1]) : std::nullopt;
        const auto low = high ? hexDigit(text[2]) : std::nullopt;
        if (!low) {
            return std::nullopt;
        }
        out += static_cast<char>(*high * 16 + *low);
        text.remove_prefix(3);
    }
    return out;
}

/// FNV-1a, which is the same on every machine and with every compiler.
std::uint64_t recordId(std::string_view uris) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : uris) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    return hash;
}

std::string recordIdText(std::string_view uris) {
    return fmt::format("{:016x}", recordId(uris));
}

std::string encodeAddress(std::string_view name, const base::SocketAddress& address) {
    return address ? fmt::format(" {}={},{}", name, escape(address.ip.toString()), address.port)
                   : std::string();
}

std::optional<base::SocketAddress> decodeAddress(std::string_view text) {
    const auto comma = text.find(',');
    if (comma == std::string_view::npos) {
        return std::nullopt;
    }
    const auto ip = base::IpAddress::parse(text.substr(0, comma));
    const auto port = base::parseUnsigned(text.substr(comma + 1), 65535);
    if (!ip || !port) {
        return std::nullopt;
    }
    return base::SocketAddress{*ip, static_cast<std::uint16_t>(*port)};
}

/// One `name=value` of a comment line. False when the value makes no sense.
bool decodeAttribute(std::string_view name, const std::string& value, Binding& binding) {
    if (name == "call-id") {
        binding.callId = value;
        return true;
    }
    if (name == "cseq") {
        const auto number = base::parseUnsigned(value, UINT32_MAX);
        binding.cseq = static_cast<std::uint32_t>(number.value_or(0));
        return number.has_value();
    }
    if (name == "protocol") {
        const auto protocol = base::protocolFromVia(value);
        binding.flow.protocol = protocol.value_or(base::Protocol::Udp);
        return protocol.has_value();
    }
    if (name == "q") {
        const auto thousandths = base::parseUnsigned(value, 1000);
        binding.q = static_cast<std::uint16_t>(thousandths.value_or(1000));
        return thousandths.has_value();
    }
    if (name == "natted") {
        binding.natted = value == "1";
        return true;
    }
    if (name == "path") {
        auto hop = sip::NameAddr::parse(value);
        if (hop) {
            binding.path.push_back(std::move(*hop));
        }
        return hop.has_value();
    }
    base::SocketAddress* const address = name == "source"     ? &binding.flow.remote
                                         : name == "local"    ? &binding.flow.local
                                         : name == "provider" ? &binding.provider
                                                              : nullptr;
    if (address == nullptr) {
        return true;
    }
    const auto decoded = decodeAddress(value);
    *address = decoded.value_or(base::SocketAddress{});
    return decoded.has_value();
}

/// The lines of a text with their numbers, without line ends.
class Lines {
public:
    explicit Lines(std::string_view text) : rest_(text) {}

    /// The next line, without going there.
    [[nodiscard]] std::optional<std::string_view> peek() const {
        if (rest_.empty()) {
            return std::nullopt;
        }
        auto line = rest_.substr(0, rest_.find('\n'));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return line;
    }
    void skip() {
        const auto end = rest_.find('\n');
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        ++number_;
    }
    /// Of the line that peek() shows, from 1.
    [[nodiscard]] std::size_t number() const { return number_; }

private:
    std::string_view rest_;
    std::size_t number_ = 1;
};

class Decoder {
public:
    explicit Decoder(std::string_view text) : lines_(text) {}

    Decoded run() && {
        while (const auto line = lines_.peek()) {
            if (line->starts_with(kRecord)) {
                record(line->substr(kRecord.size()));
            } else if (line->starts_with(kOldRecord)) {
                complain("format of siproxd before 0.8.2, not read");
                break;
            } else {
                if (line->starts_with(kDetails)) {
                    details_.emplace_back(lines_.number(), line->substr(kDetails.size()));
                } else if (!line->empty() && line->front() != '#') {
                    complain("not a record: " + base::printable(*line, 60));
                }
                lines_.skip();
            }
        }
        applyDetails();
        out_.suspicious = out_.suspicious || records_ < kLeastRecords;
        return std::move(out_);
    }

private:
    using Attributes = std::pair<std::size_t, std::string_view>;

    void complain(const std::string& what) { complainAt(lines_.number(), what); }
    void complainAt(std::size_t number, const std::string& what) {
        out_.suspicious = true;
        if (out_.warnings.size() < kMostWarnings) {
            out_.warnings.push_back(fmt::format("line {}: {}", number, what));
        }
    }

    /// `fields` is what stands behind `****:`.
    void record(std::string_view fields) {
        ++records_;
        const auto start = lines_.number();
        const auto colon = fields.find(':');
        const auto active = fields.substr(0, colon);
        const auto expires = colon == std::string_view::npos
                                 ? std::nullopt
                                 : base::parseUnsigned(fields.substr(colon + 1), kLatestExpiry);
        if (active != "1") {
            if (active != "0") {
                complain("neither an active nor an empty record");
            }
            lines_.skip();
            return;
        }
        if (!expires) {
            complain("no time of expiry");
        }
        lines_.skip();
        std::array<std::string_view, 3> uris;
        for (auto& uri : uris) {
            const auto line = lines_.peek();
            if (!line || line->starts_with(kRecord)) {
                complainAt(start, "record has less than three URIs");
                return;
            }
            uri = *line;
            lines_.skip();
        }
        if (expires) {
            keep(start, static_cast<base::WallSeconds>(*expires), uris);
        }
    }

    void keep(std::size_t start, base::WallSeconds expires,
              const std::array<std::string_view, 3>& uris) {
        const auto contact = sip::Uri::parse(uris[0]);
        const auto masqueraded = sip::Uri::parse(uris[1]);
        const auto aor = sip::Uri::parse(uris[2]);
        if (!contact || !contact->isSip() || !masqueraded || !masqueraded->isSip() || !aor) {
            complainAt(start, "record has an empty or malformed URI");
            return;
        }
        Binding binding;
        binding.token = tokenOf(*masqueraded);
        binding.aor = *aor;
        binding.contact = *contact;
        binding.masqueraded = *masqueraded;
        binding.expires = expires;
        binding.confirmed = true;
        ids_.emplace(recordIdText(fmt::format("{}\n{}\n{}\n", uris[0], uris[1], uris[2])),
                     out_.bindings.size());
        out_.bindings.push_back(std::move(binding));
    }

    void applyDetails() {
        for (const auto& [number, line] : details_) {
            const auto words = base::split(line, ' ');
            const auto found = ids_.find(std::string(words.front()));
            if (found == ids_.end()) {
                continue;
            }
            for (std::size_t i = 1; i < words.size(); ++i) {
                const auto equals = words[i].find('=');
                const auto value = equals == std::string_view::npos
                                       ? std::nullopt
                                       : unescape(words[i].substr(equals + 1));
                if (!value || !decodeAttribute(words[i].substr(0, equals), *value,
                                               out_.bindings[found->second])) {
                    complainAt(number, "malformed: " + base::printable(words[i], 60));
                }
            }
        }
    }

    Lines lines_;
    Decoded out_;
    std::size_t records_ = 0;
    std::vector<Attributes> details_;
    std::unordered_map<std::string, std::size_t> ids_;
};

bool isOneLine(std::string_view text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 32 || c == 127;
    });
}

}  // namespace

RecordText encodeRecord(const Binding& binding) {
    RecordText record;
    for (const auto* uri : {&binding.contact, &binding.masqueraded, &binding.aor}) {
        const auto line = uri->toString();
        if (!isOneLine(line)) {
            return {};
        }
        record.text += line;
        record.text += '\n';
    }
    record.urisLength = record.text.size();
    record.text += kDetails;
    record.text += recordIdText(std::string_view(record.text).substr(0, record.urisLength));
    record.text += encodeAddress("source", binding.flow.remote);
    record.text += encodeAddress("local", binding.flow.local);
    record.text += encodeAddress("provider", binding.provider);
    if (binding.flow.protocol != base::Protocol::Udp) {
        record.text += fmt::format(" protocol={}", base::viaName(binding.flow.protocol));
    }
    if (binding.natted) {
        record.text += " natted=1";
    }
    if (binding.q != 1000) {
        record.text += fmt::format(" q={}", binding.q);
    }
    for (const auto& hop : binding.path) {
        record.text += fmt::format(" path={}", escape(hop.toString()));
    }
    if (!binding.callId.empty()) {
        record.text += fmt::format(" cseq={} call-id={}", binding.cseq, escape(binding.callId));
    }
    record.text += '\n';
    record.text.shrink_to_fit();
    return record;
}

void FileText::add(base::WallSeconds expires, const RecordText& record) {
    if (!record.text.empty()) {
        parts_.push_back({std::max<base::WallSeconds>(expires, 0), &record});
    }
}

std::string FileText::finish() const {
    const std::size_t empties = kLeastRecords - std::min(kLeastRecords, parts_.size());
    std::size_t size = empties * kEmptyRecord.size();
    for (const auto& part : parts_) {
        size += kLongestRecordLine + part.record->text.size();
    }
    std::string text;
    text.reserve(size);
    for (const auto& part : parts_) {
        fmt::format_to(std::back_inserter(text), "****:1:{}\n", part.expires);
        text.append(part.record->text, 0, part.record->urisLength);
    }
    for (std::size_t i = 0; i < empties; ++i) {
        text += kEmptyRecord;
    }
    for (const auto& part : parts_) {
        text.append(part.record->text, part.record->urisLength);
    }
    return text;
}

std::string encode(std::span<const Binding> bindings) {
    std::vector<RecordText> records;
    records.reserve(bindings.size());
    FileText file;
    for (const Binding& binding : bindings) {
        if (binding.confirmed) {
            file.add(binding.expires, records.emplace_back(encodeRecord(binding)));
        }
    }
    return file.finish();
}

Decoded decode(std::string_view text) {
    return Decoder(text).run();
}

}  // namespace siproxd::registrar
