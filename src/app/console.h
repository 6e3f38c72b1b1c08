// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "base/address.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "event/loop.h"

namespace siproxd::app {

/// The debug port: everybody who connects gets the log, line by line, with debug classes of his own.
/// A client may send a number (decimal, 0x…, -1 for all) to choose them; nothing else is understood.
/// A client that does not read loses lines, never delays the daemon.
class Console {
public:
    static constexpr std::size_t kMaxClients = 16;

    /// Listens on `address`. Clients begin with `debugClasses`, or everything when that is 0.
    [[nodiscard]] static base::Result<std::unique_ptr<Console>> listen(
        event::Loop& loop, const base::SocketAddress& address, std::uint32_t debugClasses);
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// For clients to come.
    void setDebugClasses(std::uint32_t classes) { debugClasses_ = classes; }

    [[nodiscard]] std::size_t clientCount() const { return clients_.size(); }
    /// Where it listens, with the port that the kernel chose if 0 was asked for.
    [[nodiscard]] base::SocketAddress address() const;

private:
    class Client;

    Console(event::Loop& loop, base::UniqueFd listener, std::uint32_t debugClasses);
    void accept();
    void remove(Client* client);

    event::Loop& loop_;
    base::UniqueFd listener_;
    std::uint32_t debugClasses_;
    std::list<std::unique_ptr<Client>> clients_;
    std::unique_ptr<event::Watch> watch_;
};

}  // namespace siproxd::app
