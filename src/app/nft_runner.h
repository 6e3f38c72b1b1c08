// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>

#include "access/ban_list.h"
#include "access/nft_export.h"
#include "base/result.h"
#include "base/worker.h"
#include "event/loop.h"

namespace siproxd::app {

/// Runs `nft -f -` with these commands. Blocks, for five seconds at most; the error tells what nft
/// has said.
[[nodiscard]] base::Result<void> runNft(const std::string& commands,
                                        const std::string& program = "nft");

/// Hands the proven bans of a list to the packet filter: in a thread of its own, one run at a time,
/// several bans a run.
class NftRunner final : private access::BanList::Listener {
public:
    /// Makes the sets, and puts the bans that are there into them. The list must outlive it.
    NftRunner(event::Loop& loop, access::NftExport nft, access::BanList& bans);
    ~NftRunner() override;
    NftRunner(const NftRunner&) = delete;
    NftRunner& operator=(const NftRunner&) = delete;

private:
    struct Shared;

    void onBanned(const access::Ban& ban) override;
    void onUnbanned(const access::Ban& ban) override;
    void run(std::string commands);
    void flushSoon();
    void flush();

    event::Loop& loop_;
    access::NftExport nft_;
    access::BanList& bans_;
    std::shared_ptr<Shared> shared_;
    std::unique_ptr<event::Timer> timer_;
    base::ThreadWorker worker_;
};

}  // namespace siproxd::app
