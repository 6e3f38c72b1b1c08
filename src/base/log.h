// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// The log: the one facility that is shared by the whole process. Any thread may write; formatting
/// costs nothing when no sink wants the line.
namespace siproxd::log {

enum class Level : std::uint8_t { Debug, Info, Warning, Error };

/// What a debug line is about (user guide, `debug_level`). Sinks choose by bit mask.
enum class Class : std::uint32_t {
    Babble = 0x1,
    Net = 0x2,
    Sip = 0x4,
    Reg = 0x8,
    NoSpec = 0x10,
    Proxy = 0x20,
    Dns = 0x40,
    NetTraffic = 0x80,
    Config = 0x100,
    Rtp = 0x200,
    Access = 0x400,
    Auth = 0x800,
    Plugin = 0x1000,
    RtpBabble = 0x2000,
};

/// One line on its way to the sinks. The views live for the call only.
struct Record {
    Level level;
    Class debugClass;  ///< meaningful for Level::Debug only
    std::string_view file;
    unsigned line;
    std::string_view message;
    std::chrono::system_clock::time_point time;
};

/// Receives lines. write() is called under the log's lock: it must not block nor log.
class Sink {
public:
    virtual ~Sink() = default;
    /// Least level wanted.
    [[nodiscard]] virtual Level threshold() const = 0;
    /// Debug classes wanted (bits of Class); used when threshold() is Debug.
    [[nodiscard]] virtual std::uint32_t debugClasses() const = 0;
    virtual void write(const Record& record) = 0;
    /// No more lines come for now: what has been written so far is to be seen.
    virtual void flush() {}
    /// The directives silence_log and debug_level (see adjust()) say this from now on. Sinks that
    /// have wishes of their own do nothing. Called under the log's lock.
    virtual void adjust(int silence, std::uint32_t debugClasses);
};

/// Keeps a sink attached while it lives. The sink must outlive it.
class Attachment {
public:
    Attachment() = default;
    explicit Attachment(Sink& sink);
    Attachment(Attachment&& other) noexcept : sink_(std::exchange(other.sink_, nullptr)) {}
    Attachment& operator=(Attachment&& other) noexcept;
    ~Attachment();

private:
    Sink* sink_ = nullptr;
};

/// To be called when an attached sink's threshold or classes have changed.
void refresh();

/// Tells all attached sinks what silence_log (0 to 4, see syslogSink()) and debug_level (bits of Class)
/// say now.
void adjust(int silence, std::uint32_t debugClasses);

/// `HH:MM:SS.mmm LABEL:file:line message`, LABEL `ERROR:` `WARNING:` `INFO:` or, for debug, nothing;
/// local time; no line end.
[[nodiscard]] std::string formatLine(const Record& record);

/// Writes to stderr as formatLine() says; debug lines of these classes, and everything else. Follows
/// adjust() as to the classes.
[[nodiscard]] std::unique_ptr<Sink> stderrSink(std::uint32_t debugClasses);

/// Writes to syslog: ident `siproxd`, facility daemon, text `file:line LABEL:message`, information
/// and warnings both at priority notice. `silence` is the directive silence_log: 0 everything,
/// 1 from information, 2 from warnings, 3 errors only, 4 nothing. Follows adjust().
[[nodiscard]] std::unique_ptr<Sink> syslogSink(int silence, std::uint32_t debugClasses);

/// Passes lines on to `sink` in a thread of its own, so that nobody who logs waits for a disk, a pipe or
/// syslog. Up to `capacity` lines wait for it; more are dropped and counted, and the count is logged
/// when it goes on. adjust() is passed on. The destructor writes what waits, for as long as `patience` at most. Starts its
/// thread at once: fork before.
[[nodiscard]] std::unique_ptr<Sink> inBackground(
    std::unique_ptr<Sink> sink, std::size_t capacity = 10000,
    std::chrono::milliseconds patience = std::chrono::seconds(1));

/// Whether any sink wants this.
[[nodiscard]] bool wants(Level level, Class debugClass = Class::NoSpec);

/// For callers that have the text already and name the origin themselves (plugins).
void write(Level level, Class debugClass, std::string_view file, unsigned line,
           std::string_view message);

namespace detail {

template <class... Args>
struct Format {
    fmt::format_string<Args...> text;
    std::source_location where;

    template <class Text>
    // NOLINTNEXTLINE(google-explicit-constructor): string literals must convert
    consteval Format(const Text& literal,
                     std::source_location origin = std::source_location::current())
        : text(literal), where(origin) {}
};

template <class... Args>
using FormatOf = Format<std::type_identity_t<Args>...>;

void vwrite(Level level, Class debugClass, const std::source_location& where,
            fmt::string_view text, fmt::format_args args);

/// False when lines of this origin have come too fast; says so once when they have.
[[nodiscard]] bool admit(const std::source_location& where);

}  // namespace detail

template <class... Args>
void error(detail::FormatOf<Args...> format, Args&&... args) {
    detail::vwrite(Level::Error, Class::NoSpec, format.where, format.text,
                   fmt::make_format_args(args...));
}

template <class... Args>
void warning(detail::FormatOf<Args...> format, Args&&... args) {
    detail::vwrite(Level::Warning, Class::NoSpec, format.where, format.text,
                   fmt::make_format_args(args...));
}

template <class... Args>
void info(detail::FormatOf<Args...> format, Args&&... args) {
    detail::vwrite(Level::Info, Class::NoSpec, format.where, format.text,
                   fmt::make_format_args(args...));
}

template <class... Args>
void debug(Class debugClass, detail::FormatOf<Args...> format, Args&&... args) {
    if (wants(Level::Debug, debugClass)) {
        detail::vwrite(Level::Debug, debugClass, format.where, format.text,
                       fmt::make_format_args(args...));
    }
}

/// A warning that bytes from the network can cause: at most 20 lines a second from one place of the
/// code, what is more is counted and the count is told.
template <class... Args>
void warningFromPeer(detail::FormatOf<Args...> format, Args&&... args) {
    if (wants(Level::Warning) && detail::admit(format.where)) {
        detail::vwrite(Level::Warning, Class::NoSpec, format.where, format.text,
                       fmt::make_format_args(args...));
    }
}

/// The same for information.
template <class... Args>
void infoFromPeer(detail::FormatOf<Args...> format, Args&&... args) {
    if (wants(Level::Info) && detail::admit(format.where)) {
        detail::vwrite(Level::Info, Class::NoSpec, format.where, format.text,
                       fmt::make_format_args(args...));
    }
}

}  // namespace siproxd::log
