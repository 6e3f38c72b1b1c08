// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/client_transaction.h"

#include <algorithm>

namespace siproxd::transaction {

namespace {

constexpr std::string_view kBranch = ";branch=z9hG4bK";
/// Of a branch, 64 random bits: errors that quote only 128 bytes of a packet (RFC 4884) have hardly
/// more room.
constexpr std::size_t kUnguessable = 16;

}  // namespace

ClientTransaction::Quoted ClientTransaction::isQuoted(std::string_view quoted) const {
    const std::string_view sent = bytes();
    const auto branch = sent.find(kBranch, std::min(sent.find("\r\n"), sent.size()));
    if (branch == std::string_view::npos) {
        return Quoted::No;
    }
    const std::size_t needed = branch + kBranch.size() + kUnguessable;
    const auto differ = std::ranges::mismatch(sent, quoted);
    const auto same = static_cast<std::size_t>(differ.in1 - sent.begin());
    if (same >= needed) {
        return Quoted::Yes;  // behind it may be padding
    }
    return same == quoted.size() ? Quoted::Perhaps : Quoted::No;
}

}  // namespace siproxd::transaction
