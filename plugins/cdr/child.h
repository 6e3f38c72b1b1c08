// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cdr {

/// A program that reads what it is given from its standard input. It has a process group of its own, no signals blocked
/// or ignored, and no other file of siproxd's.
class Child {
public:
    Child() = default;
    ~Child() { end(std::chrono::milliseconds(0)); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Why it could not be started; empty: it runs. To be called when none does.
    [[nodiscard]] std::string start(const std::vector<std::string>& words);
    [[nodiscard]] bool isThere() const { return process_ > 0; }
    /// Looks whether it has died; then nothing is left of it. How it has ended, or empty.
    [[nodiscard]] std::string reap();
    /// How many bytes it has taken; waits that long for it to take any. False in `isReading`: it never will again.
    [[nodiscard]] std::size_t write(std::string_view bytes, std::chrono::milliseconds patience, bool& isReading);
    /// Closes its input and waits that long for its end, then asks it to end, and then kills it.
    void end(std::chrono::milliseconds patience);

private:
    [[nodiscard]] bool waitFor(std::chrono::milliseconds patience);
    void closeInput();

    pid_t process_ = 0;
    int input_ = -1;
    int status_ = 0;
};

}  // namespace cdr
