// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/user_file.h"

#include <utility>

#include "base/log.h"

namespace siproxd::app {

/// A file that is followed, shared with the job that looks at it: that one may take longer.
struct UserFile::Followed {
    std::string path;
    std::string realm;
    base::FileWatch watch;  ///< the job's
    Callback callback;      ///< the loop's; empty when nobody wants to hear of it any more
    bool busy = false;      ///< the loop's
};

/// A worker that was still busy with a file when another one was to be followed.
struct UserFile::Left {
    std::shared_ptr<Followed> with;
    std::unique_ptr<base::Worker> worker;
};

UserFile::UserFile(event::Loop& loop, Callback callback, MakeWorker makeWorker)
    : loop_(loop), callback_(std::move(callback)), makeWorker_(std::move(makeWorker)) {}

UserFile::~UserFile() {
    leave();
}

void UserFile::follow(std::string path, std::string realm, const base::FileIdentity& known) {
    leave();
    if (!path.empty()) {
        followed_ = std::make_shared<Followed>(
            Followed{path, std::move(realm), base::FileWatch(path, known), callback_});
    }
}

void UserFile::leave() {
    if (!followed_) {
        return;
    }
    followed_->callback = nullptr;
    if (followed_->busy) {
        left_.push_back({std::move(followed_), std::move(worker_)});
    }
    followed_.reset();
}

void UserFile::check() {
    std::erase_if(left_, [](const Left& left) { return !left.with->busy; });
    if (!followed_ || std::exchange(followed_->busy, true)) {
        return;
    }
    if (!worker_) {
        worker_ = makeWorker_();
    }
    worker_->start([followed = followed_, &loop = loop_] {
        auto users = followed->watch.changed()
                         ? std::make_shared<base::Result<access::Users>>(
                               access::Users::readFile(followed->path, followed->realm))
                         : nullptr;
        loop.post([followed, users = std::move(users)] {
            followed->busy = false;
            if (!users || !followed->callback) {
                return;
            }
            if (*users) {
                log::info("{} has changed: {} users", followed->path, (*users)->size());
                followed->callback(std::move(**users));
            } else {
                log::error("{} has changed, but the users stay as they were: {}", followed->path,
                           users->error().message);
            }
        });
    });
}

}  // namespace siproxd::app
