// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixes.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace workaround {

using siproxd::api::Complaints;
using siproxd::api::Host;
using siproxd::api::OptionLine;
using siproxd::api::equals;
using siproxd::api::listOf;
using siproxd::api::lower;
using siproxd::api::readFlag;
using siproxd::api::trim;

namespace {

/// RFC 3261 §25.1.
bool isToken(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
               std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
    });
}

/// Without them a message is none, or goes astray; siproxd writes them itself.
bool isReserved(std::string_view name) {
    constexpr std::string_view kReserved[] = {"Via",    "v",     "From", "f",       "To", "t",     "Call-ID",
                                              "i",      "CSeq",  "Contact", "m",    "Route", "Record-Route",
                                              "Content-Length", "l", "Max-Forwards"};
    return std::ranges::any_of(kReserved, [name](std::string_view one) { return equals(one, name); });
}

enum class Form : std::uint8_t { NameOnly, NameAndValue };

std::string field(std::vector<Field>& into, std::string_view text, Form form) {
    const auto colon = text.find(':');
    const auto name = trim(text.substr(0, colon));
    const auto value = colon == std::string_view::npos ? std::string_view() : trim(text.substr(colon + 1));
    if (!isToken(name) || (form == Form::NameAndValue && value.empty())) {
        return form == Form::NameAndValue ? "Header: value is needed" : "a header, or Header: value, is needed";
    }
    if (isReserved(name)) {
        return "siproxd writes " + std::string(name) + " itself";
    }
    into.push_back({std::string(name), std::string(value)});
    return "";
}

std::string tokens(std::vector<std::string>& into, std::string_view text, bool isLowered) {
    into = listOf(isLowered ? siproxd::api::lowered(text) : std::string(text));
    return !into.empty() && std::ranges::all_of(into, isToken) ? "" : "words with ; between them are needed";
}

/// Gives the complaint; empty: none.
using Setter = std::function<std::string(Record&, std::string_view)>;

const std::map<std::string_view, Setter>& setters() {
    static const std::map<std::string_view, Setter> all = {
        {"match", [](Record& r, std::string_view v) {
             r.devices = listOf(v);
             return r.devices.empty() ? std::string("a mask is needed") : std::string();
         }},
        {"strip", [](Record& r, std::string_view v) { return field(r.strip, v, Form::NameOnly); }},
        {"set", [](Record& r, std::string_view v) { return field(r.set, v, Form::NameAndValue); }},
        {"replace", [](Record& r, std::string_view v) { return field(r.replace, v, Form::NameAndValue); }},
        {"strip_to", [](Record& r, std::string_view v) { return field(r.stripTo, v, Form::NameOnly); }},
        {"set_to", [](Record& r, std::string_view v) { return field(r.setTo, v, Form::NameAndValue); }},
        {"replace_to", [](Record& r, std::string_view v) { return field(r.replaceTo, v, Form::NameAndValue); }},
        {"unsupported", [](Record& r, std::string_view v) { return tokens(r.unsupported, v, true); }},
        {"no_methods", [](Record& r, std::string_view v) { return tokens(r.noMethods, v, false); }},
        {"ignore_rport", [](Record& r, std::string_view v) { return readFlag(r.ignoresRport, v); }},
        {"force_rport", [](Record& r, std::string_view v) { return readFlag(r.forcesRport, v); }},
        {"force_connection", [](Record& r, std::string_view v) { return readFlag(r.forcesConnection, v); }},
        {"answer_options", [](Record& r, std::string_view v) { return readFlag(r.answersOptions, v); }}};
    return all;
}

std::string incompleteness(const Record& record) {
    if (record.devices.empty() && !record.addresses) {
        return "it has neither plugin_workaround_match nor plugin_workaround_addresses";
    }
    return record.ignoresRport && record.forcesRport ? "rport can be ignored or forced, not both" : "";
}

}  // namespace

bool Record::isFor(std::string_view device, std::string_view ip) const {
    return (!addresses || addresses->contains(ip)) &&
           (devices.empty() || std::ranges::any_of(devices, [device](const std::string& mask) {
                return matches(mask, device);
            }));
}

std::optional<std::vector<Record>> readRecords(const Host& host) {
    std::vector<Record> records;
    std::vector<OptionLine> begins;
    Complaints complaints(host);
    for (const auto& line : host.lines()) {
        if (line.name == "name") {
            records.emplace_back();
            records.back().name = line.value;
            begins.push_back(line);
        } else if (records.empty()) {
            complaints.add(line, "a plugin_workaround_name has to come before");
        } else if (line.name == "addresses") {
            std::string why;
            records.back().addresses = host.addressList(line.value, why);
            complaints.add(line, line.value.empty() ? "an address list is needed" : why);
        } else if (const auto setter = setters().find(line.name); setter != setters().end()) {
            complaints.add(line, setter->second(records.back(), line.value));
        }
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
        complaints.add(begins[i], incompleteness(records[i]));
    }
    return complaints.isEmpty() ? std::optional(std::move(records)) : std::nullopt;
}

bool matches(std::string_view mask, std::string_view text) {
    return siproxd::api::fits(mask, text, {.any = '*', .one = '?'});
}

std::optional<std::string> without(std::string_view list, const std::vector<std::string>& words) {
    std::string kept;
    bool hadOne = false;
    for (;;) {
        const auto end = list.find(',');
        const auto member = trim(list.substr(0, end));
        const auto word = trim(member.substr(0, member.find(';')));
        if (std::ranges::any_of(words, [word](const std::string& one) { return equals(one, word); })) {
            hadOne = true;
        } else if (!member.empty()) {
            kept.append(kept.empty() ? "" : ", ").append(member);
        }
        if (end == std::string_view::npos) {
            return hadOne ? std::optional(std::move(kept)) : std::nullopt;
        }
        list.remove_prefix(end + 1);
    }
}

std::optional<std::string> connectedTo(std::string_view sdp, std::string_view ip) {
    if (!sdp.starts_with("v=")) {
        return std::nullopt;
    }
    const std::string line = std::string("c=IN ") + (ip.find(':') == std::string_view::npos ? "IP4 " : "IP6 ") + std::string(ip);
    std::string changed;
    bool isChanged = false;
    while (!sdp.empty()) {
        const auto end = std::min(sdp.find('\n'), sdp.size() - 1) + 1;
        auto text = sdp.substr(0, end);
        sdp.remove_prefix(end);
        const auto ending = text.find_last_not_of("\r\n") + 1;
        const auto bare = text.substr(0, ending);
        // RFC 3264 §8.4: on hold.
        const bool isHeld = bare.ends_with(" 0.0.0.0") || bare.ends_with(" ::");
        if (bare.starts_with("c=") && !isHeld && bare != line) {
            changed.append(line).append(text.substr(ending));
            isChanged = true;
        } else {
            changed += text;
        }
    }
    return isChanged ? std::optional(std::move(changed)) : std::nullopt;
}

}  // namespace workaround
