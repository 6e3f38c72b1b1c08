// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/user_file.h"

#include <utility>

#include "base/file.h"
#include "base/log.h"

namespace siproxd::app {

/// What jobs in the thread and what they post to the loop need, also when the owner is gone.
struct UserFile::Shared {
    std::string path;
    std::string realm;
    base::FileWatch watch;  ///< the thread's
    Callback callback;      ///< the loop's; empty when the owner is gone
    bool busy = false;      ///< the loop's
};

UserFile::UserFile(event::Loop& loop, std::string path, std::string realm, Callback callback)
    : loop_(loop),
      shared_(std::make_shared<Shared>(
          Shared{path, std::move(realm), base::FileWatch(path, base::FileIdentity::of(path)),
                 std::move(callback)})) {}

UserFile::~UserFile() {
    shared_->callback = nullptr;
}

void UserFile::check() {
    if (std::exchange(shared_->busy, true)) {
        return;
    }
    worker_.start([shared = shared_, &loop = loop_] {
        auto users = shared->watch.changed()
                         ? std::make_shared<base::Result<access::Users>>(
                               access::Users::readFile(shared->path, shared->realm))
                         : nullptr;
        loop.post([shared, users = std::move(users)] {
            shared->busy = false;
            if (!users || !shared->callback) {
                return;
            }
            if (*users) {
                log::info("{} has changed: {} users", shared->path, (*users)->size());
                shared->callback(std::move(**users));
            } else {
                log::error("{} has changed, but the users stay as they were: {}", shared->path,
                           users->error().message);
            }
        });
    });
}

}  // namespace siproxd::app
