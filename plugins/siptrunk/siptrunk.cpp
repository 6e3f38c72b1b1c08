// SPDX-License-Identifier: GPL-2.0-or-later
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../pattern/pattern.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
namespace pattern = siproxd::pattern;

/// The account that a block of numbers belongs to.
struct Trunk {
    std::string name;
    std::string account;  ///< a URI
    pattern::Pattern numbers;
    std::string where;       ///< of the pattern in the configuration
    bool isTooHard = false;  ///< that has been said already
};

/// Calls for the numbers of a trunk go to the phone, mostly a PBX, that has registered its account.
class SipTrunk {
public:
    static constexpr const char* kDescription = "Calls for the numbers of a SIP trunk";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget);
    static constexpr Option kOptions[] = {
        listOption("name", "What the trunk is called in the log"),
        listOption("account", "The address-of-record that it is registered as: sip:user@host"),
        listOption("numbers_regex", "POSIX extended regular expression of its numbers"),
    };

    static std::unique_ptr<SipTrunk> create(Host host) {
        auto plugin = std::make_unique<SipTrunk>(host);
        return plugin->configure() ? std::move(plugin) : nullptr;
    }

    explicit SipTrunk(Host host) : host_(host) {}

    Verdict process(Stage, Message& message) {
        const auto method = message.method();
        if (message.direction() != Direction::Unknown || method == "ACK" || method == "CANCEL" ||
            method == "REGISTER" || message.param(At::To, "tag")) {
            return Verdict::Continue;
        }
        const std::string number(orEmpty(message.uri(At::RequestUri, Part::UserPlain)));
        const std::string to(orEmpty(message.uri(At::To, Part::UserPlain)));
        auto effort = pattern::Effort::forText(number.size() + to.size());
        for (auto& trunk : trunks_) {
            if (isFor(trunk, number, effort) || isFor(trunk, to, effort)) {
                return sendTo(trunk, message);
            }
        }
        return Verdict::Continue;
    }

private:
    /// What is wrong is logged.
    bool configure() {
        const auto names = host_.list("name");
        const auto accounts = host_.list("account");
        const auto numbers = host_.list("numbers_regex");
        bool good = isComplete();
        for (std::size_t i = 0; i < numbers.size() && i < accounts.size(); ++i) {
            const auto uri = host_.uri(accounts[i]);
            auto compiled = pattern::Pattern::compile(numbers[i]);
            if (!uri || orEmpty(uri->part(Part::User)).empty()) {
                host_.optionError("account", i, "sip:user@host is needed");
                good = false;
            } else if (!compiled) {
                host_.optionError("numbers_regex", i, compiled.error());
                good = false;
            } else {
                trunks_.push_back({std::string(i < names.size() ? names[i] : ""), std::string(accounts[i]),
                                   std::move(*compiled),
                                   host_.table()->option_where(host_.self(), "numbers_regex", i)});
            }
        }
        if (good && trunks_.empty()) {
            host_.warning("plugin_siptrunk has nothing to do: it needs plugin_siptrunk_name, "
                          "plugin_siptrunk_account and plugin_siptrunk_numbers_regex");
            host_.restrictStages(0);
        }
        return good;
    }

    [[nodiscard]] bool isComplete() const {
        bool good = true;
        for (const char* having : {"name", "account", "numbers_regex"}) {
            for (const char* missing : {"name", "account", "numbers_regex"}) {
                const auto line = host_.list(missing).size();  // the first one that stands alone
                if (line < host_.list(having).size()) {
                    host_.optionError(having, line,
                                      std::string("a line plugin_siptrunk_") + missing +
                                          " that belongs to it is missing");
                    good = false;
                }
            }
        }
        return good;
    }

    bool isFor(Trunk& trunk, const std::string& user, pattern::Effort& effort) {
        const auto found = user.empty() ? pattern::Found::No : trunk.numbers.find(user, effort);
        if (found == pattern::Found::TooHard && !std::exchange(trunk.isTooHard, true)) {
            host_.warning(trunk.where + ": plugin_siptrunk: the pattern costs too much, a number was taken for "
                                        "none of this trunk; this is said once");
        }
        return found == pattern::Found::Yes;
    }

    /// The PBX sees what has been dialled.
    Verdict sendTo(const Trunk& trunk, Message& message) {
        const std::string uri(orEmpty(message.uri(At::RequestUri, Part::Text)));
        host_.debug("plugin_siptrunk: " + std::string(message.method()) + " for " + uri + " is of trunk " +
                    trunk.name + ", " + trunk.account);
        if (host_.bindings(Bindings::OfAor, trunk.account).empty()) {
            host_.info("plugin_siptrunk: nobody is registered as " + trunk.account + " of trunk " + trunk.name +
                       ", to whom a call for " + uri + " would go");
        }
        return message.retarget({.uri = uri, .aor = trunk.account});
    }

    Host host_;
    std::vector<Trunk> trunks_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_siptrunk, SipTrunk)
