// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace siproxd::plugin {

namespace {

// What version 1.0 of the interface had: nothing smaller is a plugin.
constexpr std::size_t kLeastPlugin = offsetof(siproxd_plugin, tick) + sizeof(siproxd_plugin::tick);
constexpr std::size_t kLeastOption = offsetof(siproxd_option, help) + sizeof(siproxd_option::help);
constexpr std::uint32_t kMostOptions = 1000;

std::unexpected<Refusal> refuse(std::string why) {
    return std::unexpected(Refusal{false, std::move(why)});
}

/// Why the callbacks and texts do not make a plugin; empty: they do.
std::string incompleteness(const siproxd_plugin& plugin) {
    if (plugin.name == nullptr || *plugin.name == '\0' || plugin.description == nullptr ||
        plugin.version == nullptr) {
        return "it has no name, description or version";
    }
    if (plugin.create == nullptr) {
        return "it has no create()";
    }
    if ((plugin.stages & SIPROXD_STAGE_TIMER) != 0 && plugin.tick == nullptr) {
        return "it asks for the TIMER stage and has no tick()";
    }
    if ((plugin.stages & ~static_cast<std::uint32_t>(SIPROXD_STAGE_TIMER)) != 0 &&
        plugin.process == nullptr) {
        return "it asks for stages of messages and has no process()";
    }
    if ((plugin.stages & ~SIPROXD_ALL_STAGES) != 0) {
        return fmt::format("it asks for unknown stages (0x{:X})", plugin.stages);
    }
    return {};
}

std::expected<std::vector<siproxd_option>, Refusal> readOptions(const siproxd_plugin& plugin) {
    std::vector<siproxd_option> options;
    if (plugin.options == nullptr || plugin.option_count == 0) {
        return options;
    }
    if (plugin.option_size < kLeastOption || plugin.option_count > kMostOptions) {
        return refuse("its list of options has a wrong size");
    }
    const auto* from = reinterpret_cast<const std::byte*>(plugin.options);
    for (std::uint32_t i = 0; i < plugin.option_count; ++i, from += plugin.option_size) {
        siproxd_option option{};
        std::memcpy(&option, from, std::min<std::size_t>(plugin.option_size, sizeof option));
        if (option.name == nullptr || *option.name == '\0' || option.type > SIPROXD_OPTION_LIST) {
            return refuse(fmt::format("its option number {} is not well-formed", i + 1));
        }
        options.push_back(option);
    }
    return options;
}

}  // namespace

std::expected<Description, Refusal> readDescription(const siproxd_plugin* exported) {
    if (exported == nullptr) {
        return refuse("it does not export a description");
    }
    if (exported->magic != SIPROXD_PLUGIN_MAGIC) {
        return refuse(fmt::format("its description begins with 0x{:08X} instead of 0x{:08X}",
                                  exported->magic, SIPROXD_PLUGIN_MAGIC));
    }
    if (exported->abi_major != SIPROXD_ABI_MAJOR || exported->abi_minor > SIPROXD_ABI_MINOR) {
        return std::unexpected(
            Refusal{true, fmt::format("it needs version {}.{} of the interface, this is {}.{}",
                                      exported->abi_major, exported->abi_minor, SIPROXD_ABI_MAJOR,
                                      SIPROXD_ABI_MINOR)});
    }
    // The same minor version cannot be larger, an older one may only be smaller.
    if (exported->size < kLeastPlugin || exported->size > sizeof(siproxd_plugin)) {
        return refuse(fmt::format("its description has {} bytes", exported->size));
    }
    Description description{};
    std::memcpy(&description.plugin, exported, exported->size);
    if (std::string why = incompleteness(description.plugin); !why.empty()) {
        return refuse(std::move(why));
    }
    auto options = readOptions(description.plugin);
    if (!options) {
        return std::unexpected(std::move(options.error()));
    }
    description.options = std::move(*options);
    return description;
}

}  // namespace siproxd::plugin
