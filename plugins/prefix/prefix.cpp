// SPDX-License-Identifier: GPL-2.0-or-later
#include <optional>
#include <string>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// A URI parameter that says which plugins have seen a number already, joined by `-`.
constexpr const char* kSeen = "redirected";
constexpr std::string_view kSelf = "prefix";

bool namesSelf(std::string_view plugins) {
    for (;;) {
        const auto dash = plugins.find('-');
        if (detail::equals(plugins.substr(0, dash), kSelf)) {
            return true;
        }
        if (dash == std::string_view::npos) {
            return false;
        }
        plugins.remove_prefix(dash + 1);
    }
}

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
            message.param(At::To, "tag") || prefix_.empty() || isSeen(message, At::RequestUri) ||
            isSeen(message, At::To)) {
            return Verdict::Continue;
        }
        // The phone knows what it has dialled by the To; where it goes stands in the request URI.
        const At at = retargets_ ? At::RequestUri : At::To;
        auto target = host_.uri(message.uri(at, Part::Text).value_or(std::string_view()));
        if (!target) {
            return Verdict::Continue;
        }
        const Part part = target->part(Part::Opaque) ? Part::Opaque : Part::UserPlain;
        const std::string number(target->part(part).value_or(std::string_view()));
        if (number.empty() || (part == Part::Opaque && target->part(Part::Scheme) != "tel") ||
            !target->set(part, prefix_ + number)) {
            return Verdict::Continue;
        }
        mark(*target);
        host_.info("redirecting " + number + " -> " + prefix_ + number);
        return retargets_ ? message.retarget(target->toString())
                          : message.redirect(target->toString());
    }

private:
    bool configure() {
        prefix_ = host_.string("akey").value_or(std::string_view());
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

    [[nodiscard]] bool isSeen(const Message& message, At at) const {
        if (const auto seen = message.uriParam(at, kSeen)) {
            return namesSelf(*seen);
        }
        // Of a tel: URI all is one text.
        const auto text = message.uri(at, Part::Opaque).value_or(std::string_view());
        const auto param = text.find(std::string(";") + kSeen + "=");
        if (param == std::string_view::npos) {
            return false;
        }
        const auto value = text.substr(text.find('=', param) + 1);
        return namesSelf(value.substr(0, value.find(';')));
    }

    static void mark(Uri& target) {
        if (const auto number = target.part(Part::Opaque)) {
            target.set(Part::Opaque, std::string(*number) + ";" + kSeen + "=" + std::string(kSelf));
            return;
        }
        const std::string others(target.param(kSeen).value_or(std::string_view()));
        target.setParam(kSeen,
                        others.empty() ? std::string(kSelf) : others + "-" + std::string(kSelf));
    }

    Host host_;
    std::string prefix_;
    bool retargets_ = false;
};

}  // namespace

SIPROXD_PLUGIN(plugin_prefix, Prefix)
