// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// Debian 12 ships Catch2 2, newer systems 3; tests include this header and need not know.
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif
