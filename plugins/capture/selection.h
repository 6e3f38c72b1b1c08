// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct bpf_program;

namespace capture {

/// A filter in tcpdump's syntax (pcap-filter(7)) for IP packets.
class Filter {
public:
    /// Nothing: `why` says what is wrong with it. An empty text lets everything through.
    [[nodiscard]] static std::optional<Filter> compile(const std::string& text, std::string& why);
    [[nodiscard]] bool lets(std::string_view packet) const;

private:
    struct Free {
        void operator()(::bpf_program* program) const;
    };
    std::unique_ptr<::bpf_program, Free> program_;  ///< null: everything
};

/// What is captured. What is not said lets everything through; what is said must all be true.
struct Criteria {
    std::vector<std::string> callIds;
    /// Whether an address is one of those whose calls are wanted; empty: all are.
    std::function<bool(const std::string& ip)> isWanted;
    Filter filter;
};

/// What the file says that switches captures on: lines `call-id TEXT`, `address LIST`, `filter TEXT`.
struct Wish {
    std::vector<std::string> callIds;
    std::string addresses;
    std::string filter;
    std::string complaint;  ///< about the first line that is none of these; empty: there is none

    friend bool operator==(const Wish&, const Wish&) = default;
};
[[nodiscard]] Wish wishIn(std::string_view text);

/// The Call-ID of a message, or what looks like one; empty: there is none.
[[nodiscard]] std::string_view callIdIn(std::string_view message);

/// Calls that somebody with a wanted address has part in: their messages with others belong to them. Those of whom
/// something has been heard last are kept.
class FollowedCalls {
public:
    void follow(std::string_view callId);
    [[nodiscard]] bool has(std::string_view callId) const { return index_.contains(std::string(callId)); }
    void clear();
    [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
    static constexpr std::size_t kMost = 5000;
    std::list<std::string> order_;  ///< the latest first
    std::unordered_map<std::string, std::list<std::string>::iterator> index_;
};

}  // namespace capture
