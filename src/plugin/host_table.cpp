// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "plugin/handles.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

// No function here may let an exception out: the caller may be C. What can throw is lack of memory,
// which ends the process, as everywhere else.

namespace siproxd::plugin {

namespace {

bool isControl(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
}

/// Texts of plugins hold bytes from the network; one call is one line.
std::string oneLine(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (isControl(c)) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out;
}

log::Level levelFrom(int level) {
    switch (level) {
        case SIPROXD_LOG_DEBUG: return log::Level::Debug;
        case SIPROXD_LOG_INFO: return log::Level::Info;
        case SIPROXD_LOG_WARNING: return log::Level::Warning;
        default: return log::Level::Error;
    }
}

void writeLog(siproxd_self*, int level, std::uint32_t debugClass, const char* file,
              std::uint32_t line, const char* text) noexcept {
    const auto wanted = static_cast<log::Class>(debugClass);
    if (!log::wants(levelFrom(level), wanted)) {
        return;
    }
    const std::string_view message = view(text);
    if (std::any_of(message.begin(), message.end(), isControl)) {
        log::write(levelFrom(level), wanted, view(file), line, oneLine(message));
    } else {
        log::write(levelFrom(level), wanted, view(file), line, message);
    }
}

int logWanted(siproxd_self*, int level, std::uint32_t debugClass) noexcept {
    return log::wants(levelFrom(level), static_cast<log::Class>(debugClass)) ? 1 : 0;
}

std::int64_t wallTime(siproxd_self* self) noexcept {
    return self->loop.wallNow();
}

std::int64_t steadyTime(siproxd_self* self) noexcept {
    using namespace std::chrono;
    return duration_cast<milliseconds>(self->loop.now().time_since_epoch()).count();
}

void restrictStages(siproxd_self* self, std::uint32_t stages) noexcept {
    if (self->creating) {
        self->stages &= stages;
    }
}

void changeWishes(siproxd_self* self) {
    if (self->wishesChanged) {
        self->wishesChanged();
    }
}

void hearCalls(siproxd_self* self, std::uint32_t events) noexcept {
    self->callEvents = events;
    changeWishes(self);
}

void seeTraffic(siproxd_self* self, int isWanted) noexcept {
    self->seesTraffic = isWanted != 0;
    changeWishes(self);
}

void describe(siproxd_self* self, const char* name, const char* description) noexcept {
    if (self->creating && name != nullptr && description != nullptr) {
        self->name = name;
        self->description = description;
    }
}

std::size_t optionCount(siproxd_self* self, const char* name) noexcept {
    return self->options.count(view(name));
}

const char* optionValue(siproxd_self* self, const char* name, std::size_t index) noexcept {
    return self->options.value(view(name), index);
}

const char* optionString(siproxd_self* self, const char* name) noexcept {
    return self->options.string(view(name));
}

int optionInteger(siproxd_self* self, const char* name, std::int64_t* value) noexcept {
    const auto number = self->options.integer(view(name));
    if (number && value != nullptr) {
        *value = *number;
    }
    return number ? 1 : 0;
}

const char* optionWhere(siproxd_self* self, const char* name, std::size_t index) noexcept {
    return self->options.where(view(name), index);
}

const char* optionLine(siproxd_self* self, std::size_t position, const char** value,
                       std::size_t* index) noexcept {
    const auto line = self->options.line(position);
    if (line && value != nullptr) {
        *value = line->value;
    }
    if (line && index != nullptr) {
        *index = line->index;
    }
    return line ? line->name : nullptr;
}

void optionError(siproxd_self* self, const char* name, std::size_t index,
                 const char* text) noexcept {
    self->options.error(view(name), index, view(text));
}

siproxd_host makeTable() {
    siproxd_host table{};
    table.size = sizeof table;
    table.abi_major = SIPROXD_ABI_MAJOR;
    table.abi_minor = SIPROXD_ABI_MINOR;
    table.version = PACKAGE_VERSION;
    table.log = writeLog;
    table.log_wanted = logWanted;
    table.wall_time = wallTime;
    table.steady_time = steadyTime;
    table.restrict_stages = restrictStages;
    table.hear_calls = hearCalls;
    table.see_traffic = seeTraffic;
    table.describe = describe;
    table.option_count = optionCount;
    table.option_value = optionValue;
    table.option_string = optionString;
    table.option_integer = optionInteger;
    table.option_where = optionWhere;
    table.option_error = optionError;
    table.option_line = optionLine;
    fillMessageFunctions(table);
    fillAddressFunctions(table);
    fillViaFunctions(table);
    fillDecisionFunctions(table);
    fillServiceFunctions(table);
    fillListFunctions(table);
    fillNetworkFunctions(table);
    return table;
}

}  // namespace

const siproxd_host& hostTable() {
    static const siproxd_host table = makeTable();
    return table;
}

}  // namespace siproxd::plugin
