// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "../../plugins/cdr/text.h"
#include "demand.h"

using namespace siproxd;
using fuzz::demand;

namespace {

bool isControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// What a reader of the record makes of a field.
std::string unquoted(std::string_view field, char escape) {
    std::string text;
    for (std::size_t i = 1; i + 1 < field.size(); ++i) {
        i += field[i] == escape ? 1 : 0;
        demand(i + 1 < field.size(), "the last quote ends the field");
        text += field[i];
    }
    return text;
}

}  // namespace

/// Names in records of calls are what strangers write.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = cdr::cleaned(fuzz::text(data, size), 64);
    demand(text.size() <= 64, "fields are bounded");
    for (const char c : text) {
        demand(!isControl(c), "a record is one line");
    }
    demand(cdr::cleaned(text, 64) == text, "what is clean stays");
    demand(!cdr::isClean(fuzz::text(data, size), 64) || text == fuzz::text(data, size), "what is said to be clean is");
    std::string csv;
    cdr::addCsv(csv, text);
    const auto read = csv.starts_with('"') ? unquoted(csv, '"') : csv;
    demand(read == text || read == "'" + text, "CSV is read as it was meant");
    demand(read.empty() || std::string_view("=+-@").find(read.front()) == std::string_view::npos, "no field is a formula");
    demand(csv.starts_with('"') || csv.find(',') == std::string::npos, "a field is one");
    std::string json;
    cdr::addJson(json, text);
    demand(unquoted(json, '\\') == text, "JSON is read as it was meant");
    return 0;
}
