// SPDX-License-Identifier: GPL-2.0-or-later
/// What siproxd does for a plugin. See plugin.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text.hpp"
#include "types.hpp"

namespace siproxd::api {

/// A URI of the plugin's own.
class Uri {
public:
    [[nodiscard]] Text part(Part part) const {
        return detail::text(host_->uri_part(uri_.get(), static_cast<int>(part)));
    }
    // Those that change it: false: the value cannot stand there, and nothing has changed.
    bool set(Part part, std::string_view value) {
        return host_->uri_set_part(uri_.get(), static_cast<int>(part), detail::z(value).c_str()) ==
               0;
    }
    [[nodiscard]] Text param(std::string_view name) const {
        return detail::text(host_->uri_param(uri_.get(), detail::z(name).c_str()));
    }
    bool setParam(std::string_view name, std::string_view value) {
        return host_->uri_set_param(uri_.get(), detail::z(name).c_str(),
                                    detail::z(value).c_str()) == 0;
    }
    bool removeParam(std::string_view name) {
        return host_->uri_remove_param(uri_.get(), detail::z(name).c_str()) != 0;
    }
    [[nodiscard]] std::string toString() const {
        return std::string(orEmpty(part(Part::Text)));
    }

private:
    friend class Host;

    struct Free {
        const siproxd_host* host;
        void operator()(siproxd_uri* uri) const { host->uri_free(uri); }
    };

    Uri(const siproxd_host* host, siproxd_uri* uri) : host_(host), uri_(uri, Free{host}) {}

    const siproxd_host* host_;
    std::unique_ptr<siproxd_uri, Free> uri_;
};

/// An address list of the configuration, in the syntax of hosts_allow_sip.
class AddressList {
public:
    /// `ip` as sourceIp() and ViaPart::Host give it; what is no address is not in it.
    [[nodiscard]] bool contains(std::string_view ip) const {
        return list_ != nullptr && host_->list_contains(list_.get(), detail::z(ip).c_str()) != 0;
    }
    /// Nothing is configured: it has nobody in it.
    [[nodiscard]] bool empty() const { return list_ == nullptr; }

private:
    friend class Host;

    struct Free {
        const siproxd_host* host;
        void operator()(siproxd_list* list) const { host->list_free(list); }
    };

    AddressList(const siproxd_host* host, siproxd_list* list)
        : host_(host), list_(list, Free{host}) {}

    const siproxd_host* host_;
    std::unique_ptr<siproxd_list, Free> list_;
};

/// siproxd, as the plugin sees it. A value; valid as long as the plugin.
class Host {
public:
    Host(const siproxd_host* table, siproxd_self* self) : table_(table), self_(self) {}

    // --- log
    void info(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_INFO, text, where);
    }
    void warning(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_WARNING, text, where);
    }
    void error(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_ERROR, text, where);
    }
    /// In the debug class PLUGIN.
    void debug(std::string_view text, Where where = Where::current()) const {
        write(SIPROXD_LOG_DEBUG, text, where);
    }

    // --- configuration
    /// The last value, or the declared default, or nothing.
    [[nodiscard]] Text string(const char* option) const {
        return detail::text(table_->option_string(self_, option));
    }
    [[nodiscard]] std::optional<std::int64_t> integer(const char* option) const {
        std::int64_t value = 0;
        return table_->option_integer(self_, option, &value) != 0 ? std::optional(value)
                                                                  : std::nullopt;
    }
    [[nodiscard]] std::vector<std::string_view> list(const char* option) const {
        std::vector<std::string_view> values;
        for (std::size_t i = 0; i < table_->option_count(self_, option); ++i) {
            values.emplace_back(table_->option_value(self_, option, i));
        }
        return values;
    }
    /// The address list that the text is, in the syntax of hosts_allow_sip; an empty one has nobody in it. Host names
    /// during create() only. Nothing: `why` says what is wrong.
    [[nodiscard]] std::optional<AddressList> addressList(std::string_view text, std::string& why) const {
        if (text.empty()) {
            return AddressList(table_, nullptr);
        }
        const char* problem = nullptr;
        siproxd_list* list = table_->list_parse(self_, detail::z(text).c_str(), &problem);
        if (list == nullptr) {
            why = problem;
            return std::nullopt;
        }
        return AddressList(table_, list);
    }
    /// That of one of several lines. Nothing: it is none, which has been logged with file and line.
    [[nodiscard]] std::optional<AddressList> addresses(const OptionLine& line) const {
        std::string why;
        auto list = addressList(line.value, why);
        if (!list) {
            optionError(line, why);
        }
        return list;
    }
    /// Likewise of the last line of the option.
    [[nodiscard]] std::optional<AddressList> addresses(const char* option) const {
        return addresses(OptionLine{option, orEmpty(string(option)), lastOf(option)});
    }
    /// Which of these words the option says, without regard to case. Nothing: none of them, which
    /// has been logged with file and line.
    [[nodiscard]] std::optional<std::size_t>
    choice(const char* option, std::initializer_list<std::string_view> words) const {
        const auto text = orEmpty(string(option));
        std::string all;
        for (const auto* word = words.begin(); word != words.end(); ++word) {
            if (equals(*word, text)) {
                return static_cast<std::size_t>(word - words.begin());
            }
            all.append(all.empty() ? "" : " or ").append(*word);
        }
        optionError(option, lastOf(option), all + " is needed");
        return std::nullopt;
    }
    /// All lines of the plugin in file order.
    [[nodiscard]] std::vector<OptionLine> lines() const {
        std::vector<OptionLine> all;
        const char* value = nullptr;
        std::size_t index = 0;
        while (const char* name = table_->option_line(self_, all.size(), &value, &index)) {
            all.push_back({name, value, index});
        }
        return all;
    }
    /// Logs what is wrong with a value, with its file and line.
    void optionError(const OptionLine& line, std::string_view text) const {
        table_->option_error(self_, detail::z(line.name).c_str(), line.index, detail::z(text).c_str());
    }
    void optionError(const char* option, std::size_t index, std::string_view text) const {
        table_->option_error(self_, option, index, detail::z(text).c_str());
    }

    // --- time
    /// Seconds since 1970.
    [[nodiscard]] std::int64_t wallTime() const { return table_->wall_time(self_); }
    /// Milliseconds from some moment on, never set back.
    [[nodiscard]] std::int64_t steadyTime() const { return table_->steady_time(self_); }

    /// Nothing: the text is no URI.
    [[nodiscard]] std::optional<Uri> uri(std::string_view text) const {
        siproxd_uri* made = table_->uri_parse(self_, detail::z(text).c_str());
        return made == nullptr ? std::nullopt : std::optional(Uri(table_, made));
    }

    /// user@domain of the user of siproxd's own that the URI means; nothing: it is of somebody else.
    [[nodiscard]] Text ownUser(std::string_view uri) const {
        return detail::text(table_->own_user(self_, detail::z(uri).c_str()));
    }

    /// While the plugin is made: it is not asked but at these of its stages; 0: at none, for there is nothing to do.
    void restrictStages(std::uint32_t stages) const { table_->restrict_stages(self_, stages); }

    /// From now on the plugin hears of these events of calls only, events(CallEvent::Ended) or several; 0: of none.
    void hearCalls(std::uint32_t events) const { table_->hear_calls(self_, events); }
    /// Whether it sees traffic from now on.
    void seeTraffic(bool isWanted) const { table_->see_traffic(self_, isWanted ? 1 : 0); }

    /// The address that siproxd has outside as others see it; nothing: its own again. False: that is none.
    bool announce(std::optional<std::string_view> ip) const {
        return table_->announce(self_, ip ? detail::z(*ip).c_str() : nullptr) == 0;
    }

    /// From any thread: process() is called again for the suspended message.
    void resume(std::uint64_t token) const { table_->resume(self_, token); }

    /// Registrations in force; `text` as Bindings says.
    [[nodiscard]] std::vector<Binding> bindings(Bindings which, std::string_view text = {}) const {
        std::vector<Binding> found;
        const auto keep = [](void* context, const siproxd_binding* binding) {
            static_cast<std::vector<Binding>*>(context)->push_back(
                {binding->aor, binding->contact, orEmpty(binding->shown),
                 orEmpty(binding->source), binding->expires});
            return 1;
        };
        table_->bindings(self_, static_cast<int>(which), detail::z(text).c_str(), keep, &found);
        return found;
    }

    /// Shows all calls to `each` (bool(const siproxd_call&)) until that says false.
    template <class Each>
    void calls(Each each) const {
        table_->calls(
            self_,
            [](void* context, const siproxd_call* call) {
                return (*static_cast<Each*>(context))(*call) ? 1 : 0;
            },
            &each);
    }
    /// False: there is no such call (any more).
    bool endCall(std::uint64_t call, int status, std::string_view reason) const {
        return table_->call_end(self_, call, status, detail::z(reason).c_str()) == 0;
    }

    [[nodiscard]] const siproxd_host* table() const { return table_; }
    [[nodiscard]] siproxd_self* self() const { return self_; }

private:
    /// The line that counts.
    [[nodiscard]] std::size_t lastOf(const char* option) const {
        const std::size_t lines = table_->option_count(self_, option);
        return lines == 0 ? 0 : lines - 1;
    }

    void write(int level, std::string_view text, const Where& where) const {
        if (table_->log_wanted(self_, level, SIPROXD_DEBUG_PLUGIN) != 0) {
            table_->log(self_, level, SIPROXD_DEBUG_PLUGIN, where.file, where.line,
                        detail::z(text).c_str());
        }
    }

    const siproxd_host* table_;
    siproxd_self* self_;
};

/// What is wrong with the lines that a plugin reads: each is logged with its file and line.
class Complaints {
public:
    explicit Complaints(const Host& host) : host_(host) {}

    /// `why` empty: nothing is wrong with that line.
    void add(const OptionLine& line, std::string_view why) {
        if (!why.empty()) {
            host_.optionError(line, why);
            isEmpty_ = false;
        }
    }
    [[nodiscard]] bool isEmpty() const { return isEmpty_; }

private:
    Host host_;
    bool isEmpty_ = true;
};

namespace detail {

/// Logs what has been thrown. In a handler only.
inline void report(const Host& host) noexcept {
    try {
        throw;
    } catch (const std::exception& error) {
        host.warning(std::string("exception in a plugin: ") + error.what());
    } catch (...) {
        host.warning("exception in a plugin");
    }
}

}  // namespace detail

}  // namespace siproxd::api
