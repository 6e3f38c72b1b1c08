// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "access/users.h"
#include "base/worker.h"
#include "event/loop.h"

namespace siproxd::app {

/// Follows changes of the password file. Looks at it and reads it in a thread of its own, for a disk
/// may take its time.
class UserFile {
public:
    using Callback = std::function<void(access::Users users)>;

    /// `callback` runs in the loop, each time that the file has been read without an error after it
    /// had changed. Begins with the version that the file has now.
    UserFile(event::Loop& loop, std::string path, std::string realm, Callback callback);
    ~UserFile();
    UserFile(const UserFile&) = delete;
    UserFile& operator=(const UserFile&) = delete;

    /// To be called every few seconds.
    void check();

private:
    struct Shared;

    event::Loop& loop_;
    std::shared_ptr<Shared> shared_;
    base::ThreadWorker worker_;
};

}  // namespace siproxd::app
