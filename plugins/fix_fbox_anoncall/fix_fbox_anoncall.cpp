// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// Puts the user name back that a Fritz!Box leaves out of its Contact when it calls anonymously, or is called by
/// somebody anonymous: without it nobody knows which of its registrations the call belongs to.
class FixFboxAnoncall {
public:
    static constexpr const char* kDescription = "Fixes Contact headers of anonymous calls of a Fritz!Box";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::PreProxy);
    static constexpr Option kOptions[] = {
        stringOption("networks", "Addresses of Fritz!Boxes: a list as of hosts_allow_sip"),
    };

    static std::unique_ptr<FixFboxAnoncall> create(Host host) {
        auto networks = host.addresses("networks");
        if (!networks) {
            return nullptr;
        }
        if (networks->empty()) {
            host.warning("plugin_fix_fbox_anoncall has nothing to do: it needs "
                         "plugin_fix_fbox_anoncall_networks");
            host.restrictStages(0);
        }
        return std::make_unique<FixFboxAnoncall>(host, std::move(*networks));
    }

    FixFboxAnoncall(Host host, AddressList networks) : host_(host), networks_(std::move(networks)) {}

    Verdict process(Stage, Message& message) {
        const bool isOutgoing = message.direction() == Direction::RequestOutgoing ||
                                message.direction() == Direction::ResponseOutgoing;
        if (!isOutgoing || message.method() == "REGISTER" || message.count(At::Contact) == 0 ||
            !networks_.contains(message.sourceIp())) {
            return Verdict::Continue;
        }
        const auto user = meantUser(message);
        if (!user) {
            return Verdict::Continue;
        }
        const std::string before(orEmpty(message.uri(At::Contact, Part::Text)));
        if (!message.setUri(At::Contact, Part::User, *user)) {
            return Verdict::Failed;
        }
        host_.debug("plugin_fix_fbox_anoncall: Contact " + before + " gets back its user " + *user);
        return Verdict::Continue;
    }

private:
    /// A registration with the host of the Contact.
    struct Known {
        std::string user;     ///< of its Contact
        std::string aorUser;
        std::string unique;   ///< `uniq` of its Contact, by which a box tells its numbers apart
    };

    [[nodiscard]] std::vector<Known> parsed(const std::vector<Binding>& bindings) const {
        std::vector<Known> all;
        for (const auto& binding : bindings) {
            const auto contact = host_.uri(binding.contact);
            const auto aor = host_.uri(binding.aor);
            if (contact && aor) {
                all.push_back({std::string(orEmpty(contact->part(Part::User))),
                               std::string(orEmpty(aor->part(Part::User))),
                               std::string(orEmpty(contact->param("uniq")))});
            }
        }
        return all;
    }

    /// The user name that the Contact should have; nothing: it has it, or it is not known.
    [[nodiscard]] std::optional<std::string> meantUser(const Message& message) const {
        const std::string host(orEmpty(message.uri(At::Contact, Part::Host)));
        const std::string user(orEmpty(message.uri(At::Contact, Part::User)));
        const std::string unique(orEmpty(message.uriParam(At::Contact, "uniq")));
        const std::string to(orEmpty(message.uri(At::To, Part::User)));
        const auto bindings = host_.bindings(Bindings::OfContactHost, host);
        const auto hasUser = [&](const Binding& binding) {
            const auto contact = host_.uri(binding.contact);
            return contact && orEmpty(contact->part(Part::User)) == user;
        };
        if (std::ranges::any_of(bindings, hasUser)) {
            return std::nullopt;
        }
        const auto known = parsed(bindings);
        const auto has = [](const std::string Known::* member, const std::string& value) {
            return [member, &value](const Known& one) { return one.*member == value; };
        };
        if (!unique.empty() && std::ranges::count_if(known, has(&Known::unique, unique)) == 1) {
            return std::ranges::find_if(known, has(&Known::unique, unique))->user;
        }
        const auto called = std::ranges::find_if(known, [&to](const Known& one) {
            return !to.empty() && (one.user == to || one.aorUser == to);
        });
        return called == known.end() ? std::nullopt : std::optional(called->user);
    }

    Host host_;
    AddressList networks_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_fix_fbox_anoncall, FixFboxAnoncall)
