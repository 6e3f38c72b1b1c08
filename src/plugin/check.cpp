// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/check.h"

#include <fmt/format.h>

#include "plugin/description.h"
#include "plugin/module.h"

namespace siproxd::plugin {

namespace {

const char* typeName(const siproxd_option& option) {
    switch (option.type) {
        case SIPROXD_OPTION_INTEGER: return "integer";
        case SIPROXD_OPTION_LIST: return "list";
        default: return "string";
    }
}

std::string describeOption(const std::string& module, const siproxd_option& option) {
    std::string text = fmt::format("  {}_{} ({}", module, option.name, typeName(option));
    if (option.minimum != 0 || option.maximum != 0) {
        text += fmt::format(" {} to {}", option.minimum, option.maximum);
    }
    if (option.fallback != nullptr) {
        text += fmt::format(", default {}", option.fallback);
    }
    return fmt::format("{}): {}\n", text, option.help == nullptr ? "" : option.help);
}

}  // namespace

base::Result<std::string> checkPlugin(const std::string& file) {
    const auto slash = file.rfind('/');
    const bool bare = slash == std::string::npos;
    auto module =
        Module::open(bare ? "." : file.substr(0, slash + 1), bare ? file : file.substr(slash + 1));
    if (!module) {
        return std::unexpected(module.error());
    }
    const auto description = readDescription(module->exported());
    if (!description) {
        return base::fail(fmt::format("{}: {}", file, description.error().why));
    }
    const siproxd_plugin& plugin = description->plugin;
    std::string text =
        fmt::format("{} {}: {}\ninterface {}.{}, exemask=0x{:X}\n", plugin.name, plugin.version,
                    plugin.description, plugin.abi_major, plugin.abi_minor, plugin.stages);
    for (const siproxd_option& option : description->options) {
        text += describeOption(module->name(), option);
    }
    return text;
}

}  // namespace siproxd::plugin
