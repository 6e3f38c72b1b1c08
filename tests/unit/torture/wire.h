// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "unit/proxy/harness.h"

/// A second, simple reader of SIP messages, so that the parser is not its own judge.
namespace siproxd::test {

inline std::string corpus(const std::string& name) {
    std::ifstream file(std::string(CORPORA) + "/" + name, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Start line, header fields and body as they stand on the wire; folds are one space, compact names
/// long, names in lower case.
struct Wire {
    std::string start;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;

    static std::string nameOf(std::string_view text) {
        static const std::map<std::string_view, std::string_view> kCompact{
            {"c", "content-type"}, {"f", "from"},    {"i", "call-id"}, {"k", "supported"},
            {"l", "content-length"}, {"m", "contact"}, {"s", "subject"}, {"t", "to"}, {"v", "via"}};
        const std::string name = base::toLower(base::trim(text));
        const auto found = kCompact.find(name);
        return found == kCompact.end() ? name : std::string(found->second);
    }

    explicit Wire(std::string_view bytes) {
        const auto end = bytes.find("\r\n\r\n");
        REQUIRE(end != std::string_view::npos);
        body = std::string(bytes.substr(end + 4));
        std::vector<std::string> lines;
        for (auto rest = bytes.substr(0, end + 2); !rest.empty();) {
            const auto length = rest.find("\r\n");
            const auto line = rest.substr(0, length);
            if (line.starts_with(' ') || line.starts_with('\t')) {
                lines.back() += " " + std::string(base::trim(line));
            } else {
                lines.emplace_back(line);
            }
            rest.remove_prefix(length + 2);
        }
        start = lines.front();
        for (std::size_t i = 1; i < lines.size(); ++i) {
            const auto colon = lines[i].find(':');
            REQUIRE(colon != std::string::npos);
            fields.emplace_back(nameOf(std::string_view(lines[i]).substr(0, colon)),
                                base::trim(std::string_view(lines[i]).substr(colon + 1)));
        }
    }

    [[nodiscard]] std::vector<std::string> all(std::string_view name) const {
        std::vector<std::string> values;
        for (const auto& [field, value] : fields) {
            if (field == name) {
                values.push_back(value);
            }
        }
        return values;
    }
};

}  // namespace siproxd::test
