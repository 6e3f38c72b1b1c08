// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a fuzz target over files, for builds without libFuzzer: all arguments, or, without any, the
// target's corpus directories (CORPORA, separated by colons).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "demand.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> filesOf(const std::string& argument) {
    std::error_code error;
    if (!fs::is_directory(argument, error)) {
        return {argument};
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(argument, error)) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

bool replay(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
        return false;
    }
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    // A copy of exactly this size, so that a sanitizer sees who reads behind its end.
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
    return true;
}

}  // namespace

int main(int argc, char* argv[]) {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.empty()) {
        std::istringstream list(CORPORA);
        for (std::string directory; std::getline(list, directory, ':');) {
            arguments.push_back(directory);
        }
    }
    std::size_t count = 0;
    for (const auto& argument : arguments) {
        for (const auto& path : filesOf(argument)) {
            // Known before it runs, should it end the program.
            std::printf("%s\n", path.c_str());
            std::fflush(stdout);
            if (!replay(path)) {
                return EXIT_FAILURE;
            }
            ++count;
        }
    }
    std::printf("%zu inputs\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
