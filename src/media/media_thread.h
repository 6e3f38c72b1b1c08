// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <semaphore>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "media/stream.h"

namespace siproxd::media {

/// A thread that relays the packets of its streams. The signalling thread hands streams over and
/// tells it what has been signalled; nothing is locked but the list of such messages, and nothing
/// is allocated for a packet.
class MediaThread final : private Stream::Server {
public:
    /// `stackKb` 0: the system's default.
    /// `flows`, which must outlive it: nullptr when the kernel forwards nothing.
    [[nodiscard]] static base::Result<std::unique_ptr<MediaThread>> start(unsigned stackKb,
                                                                          KernelFlows* flows);
    MediaThread(const MediaThread&) = delete;
    MediaThread& operator=(const MediaThread&) = delete;
    /// Ends the thread. Streams that it still serves must not be destroyed before.
    ~MediaThread() override;

    // All for the signalling thread.

    /// Reads what comes to the ports, and drops it as long as no stream has them. Even when this fails
    /// they must be given to discard().
    [[nodiscard]] base::Result<void> watch(StreamPorts& ports);
    /// Serves a stream, whose ports are watched, from now on. Until it has been announced it drops
    /// everything.
    void open(Stream& stream);
    void announce(Stream& stream, Leg leg, const Announced& announced);
    void expectChecks(Stream& stream, Leg leg, const IceCredentials& ours);
    /// Ends it soon; takeClosed() then gives it back, and its ports are free for another one.
    void close(std::unique_ptr<Stream> stream);
    [[nodiscard]] std::vector<std::unique_ptr<Stream>> takeClosed();
    /// Closes the sockets soon; takeDiscarded() then tells the numbers.
    void discard(std::unique_ptr<StreamPorts> ports);
    [[nodiscard]] std::vector<PerLeg<std::uint16_t>> takeDiscarded();
    /// What has been asked for and waits for a packet is done now.
    void hurry();
    /// What the kernel forwards is to find its way anew.
    void routesChanged();
    /// Waits until all that has been asked for so far is done: some microseconds.
    void drain();

    /// Streams that are served and not closed.
    [[nodiscard]] std::size_t streams() const { return streams_; }
    /// Streams that takeClosed() has not given back yet, and ports that takeDiscarded() has not told.
    [[nodiscard]] std::size_t closing() const { return closing_; }

private:
    struct Open {
        Stream* stream;
    };
    struct Announce {
        Stream* stream;
        Leg leg;
        Announced announced;
    };
    struct ExpectChecks {
        Stream* stream;
        Leg leg;
        IceCredentials ours;
    };
    struct Close {
        std::unique_ptr<Stream> stream;
    };
    struct Discard {
        std::unique_ptr<StreamPorts> ports;
    };
    struct Routed {
        std::uint64_t question;
        std::optional<net::Route> route;
    };
    struct RoutesChanged {};
    struct Drain {
        std::binary_semaphore* done;
    };
    struct Stop {};
    using Command =
        std::variant<Open, Announce, ExpectChecks, Close, Discard, Routed, RoutesChanged, Drain, Stop>;

    /// A route that has been asked for.
    struct Question {
        Stream* stream;
        Leg leg;
        kernel::Flow flow;
    };

    MediaThread(base::UniqueFd epoll, base::UniqueFd wake, KernelFlows* flows);

    std::uint64_t findRoute(Stream& stream, Leg leg, const kernel::Flow& flow) override;
    void schedule(Stream& stream, Leg leg, base::TimePoint due) override;

    /// `served`: it matters to the packets of this stream only; nullptr: it is urgent.
    void post(Command command, const Stream* served = nullptr);
    void wake();
    [[nodiscard]] base::Result<void> watch(int fd, void* context);

    void run();
    void takeCommands();
    void receive(const Stream::Endpoint& endpoint, base::TimePoint now);
    /// In milliseconds until the next turn, rounded up; -1: there is none.
    [[nodiscard]] int patience() const;
    void playOut();

    // Before the packets that have come, so that they do not overtake what was signalled.
    void executeBefore(Open& command, base::TimePoint now);
    void executeBefore(Announce& command, base::TimePoint now);
    void executeBefore(ExpectChecks& command, base::TimePoint now);
    void executeBefore(Close& command, base::TimePoint now);
    void executeBefore(auto& /*command*/, base::TimePoint /*now*/) {}
    // After them: what is given away or destroyed may be in the same batch of events.
    void executeAfter(Close& command, base::TimePoint now);
    void executeAfter(Discard& command, base::TimePoint now);
    void executeAfter(Routed& command, base::TimePoint now);
    void executeAfter(RoutesChanged& command, base::TimePoint now);
    void executeAfter(Drain& command, base::TimePoint now);
    void executeAfter(Stop& command, base::TimePoint now);
    void executeAfter(auto& /*command*/, base::TimePoint /*now*/) {}

    base::UniqueFd epoll_;
    base::UniqueFd wake_;
    pthread_t thread_{};
    bool started_ = false;
    std::size_t streams_ = 0;
    std::size_t closing_ = 0;

    std::mutex mutex_;
    std::vector<Command> posted_;                   // under mutex_
    bool woken_ = false;                            // under mutex_: the thread has been told
    std::atomic<bool> pending_ = false;             // whether something is posted
    std::vector<std::unique_ptr<Stream>> closed_;          // under mutex_
    std::vector<PerLeg<std::uint16_t>> discarded_;  // under mutex_

    // The media thread's own.
    KernelFlows* const flows_;
    std::vector<Command> commands_;
    std::unordered_map<std::uint64_t, Question> questions_;
    std::uint64_t lastQuestion_ = 0;
    /// Packets that are held back leave at their turns. A heap, the first in front; streams that have
    /// ended are still in it, but not in `playing_` any more.
    struct Turn {
        base::TimePoint due;
        std::uint64_t stream;
        Leg leg;
    };
    std::vector<Turn> turns_;
    std::unordered_map<std::uint64_t, Stream*> playing_;  ///< by number
    std::uint64_t lastPlaying_ = 0;
    std::unordered_set<Stream*> inKernel_;  ///< streams of which the kernel may forward something
    bool stopping_ = false;
    std::array<std::uint8_t, kMaxDatagram> buffer_{};
};

}  // namespace siproxd::media
