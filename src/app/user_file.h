// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/users.h"
#include "base/file.h"
#include "base/worker.h"
#include "event/loop.h"

namespace siproxd::app {

/// Follows changes of the password file. Looks at it and reads it in a thread of its own, for a disk
/// may take its time.
class UserFile {
public:
    using Callback = std::function<void(access::Users users)>;
    using MakeWorker = std::function<std::unique_ptr<base::Worker>()>;

    /// `callback` runs in the loop, each time that the file has been read without an error after it
    /// had changed. Follows none at first.
    UserFile(event::Loop& loop, Callback callback, MakeWorker makeWorker = [] {
        return std::make_unique<base::ThreadWorker>();
    });
    /// Waits for what is being read.
    ~UserFile();
    UserFile(const UserFile&) = delete;
    UserFile& operator=(const UserFile&) = delete;

    /// From now on it is this file and its users of that realm; an empty path: none. `known` is the
    /// version that is no news. Does not wait for a disk that stands still: what is being read at
    /// the moment is left to itself, and nobody will hear of it.
    void follow(std::string path, std::string realm, const base::FileIdentity& known);

    /// To be called every few seconds.
    void check();

private:
    struct Followed;
    struct Left;

    void leave();

    event::Loop& loop_;
    Callback callback_;
    MakeWorker makeWorker_;
    std::shared_ptr<Followed> followed_;
    std::unique_ptr<base::Worker> worker_;
    std::vector<Left> left_;
};

}  // namespace siproxd::app
