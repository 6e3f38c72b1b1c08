// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/run.h"

int main(int argc, char* argv[]) {
    return siproxd::app::run(argc, argv);
}
