// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/version.h"

#include "config.h"

namespace siproxd::app {

std::string versionText() {
    return PACKAGE_NAME "-" PACKAGE_VERSION " " HOST_TRIPLET;
}

}  // namespace siproxd::app
