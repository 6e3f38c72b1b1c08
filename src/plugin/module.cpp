// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/module.h"

#include <dlfcn.h>
#include <ltdl.h>
#include <unistd.h>

#include "base/text.h"

// Made by libtool for programs that modules are linked into; others do not have it.
extern "C" {
extern LT_DLSYM_CONST lt_dlsymlist lt_preloaded_symbols[] __attribute__((weak));
}

namespace siproxd::plugin {

namespace {

using Advisor = int (*)(lt_dladvise*);

class Advice {
public:
    explicit Advice(std::initializer_list<Advisor> advisors) {
        bool good = ::lt_dladvise_init(&advise_) == 0;
        for (const Advisor advisor : advisors) {
            good = good && advisor(&advise_) == 0;
        }
    }
    Advice(const Advice&) = delete;
    Advice& operator=(const Advice&) = delete;
    ~Advice() { ::lt_dladvise_destroy(&advise_); }
    [[nodiscard]] lt_dladvise get() const { return advise_; }

private:
    lt_dladvise advise_ = nullptr;
};

std::string pathOf(std::string_view directory, std::string_view text, const std::string& name) {
    const auto slash = text.rfind('/');
    if (text.starts_with('/')) {
        return std::string(text.substr(0, slash + 1)) + name;
    }
    std::string path(directory);
    if (!path.empty() && path.back() != '/') {
        path += '/';
    }
    if (slash != std::string_view::npos) {
        path += text.substr(0, slash + 1);
    }
    return path + name;
}

/// libltdl forgets the reason of the file that is there while it tries others; the system's loader
/// knows it.
std::string reasonOf(const std::string& path) {
    const std::string file = path + ".so";
    if (::access(file.c_str(), F_OK) == 0) {
        if (void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
            ::dlclose(handle);
        } else if (const char* reason = ::dlerror()) {
            return reason;
        }
    }
    const char* reason = ::lt_dlerror();
    return path + ": " + (reason == nullptr ? "not found" : reason);
}

}  // namespace

std::string moduleName(std::string_view text) {
    text = base::trim(text);
    if (const auto slash = text.rfind('/'); slash != std::string_view::npos) {
        text.remove_prefix(slash + 1);
    }
    if (text.ends_with(".la") || text.ends_with(".so")) {
        text.remove_suffix(3);
    }
    return std::string(text);
}

bool Module::isThere(std::string_view directory, std::string_view text) {
    const std::string name = moduleName(text);
    for (const auto* symbol = lt_preloaded_symbols; symbol != nullptr && symbol->name != nullptr;
         ++symbol) {
        // The entries of modules (plugin_demo.a) have no address, those of their symbols do.
        const std::string_view entry(symbol->name);
        if (symbol->address == nullptr && entry.substr(0, entry.rfind('.')) == name) {
            return true;
        }
    }
    const auto path = pathOf(directory, text, name);
    return !name.empty() && (::access((path + ".so").c_str(), F_OK) == 0 ||
                             ::access((path + ".la").c_str(), F_OK) == 0);
}

base::Result<Module> Module::open(std::string_view directory, std::string_view text) {
    std::string name = moduleName(text);
    if (name.empty()) {
        return base::fail("no name");
    }
    if (lt_preloaded_symbols != nullptr) {
        ::lt_dlpreload_default(lt_preloaded_symbols);
    }
    // Each open module holds one initialisation of libltdl, which counts them.
    if (::lt_dlinit() != 0) {
        return base::fail(::lt_dlerror());
    }
    const std::string path = pathOf(directory, text, name);
    lt_dlhandle handle = nullptr;
    if (lt_preloaded_symbols != nullptr) {
        handle = ::lt_dlopenadvise(name.c_str(),
                                   Advice({::lt_dladvise_ext, ::lt_dladvise_preload}).get());
    }
    if (handle == nullptr) {
        handle =
            ::lt_dlopenadvise(path.c_str(), Advice({::lt_dladvise_ext, ::lt_dladvise_local}).get());
    }
    if (handle == nullptr) {
        std::string why = reasonOf(path);
        ::lt_dlexit();
        return base::fail(std::move(why));
    }
    return Module(handle, std::move(name));
}

Module& Module::operator=(Module&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(name_, other.name_);
    return *this;
}

Module::~Module() {
    if (handle_ != nullptr) {
        ::lt_dlclose(static_cast<lt_dlhandle>(handle_));
        ::lt_dlexit();
    }
}

const siproxd_plugin* Module::exported() const {
    auto* handle = static_cast<lt_dlhandle>(handle_);
    // libltdl puts the module's name in front only where it knows that name from an .la file.
    const std::string full = name_ + "_LTX_siproxd_plugin";
    const void* symbol = ::lt_dlsym(handle, full.c_str());
    if (symbol == nullptr) {
        symbol = ::lt_dlsym(handle, "siproxd_plugin");
    }
    return static_cast<const siproxd_plugin*>(symbol);
}

}  // namespace siproxd::plugin
