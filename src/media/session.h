// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "media/announced.h"
#include "media/statistics.h"

namespace siproxd::media {

class Stream;

/// The media of one call. Lives in the signalling thread. Destroying it closes its streams and
/// frees their ports.
class Session {
public:
    /// What a session needs of the relay.
    class Host {
    public:
        virtual ~Host() = default;
        /// Binds ports and starts relaying. The stream is the session's, but for its sockets.
        [[nodiscard]] virtual base::Result<std::unique_ptr<Stream>> openStream(
            const std::string& label, const PerLeg<base::IpAddress>& local,
            const PerLeg<bool>& outside) = 0;
        virtual void announce(Stream& stream, Leg leg, const Announced& announced) = 0;
        /// Answers checks of ICE on the leg from now on.
        [[nodiscard]] virtual IceCredentials expectChecks(Stream& stream, Leg leg) = 0;
        virtual void closeStream(std::unique_ptr<Stream> stream) = 0;
        [[nodiscard]] virtual base::TimePoint now() const = 0;
        virtual void sessionEnded(Session& session) = 0;
    };

    /// Made by Relay::open().
    Session(Host& host, std::string label, std::function<void()> onSilence);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// Opens the relay for the m-line `index`: binds an RTP and an RTCP port on `localA` and on
    /// `localB`, of the same number where the addresses differ. Returns the RTP ports to announce
    /// (leg A's to whoever sits on A). A stream that is open on the same addresses stays as it is;
    /// on other addresses it gets new ports. `outside`: whose party is on the Internet's side. Error: no
    /// ports (answer 503), or an address not ours.
    [[nodiscard]] base::Result<PerLeg<std::uint16_t>> openStream(std::size_t index,
                                                                 const base::IpAddress& localA,
                                                                 const base::IpAddress& localB,
                                                                 const PerLeg<bool>& outside = {
                                                                     false, true});

    /// Tells where the party on `leg` wants its media. To be called for every offer and answer;
    /// saying the same again keeps what has been learned. Error: no such stream, or an address of
    /// another family than the leg's own.
    [[nodiscard]] base::Result<void> setRemote(std::size_t index, Leg leg,
                                               const Announced& announced);

    /// For ICE with the party on `leg`: our credentials, under which we are its ICE-lite peer on both
    /// ports. They change when its own have changed, that is, when it has restarted ICE. The stream must be
    /// open.
    [[nodiscard]] const IceCredentials& checksOf(std::size_t index, Leg leg);
    /// Where the party on `leg` wants its media; null: it has not said yet.
    [[nodiscard]] const Announced* announced(std::size_t index, Leg leg) const;

    /// For an m-line with port 0. Nothing happens when there is no such stream.
    void closeStream(std::size_t index);

    /// An offer follows that may be refused: keeps what has been agreed until now. An earlier one
    /// that is still kept stays.
    void remember();
    /// The offer has been accepted.
    void forget() { agreed_.reset(); }
    /// The offer has been refused: everything is as it was at remember(). Streams that it has
    /// opened are closed.
    void restore();

    /// Of an INVITE that was forked each callee may say before it answers where it wants its media (RFC
    /// 3261 §13.2.2.4). Keeps that of one, by its To tag: of the streams `indices`, what has been announced
    /// on `leg`. The last one is in force.
    void keepFork(std::string_view tag, Leg leg, const std::vector<std::size_t>& indices);
    /// That callee has answered, and said nothing new: what it has said before is in force, and streams
    /// that it has not taken are closed. Nothing happens when it has not said anything.
    void chooseFork(std::string_view tag, Leg leg);
    /// There are no others any more.
    void forgetForks() { forks_.reset(); }

    /// What is on the other side of a stream.
    struct Opposite {
        Announced announced;
        base::IpAddress local;  ///< ours that its party talks to
    };
    /// The other side of the stream that has been announced as `relay`, an address of ours and an
    /// RTP port there; nothing: there is no such stream, or nothing is known of that side.
    [[nodiscard]] std::optional<Opposite> opposite(const base::SocketAddress& relay) const;

    [[nodiscard]] std::size_t streamCount() const { return streams_.size(); }
    [[nodiscard]] std::optional<StreamReport> report(std::size_t index) const;
    [[nodiscard]] std::vector<StreamReport> reports() const;
    /// Of streams that were closed, if something had come on them; the first ones only.
    [[nodiscard]] const std::vector<StreamReport>& closedReports() const { return closed_; }

    /// When the last packet came on any stream, to the second. Before that: when the media was
    /// agreed (or last taken off hold), or the session was made.
    [[nodiscard]] base::TimePoint lastActivity() const;

    /// Whether some stream should carry media: both sides announced, neither on hold.
    [[nodiscard]] bool flowing() const;

    // For the relay.

    /// Looks whether packets have come since the last call, and logs who has been silent for `timeout`
    /// although the other one is heard.
    void observe(base::Duration timeout);
    /// Whether media should flow but nothing has come for `timeout`, nor has it been reported
    /// since.
    [[nodiscard]] bool isSilent(base::Duration timeout) const;
    /// Calls the owner's onSilence, which may destroy this session.
    void reportSilence();

private:
    struct Checks {
        IceCredentials ours;
        base::Rare<IceCredentials> theirs;  ///< that ours were made for; none: not known then
    };
    struct OpenStream {
        std::unique_ptr<Stream> stream;
        PerLeg<base::IpAddress> local;
        PerLeg<std::optional<Announced>> announced;
        PerLeg<std::unique_ptr<Checks>> checks;  ///< null: no ICE
        /// What has come from each party, as far as has been looked.
        struct Heard {
            std::size_t packets = 0;
            base::TimePoint last{};
            bool silenceLogged = false;
        };
        PerLeg<Heard> heard;
        base::TimePoint lastActivity{};

        [[nodiscard]] bool flowing() const;
        void startListening(base::TimePoint now);
    };
    /// Whether something has come from the party on `leg` since the last look.
    [[nodiscard]] bool observe(OpenStream& open, Leg leg) const;
    void keepReport(std::size_t index, const OpenStream& open);
    void logSilence(OpenStream& open, Leg leg, base::Duration timeout) const;
    [[nodiscard]] static Codec codecHeard(const ReceptionState& reception,
                                          const PerLeg<std::optional<Announced>>& announced,
                                          Leg leg);
    [[nodiscard]] static StreamReport reportOf(std::size_t index, const OpenStream& open);

    Host& host_;
    const std::string label_;
    std::function<void()> onSilence_;
    base::TimePoint opened_;
    base::TimePoint reported_;  ///< last call of onSilence_
    std::map<std::size_t, OpenStream> streams_;
    static constexpr std::size_t kMostClosed = 8;
    std::vector<StreamReport> closed_;
    struct Forks {
        static constexpr std::size_t kMost = 16;
        std::string last;
        std::map<std::string, std::map<std::size_t, Announced>, std::less<>> said;
    };
    std::unique_ptr<Forks> forks_;  ///< null: nobody has said anything before the answer
    /// By index, who wanted media where; null: no offer is pending.
    std::unique_ptr<std::map<std::size_t, PerLeg<std::optional<Announced>>>> agreed_;
};

}  // namespace siproxd::media
