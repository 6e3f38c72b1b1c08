// SPDX-License-Identifier: GPL-2.0-or-later
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// The Via that we have put on top of a request.
struct OwnVia {
    std::string transport;
    std::string host;
    std::string port;  ///< empty: none
    std::string branch;
};

/// The Vias of requests that have left, by who has asked what: several where a request was sent to
/// several servers. Forgets the oldest.
class SentRequests {
public:
    void add(std::string key, OwnVia via, std::int64_t now) {
        forget(now);
        auto& vias = byKey_[key];
        if (vias.size() < kMostBranches) {
            vias.push_back(std::move(via));
            order_.push_back({now, std::move(key)});
        }
    }
    /// In the order in which they were sent; nullptr: no such request.
    [[nodiscard]] const std::deque<OwnVia>* find(const std::string& key) const {
        const auto known = byKey_.find(key);
        return known == byKey_.end() ? nullptr : &known->second;
    }

private:
    static constexpr std::size_t kMost = 10'000;
    static constexpr std::size_t kMostBranches = 16;
    /// Longer than it rings anywhere, in ms.
    static constexpr std::int64_t kLifetime = 1'800'000;

    void forget(std::int64_t now) {
        while (!order_.empty() &&
               (order_.size() >= kMost || now - order_.front().first > kLifetime)) {
            const auto known = byKey_.find(order_.front().second);
            known->second.pop_front();
            if (known->second.empty()) {
                byKey_.erase(known);
            }
            order_.pop_front();
        }
    }

    std::map<std::string, std::deque<OwnVia>> byKey_;
    std::deque<std::pair<std::int64_t, std::string>> order_;  ///< one entry for each Via
};

/// A response says whom it answers by more than its Via.
std::string keyOf(const Message& message) {
    const auto tag = orEmpty(message.param(At::From, "tag"));
    return std::to_string(message.cseq()) + ' ' + std::string(tag) + ' ' +
           std::string(message.callId());
}

/// Deutsche Telekom answers with a Via of its own where ours has to be: puts ours back.
class FixDtag {
public:
    static constexpr const char* kDescription = "Fixes issues with (at least) DTAG";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::Validate, Stage::PostProxy);
    static constexpr Option kOptions[] = {
        stringOption("networks", "Where such responses come from: a list as of hosts_allow_sip"),
    };

    static std::unique_ptr<FixDtag> create(Host host) {
        auto networks = host.addresses("networks");
        if (!networks) {
            return nullptr;
        }
        if (networks->empty()) {
            host.warning("plugin_fix_DTAG has nothing to do: it needs plugin_fix_DTAG_networks");
            host.restrictStages(0);
        }
        return std::make_unique<FixDtag>(host, std::move(*networks));
    }

    FixDtag(Host host, AddressList networks) : host_(host), networks_(std::move(networks)) {}

    Verdict process(Stage stage, Message& message) {
        if (networks_.empty() || message.isRequest() == (stage == Stage::Validate)) {
            return Verdict::Continue;
        }
        if (stage == Stage::PostProxy) {
            remember(message);
            return Verdict::Continue;
        }
        return mend(message);
    }

private:
    void remember(const Message& message) {
        if (message.direction() != Direction::RequestOutgoing) {
            return;
        }
        const auto part = [&message](ViaPart which) {
            return std::string(orEmpty(message.via(which)));
        };
        sent_.add(keyOf(message),
                  {part(ViaPart::Transport), part(ViaPart::Host), part(ViaPart::Port),
                   part(ViaPart::Branch)},
                  host_.steadyTime());
    }

    Verdict mend(Message& message) {
        const std::string host(orEmpty(message.via(ViaPart::Host)));
        if (!networks_.contains(message.sourceIp()) || !networks_.contains(host)) {
            return Verdict::Continue;
        }
        const auto* own = sent_.find(keyOf(message));
        if (own == nullptr) {
            return Verdict::Continue;  // nobody has asked
        }
        const OwnVia& via = viaFor(message, *own);
        const bool done = message.setVia(ViaPart::Host, via.host) &&
                          (via.port.empty() ? message.removeVia(ViaPart::Port)
                                            : message.setVia(ViaPart::Port, via.port)) &&
                          message.setVia(ViaPart::Transport, via.transport) &&
                          message.setVia(ViaPart::Branch, via.branch);
        if (!done) {
            return Verdict::Failed;
        }
        host_.debug("plugin_fix_DTAG: " + host + " in the Via replaced by our own");
        return Verdict::Continue;
    }

    /// The one with the branch of the response; where that has been replaced, too, the last one.
    static const OwnVia& viaFor(const Message& message, const std::deque<OwnVia>& own) {
        const auto branch = orEmpty(message.via(ViaPart::Branch));
        for (const OwnVia& via : own) {
            if (via.branch == branch) {
                return via;
            }
        }
        return own.back();
    }

    Host host_;
    AddressList networks_;
    SentRequests sent_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_fix_DTAG, FixDtag)
