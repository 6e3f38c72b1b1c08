// SPDX-License-Identifier: GPL-2.0-or-later
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// Digits only.
std::optional<std::size_t> numberFrom(std::string_view digits) {
    std::size_t number = 0;
    const auto* end = digits.data() + digits.size();
    const auto [rest, status] = std::from_chars(digits.data(), end, number);
    const bool good = !digits.empty() && status == std::errc() && rest == end;
    return good ? std::optional(number) : std::nullopt;
}

/// What an entry stands for: `user`, `user@host`, `user@host:port`, or `user@` as plain `user`.
struct Entry {
    std::string user;
    std::string host{};
    std::string port{};
};

std::optional<Entry> parseEntry(const Host& host, std::string_view text) {
    const auto at = text.find('@');
    const bool hasHost = at != std::string_view::npos && at + 1 < text.size();
    // The host part is only a stand-in where the entry has none.
    auto uri = host.uri(hasHost ? "sip:x" + std::string(text.substr(at)) : "sip:x@stand-in");
    if (!uri || !uri->set(Part::UserPlain, text.substr(0, at)) || text.substr(0, at).empty()) {
        return std::nullopt;
    }
    Entry entry{.user = std::string(text.substr(0, at))};
    if (hasHost) {
        entry.host = std::string(orEmpty(uri->part(Part::Host)));
        entry.port = std::string(orEmpty(uri->part(Part::Port)));
    }
    return entry;
}

/// Sends callers of *01, *02, … to the numbers of the list, by a 302 that their phone follows or by
/// itself.
class ShortDial {
public:
    static constexpr const char* kDescription = "Quick dialing: short numbers for long ones";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget);
    static constexpr Option kOptions[] = {
        stringOption("akey", "The key and, by its length, how many digits follow it (*00)"),
        listOption("entry", "Where the next short number leads: user or user@host[:port]"),
        stringOption("mode", "redirect: the phone is told by 302; retarget: the call is sent there",
                     "redirect"),
    };

    static std::unique_ptr<ShortDial> create(Host host) {
        auto plugin = std::make_unique<ShortDial>(host);
        return plugin->configure() ? std::move(plugin) : nullptr;
    }

    explicit ShortDial(Host host) : host_(host) {}

    Verdict process(Stage, Message& message) {
        if (message.direction() != Direction::RequestOutgoing || message.method() != "INVITE" ||
            message.param(At::To, "tag")) {
            return Verdict::Continue;
        }
        const std::string dialled(
            orEmpty(message.uri(At::RequestUri, Part::UserPlain)));
        if (const Entry* entry = find(dialled)) {
            return send(message, *entry);
        }
        if (isEscaped(dialled)) {
            return callAsDialled(message, dialled.substr(1));
        }
        return Verdict::Continue;
    }

private:
    bool configure() {
        key_ = orEmpty(host_.string("akey"));
        const auto mode = host_.choice("mode", {"redirect", "retarget"});
        retargets_ = mode == 1U;
        bool good = mode.has_value();
        if (key_.size() == 1) {
            host_.optionError("akey", 0, "at least one digit has to follow the key");
            good = false;
        }
        const auto texts = host_.list("entry");
        for (std::size_t i = 0; i < texts.size(); ++i) {
            if (auto entry = parseEntry(host_, texts[i])) {
                entries_.push_back(std::move(*entry));
            } else {
                host_.optionError("entry", i, "neither user nor user@host");
                good = false;
            }
        }
        if (good && (key_.empty() || entries_.empty())) {
            host_.warning("plugin_shortdial has nothing to do: it needs plugin_shortdial_akey and "
                          "at least one plugin_shortdial_entry");
            host_.restrictStages(0);
        }
        return good;
    }

    [[nodiscard]] bool isShort(std::string_view dialled) const {
        return key_.size() > 1 && dialled.size() == key_.size() && dialled[0] == key_[0] &&
               numberFrom(dialled.substr(1));
    }

    /// `**12` means the real number `*12`.
    [[nodiscard]] bool isEscaped(std::string_view dialled) const {
        return !dialled.empty() && !key_.empty() && dialled[0] == key_[0] &&
               isShort(dialled.substr(1));
    }

    [[nodiscard]] const Entry* find(std::string_view dialled) const {
        const auto number = isShort(dialled) ? numberFrom(dialled.substr(1)) : std::nullopt;
        return number && *number >= 1 && *number <= entries_.size() ? &entries_[*number - 1]
                                                                    : nullptr;
    }

    Verdict send(Message& message, const Entry& entry) {
        // The phone knows what it has dialled by the To; where it goes stands in the request URI.
        const At at = retargets_ ? At::RequestUri : At::To;
        auto target = host_.uri(orEmpty(message.uri(at, Part::Text)));
        if (!target || !target->set(Part::UserPlain, entry.user)) {
            return Verdict::Continue;  // a To that is no SIP URI
        }
        if (!entry.host.empty()) {
            target->set(Part::Host, entry.host);
            target->set(Part::Port, entry.port);
        }
        host_.debug("plugin_shortdial: redirecting to " + target->toString());
        return retargets_ ? message.retarget(target->toString())
                          : message.redirect(target->toString());
    }

    /// Here and not by 302: the phone would dial the short number next.
    Verdict callAsDialled(Message& message, std::string_view number) {
        auto target =
            host_.uri(orEmpty(message.uri(At::RequestUri, Part::Text)));
        if (!target || !target->set(Part::UserPlain, number)) {
            return Verdict::Continue;
        }
        return message.retarget(target->toString());
    }

    Host host_;
    std::string key_;
    std::vector<Entry> entries_;
    bool retargets_ = false;
};

}  // namespace

SIPROXD_PLUGIN(plugin_shortdial, ShortDial)
