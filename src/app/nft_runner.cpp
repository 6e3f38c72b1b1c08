// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/nft_runner.h"

#include <chrono>
#include <utility>

#include "app/subprocess.h"
#include "base/log.h"

namespace siproxd::app {

namespace {

constexpr std::chrono::milliseconds kCollect{200};
constexpr std::chrono::seconds kPatience{5};

}  // namespace

base::Result<void> runNft(const std::string& commands, const std::string& program) {
    auto said = runProgram({program, "-f", "-"}, commands, 0, kPatience);
    if (!said) {
        return std::unexpected(std::move(said.error()));
    }
    return {};
}

/// What the thread's jobs need of the owner, which may be gone.
struct NftRunner::Shared {
    NftRunner* owner;
    bool busy = false;
};

NftRunner::NftRunner(event::Loop& loop, access::NftExport nft, access::BanList& bans)
    : loop_(loop), nft_(std::move(nft)), bans_(bans),
      shared_(std::make_shared<Shared>(Shared{this})), timer_(loop.timer([this] { flush(); })) {
    for (const auto& ban : bans_.list(loop_.now())) {
        nft_.add(ban, loop_.now());
    }
    bans_.addListener(*this);
    run(nft_.setup() + nft_.take());
}

NftRunner::~NftRunner() {
    shared_->owner = nullptr;
    bans_.removeListener(*this);
}

void NftRunner::onBanned(const access::Ban& ban) {
    nft_.add(ban, loop_.now());
    flushSoon();
}

void NftRunner::onUnbanned(const access::Ban& ban) {
    nft_.remove(ban);
    flushSoon();
}

void NftRunner::flushSoon() {
    if (!timer_->pending()) {
        timer_->start(kCollect);
    }
}

void NftRunner::flush() {
    if (shared_->busy) {
        return;  // what is over comes back here
    }
    if (auto commands = nft_.take(); !commands.empty()) {
        run(std::move(commands));
    }
}

void NftRunner::run(std::string commands) {
    shared_->busy = true;
    worker_.start([shared = shared_, &loop = loop_, text = std::move(commands)] {
        const auto done = runNft(text);
        loop.post([shared, done] {
            shared->busy = false;
            if (!done) {
                log::warningFromPeer("bans are not given to nftables: {}", done.error().message);
            }
            if (shared->owner != nullptr) {
                shared->owner->flush();
            }
        });
    });
}

}  // namespace siproxd::app
