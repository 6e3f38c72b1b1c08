// SPDX-License-Identifier: GPL-2.0-or-later
#include <optional>
#include <string>

#include "../redirect/mark.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
namespace redirect = siproxd::redirect;

constexpr std::string_view kSelf = "prefix";

/// Puts a prefix in front of every number that is dialled, by a 302 that the phone follows.
class Prefix {
public:
    static constexpr const char* kDescription = "Adds a dial prefix to outgoing calls";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget);
    static constexpr Option kOptions[] = {
        stringOption("akey", "What to put in front of each number"),
        stringOption("mode", "redirect: the phone is told by 302; retarget: the call is sent there",
                     "redirect"),
    };

    static std::unique_ptr<Prefix> create(Host host) {
        auto plugin = std::make_unique<Prefix>(host);
        return plugin->configure() ? std::move(plugin) : nullptr;
    }

    explicit Prefix(Host host) : host_(host) {}

    Verdict process(Stage, Message& message) {
        if (message.direction() != Direction::RequestOutgoing || message.method() != "INVITE" ||
            message.param(At::To, "tag") || prefix_.empty() || redirect::isMarked(message, At::RequestUri, kSelf) ||
            redirect::isMarked(message, At::To, kSelf)) {
            return Verdict::Continue;
        }
        // The phone knows what it has dialled by the To; where it goes stands in the request URI.
        const At at = retargets_ ? At::RequestUri : At::To;
        auto target = host_.uri(orEmpty(message.uri(at, Part::Text)));
        if (!target) {
            return Verdict::Continue;
        }
        const Part part = target->part(Part::Opaque) ? Part::Opaque : Part::UserPlain;
        const std::string number(orEmpty(target->part(part)));
        if (number.empty() || (part == Part::Opaque && target->part(Part::Scheme) != "tel") ||
            !target->set(part, prefix_ + number)) {
            return Verdict::Continue;
        }
        redirect::mark(*target, kSelf);
        host_.info("redirecting " + number + " -> " + prefix_ + number);
        return retargets_ ? message.retarget(target->toString())
                          : message.redirect(target->toString());
    }

private:
    bool configure() {
        prefix_ = orEmpty(host_.string("akey"));
        const auto mode = host_.choice("mode", {"redirect", "retarget"});
        retargets_ = mode == 1U;
        // Must fit into a URI.
        auto uri = host_.uri("sip:1@stand-in");
        const bool good = uri && uri->set(Part::UserPlain, prefix_ + "1");
        if (!good) {
            host_.optionError("akey", 0, "this cannot be dialled");
        } else if (prefix_.empty()) {
            host_.warning("plugin_prefix has nothing to do: it needs plugin_prefix_akey");
            host_.restrictStages(0);
        }
        return good && mode;
    }

    Host host_;
    std::string prefix_;
    bool retargets_ = false;
};

}  // namespace

SIPROXD_PLUGIN(plugin_prefix, Prefix)
