// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// `plugin_demo` of `plugin_demo`, `plugin_demo.la` and `/some/where/plugin_demo.so`.
[[nodiscard]] std::string moduleName(std::string_view text);

/// A loaded module. The one place that names libltdl. Destroying it unloads the module.
class Module {
public:
    /// Looks for a module linked into the program, then for `name` (see moduleName()) in
    /// `directory`; a `name` that begins with a slash is not looked for elsewhere. Loading runs the
    /// static constructors of the module, but nothing else of it.
    [[nodiscard]] static base::Result<Module> open(std::string_view directory,
                                                   std::string_view name);

    /// Whether open() would find something to load, which is not loaded here.
    [[nodiscard]] static bool isThere(std::string_view directory, std::string_view name);

    Module(Module&& other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), name_(std::move(other.name_)) {}
    Module& operator=(Module&& other) noexcept;
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;
    ~Module();

    /// What it exports as its description, not looked at yet; nullptr: nothing.
    [[nodiscard]] const siproxd_plugin* exported() const;

    [[nodiscard]] const std::string& name() const { return name_; }

private:
    Module(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}

    void* handle_;  ///< lt_dlhandle
    std::string name_;
};

}  // namespace siproxd::plugin
