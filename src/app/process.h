// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "config/settings.h"

/// What the daemon does to its own process: background, identity, jail, PID file, limits.
namespace siproxd::app {

/// A user to become.
struct Identity {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  ///< supplementary ones
};

/// Looks a user up by name (or number). To be called before chroot().
[[nodiscard]] base::Result<Identity> lookUpIdentity(const std::string& user);

/// Enters the jail; the working directory is its root then. Needs root.
[[nodiscard]] base::Result<void> enterJail(const std::string& directory);

/// What of root's rights stays.
enum class Keeps : std::uint8_t {
    Nothing,
    NetAdmin,  ///< CAP_NET_ADMIN, to put filters on interfaces and take them away
};

/// Becomes that user for good: real, effective and saved ids and supplementary groups. Verified. The
/// rights that stay are those of this thread and of threads that it starts.
[[nodiscard]] base::Result<void> becomeUser(const Identity& identity, Keeps keeps);

/// Of the rights that somebody who is not root has been given (AmbientCapabilities= of systemd) only those
/// stay that are needed as long as it runs: CAP_NET_ADMIN, also for programs that it starts, and
/// CAP_NET_BIND_SERVICE.
[[nodiscard]] base::Result<void> forgoRights();

/// Puts the process into the background. The parent waits until the child says that it is ready or
/// ends, and exits with 0 or 1 accordingly.
class Background {
public:
    /// Forks twice; returns in the daemon only. stderr stays open until ready().
    [[nodiscard]] static base::Result<Background> enter();

    /// Lets the parent go and gives stdin, stdout and stderr to /dev/null.
    void ready();

private:
    explicit Background(base::UniqueFd notify) : notify_(std::move(notify)) {}
    base::UniqueFd notify_;
};

/// A file with the process id, removed when this ends.
class PidFile {
public:
    /// Replaces an older file. With an identity the file becomes that user's. Failures are warned
    /// about; the daemon goes on without.
    PidFile(std::string path, const std::optional<Identity>& owner);
    PidFile(const PidFile&) = delete;
    PidFile& operator=(const PidFile&) = delete;
    ~PidFile();

private:
    std::string path_;
    base::UniqueFd file_;
};

/// Makes sure that a state file can be written after the identity has changed: creates it when it
/// is missing and gives it to the user. Does nothing unless root.
void prepareStateFile(const std::string& path, const Identity& owner);

/// Allows the lowest real-time priority to threads that are started after the identity has changed.
/// Does nothing unless root.
void allowRealTimePriority();

}  // namespace siproxd::app
