// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/address_list.h"
#include "base/random.h"
#include "plugin/chain.h"
#include "plugin/options.h"
#include "plugin/services.h"
#include "plugin/suspensions.h"
#include "plugin/timers.h"
#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// Keeps strings that have been lent to a plugin where they are.
class Lender {
public:
    Lender() = default;
    Lender(const Lender&) = delete;
    Lender& operator=(const Lender&) = delete;

    [[nodiscard]] const char* lend(std::string_view text) {
        char* place = placeFor(text.size() + 1);
        text.copy(place, text.size());
        place[text.size()] = '\0';
        return place;
    }
    void recall() {
        used_ = 0;
        more_.clear();
    }

private:
    /// Most plugins read little of a message: that takes no allocation.
    static constexpr std::size_t kFirst = 256;

    char* placeFor(std::size_t size) {
        if (size > kFirst - used_) {
            return more_.emplace_back(std::make_unique_for_overwrite<char[]>(size)).get();
        }
        used_ += size;
        return first_ + used_ - size;
    }

    std::size_t used_ = 0;
    std::vector<std::unique_ptr<char[]>> more_;
    char first_[kFirst];
};

struct Reply;

/// Frees a reply where its type is not complete yet.
struct ReplyFree {
    void operator()(Reply* reply) const;
};

/// What a plugin has said about a message before it returns its verdict.
struct Draft {
    int status = 0;
    std::string reason = {};
    std::vector<sip::NameAddr> contacts = {};
    std::vector<Target> targets = {};
    std::unique_ptr<Reply, ReplyFree> reply = {};
    Token token = Token::None;
    base::Duration deadline{};
    int statusAtDeadline = 0;
};

}  // namespace siproxd::plugin

/// An address list that a plugin has made; it belongs to `self`.
struct siproxd_list {
    siproxd_self& self;
    siproxd::access::AddressList addresses;
};

/// A plugin in the eyes of the functions it calls.
struct siproxd_self {
    siproxd::event::Loop& loop;
    siproxd::base::Random& random;
    siproxd::plugin::Suspensions& suspensions;
    siproxd::plugin::Suspensions::Resumer resume;
    siproxd::plugin::Options options;
    std::string name;
    std::string description;
    std::uint32_t stages = 0;
    std::uint32_t callEvents = ~std::uint32_t{0};  ///< that it hears of, by bits 1 << SIPROXD_CALL_…
    bool seesTraffic = true;
    /// To be called when one of these two has changed; may be empty.
    std::function<void()> wishesChanged{};
    bool creating = false;
    siproxd::plugin::Timers timers;
    /// For who might call back when the plugin is gone.
    std::shared_ptr<int> alive = std::make_shared<int>();
    siproxd::plugin::Services* services = nullptr;  ///< null: there are none (yet)
    /// Calls into the plugin from elsewhere than the chain; `place` is for the log.
    std::function<void(const char* place, const std::function<void()>& body)> call;
    std::vector<std::unique_ptr<siproxd_list>> lists{};
    std::string listProblem{};  ///< why the last text was no list
    std::string ownUser{};      ///< lent by own_user()
};

/// A message in the hands of one plugin, for one call.
struct siproxd_message {
    siproxd_self& self;
    siproxd::plugin::Context& context;
    bool suspendable = false;
    siproxd::plugin::Token resumed = siproxd::plugin::Token::None;
    siproxd::plugin::Draft draft{};
    siproxd::plugin::Lender lender{};
};

struct siproxd_uri {
    siproxd::sip::Uri uri;
    siproxd::plugin::Lender lender{};
};

namespace siproxd::plugin {

/// An answer that a plugin composes. Not movable: its parts point at each other.
struct Reply {
    Reply(siproxd_self& self, sip::Message text, const base::Flow& flow)
        : message(std::move(text)), context{.message = &message, .flow = flow}, handle{
                                                                                    .self = self,
                                                                                    .context =
                                                                                        context} {}
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;

    sip::Message message;
    Context context;
    siproxd_message handle;
};

inline void ReplyFree::operator()(Reply* reply) const { delete reply; }

/// The functions of the interface. One table for all plugins.
[[nodiscard]] const siproxd_host& hostTable();

/// What the C structures say about an identity.
struct IdentityTexts {
    const char* label;
    const char* from;
    const char* to;
    const char* user;
    const char* password;
    const char* realm;
};

/// Null: no label, or a URI that cannot be parsed.
[[nodiscard]] std::shared_ptr<const Identity> identityFrom(const IdentityTexts& texts);

/// Lines that end with \r\n; nothing when one of them is not well-formed, or is what the proxy writes itself.
[[nodiscard]] std::optional<HeaderFields> headerFields(std::string_view lines);

// Each part of the table is filled in by the file that implements it.
void fillMessageFunctions(siproxd_host& table);
void fillAddressFunctions(siproxd_host& table);
void fillViaFunctions(siproxd_host& table);
void fillDecisionFunctions(siproxd_host& table);
void fillServiceFunctions(siproxd_host& table);
void fillListFunctions(siproxd_host& table);
void fillNetworkFunctions(siproxd_host& table);

/// What a setter of the interface returns.
inline constexpr int kDone = 0;
inline constexpr int kNotDone = -1;

/// SIPROXD_PROTOCOL_….
[[nodiscard]] int protocolNumber(base::Protocol protocol);

/// Whether it is a token (RFC 3261 §25.1).
[[nodiscard]] bool isHeaderName(std::string_view name);
/// A value that stays within its line.
[[nodiscard]] bool isHeaderValue(std::string_view value);

/// Text from a plugin; a null pointer is empty.
[[nodiscard]] inline std::string_view view(const char* text) {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

}  // namespace siproxd::plugin
