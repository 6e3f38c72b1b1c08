// SPDX-License-Identifier: GPL-2.0-or-later

/// A phone and a provider on either side of siproxd. Registers phones, or makes calls at a fixed
/// rate; whatever does not go exactly as it should, counts as a failure. Nothing is sent twice:
/// over links that lose nothing a repetition is a failure of the proxy's, too.
///
/// Jobs: register  `count` phones, one REGISTER each
///       refresh   one phone, `count` REGISTERs
///       outgoing  `count` calls of the phone
///       incoming  `count` calls to the phone
/// `--hold` is the time from ACK to BYE in ms; 0: calls stay up. The first `--warm` items are done
/// before the daemon's CPU time is read for the first time.

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "../rtp/program.h"
#include "messages.h"

using namespace callbench;
using rtpbench::Arguments;
using rtpbench::die;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kPatience = std::chrono::seconds(3);
constexpr unsigned kSipPort = 5060;

/// CPU time of the daemon, all its threads, in ms; the kernel tells it in steps of 10 ms.
struct CpuTime {
    double user = 0;
    double system = 0;
};

CpuTime cpuTime(const std::string& pid) {
    std::FILE* file = std::fopen(("/proc/" + pid + "/stat").c_str(), "re");
    unsigned long user = 0;
    unsigned long system = 0;
    if (file == nullptr ||
        std::fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                    &system) != 2) {
        die("the daemon is gone");
    }
    std::fclose(file);
    const auto tick = 1000.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
    return {static_cast<double>(user) * tick, static_cast<double>(system) * tick};
}

/// A party, its socket in its network namespace, and what siproxd looks like from there.
struct Side {
    Party party;
    int fd = -1;
    std::string proxy;

    Side(const Arguments& arguments, const std::string& name, const std::string& user)
        : party{user, arguments.text("--" + name)}, proxy(arguments.text("--router-of-" + name)) {
        const int space = ::open(("/run/netns/" + arguments.text("--netns-" + name)).c_str(),
                                 O_RDONLY | O_CLOEXEC);
        if (space < 0 || ::setns(space, CLONE_NEWNET) != 0) {
            die("cannot enter the namespace of " + name);
        }
        ::close(space);
        fd = rtpbench::boundSocket(rtpbench::address(party.host, kSipPort));
        const auto to = rtpbench::address(proxy, kSipPort);
        const int size = 4 << 20;
        if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0 ||
            ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
            die("cannot reach the proxy");
        }
    }
    void send(const std::string& text) const {
        if (::send(fd, text.data(), text.size(), 0) < 0) {
            die("cannot send to the proxy");
        }
    }
};

/// What has to happen, each of it once.
enum Step : unsigned {
    kInvited = 1,
    kTried = 2,
    kRang = 4,
    kAnswered = 8,
    kAcknowledged = 16,
    kEnded = 32,
    kOver = 64
};
constexpr unsigned kUp = kInvited | kTried | kRang | kAnswered | kAcknowledged;
constexpr unsigned kComplete = kUp | kEnded | kOver;
constexpr unsigned kRegistered = kInvited | kAnswered;

class Load {
public:
    explicit Load(const Arguments& arguments)
        : phone_(arguments, "phone", "u0"), provider_(arguments, "provider", "bob"),
          job_(arguments.text("--job")), rate_(arguments.number("--rate")),
          hold_(arguments.number("--hold")), callIdEnd_("-" + std::to_string(::getpid())) {
        caller_ = job_ == "incoming" ? &provider_ : &phone_;
        callee_ = job_ == "incoming" ? &phone_ : &provider_;
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        for (auto* side : {&phone_, &provider_}) {
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.ptr = side;
            if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, side->fd, &event) != 0) {
                die("epoll_ctl");
            }
        }
    }

    /// The phone has to be known before it can be called.
    void prepare() {
        if (makesCalls()) {
            const std::string job = std::exchange(job_, "register");
            run(1);
            job_ = job;
        }
    }

    /// `count` more items, to their ends.
    void run(std::size_t count) {
        done_ = 0;
        const auto first = steps_.size();
        const auto start = Clock::now();
        steps_.resize(first + count);
        while (done_ < count && Clock::now() < start + spacing(count) + hold_ + kPatience) {
            while (next_ < steps_.size() && start + spacing(next_ - first) <= Clock::now()) {
                begin(next_++);
            }
            hangUpDue();
            receive();
        }
        for (auto i = first; i < steps_.size(); ++i) {
            failed_ += steps_[i] == goal() ? 0U : 1U;
        }
    }

    [[nodiscard]] std::size_t failed() const { return failed_; }
    [[nodiscard]] std::size_t repeated() const { return repeated_; }
    [[nodiscard]] std::size_t unexpected() const { return unexpected_; }

private:
    struct HangUp {
        Clock::time_point due;
        std::size_t number;
        std::string bye;
    };

    [[nodiscard]] bool makesCalls() const { return job_ == "outgoing" || job_ == "incoming"; }
    [[nodiscard]] bool stays() const { return hold_ == milliseconds::zero(); }
    [[nodiscard]] unsigned goal() const {
        return !makesCalls() ? kRegistered : stays() ? kUp : kComplete;
    }
    [[nodiscard]] Clock::duration spacing(std::size_t items) const {
        return std::chrono::microseconds(items * 1'000'000 / rate_);
    }
    [[nodiscard]] static unsigned mediaPort(std::size_t number) {
        return 20000 + 2 * static_cast<unsigned>(number % 20000);
    }

    void begin(std::size_t number) {
        if (makesCalls()) {
            const Dialog dialog{std::to_string(number) + callIdEnd_, 1};
            const auto target =
                job_ == "incoming" ? masqueraded_ : "sip:bob@" + provider_.party.host;
            caller_->send(inviteRequest(caller_->party, target, provider_.party.host, dialog,
                                        mediaPort(number)));
            return;
        }
        Party phone = phone_.party;
        if (job_ == "register") {
            phone.user = "u" + std::to_string(number);
        }
        phone_.send(
            registerRequest(phone, provider_.party.host, {std::to_string(number) + callIdEnd_, 1}));
    }

    void hangUpDue() {
        while (!hangUps_.empty() && hangUps_.front().due <= Clock::now()) {
            caller_->send(hangUps_.front().bye);
            hangUps_.pop_front();
        }
    }

    void receive() {
        std::array<epoll_event, 2> events;
        std::array<char, 8192> buffer;
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1);
        for (int i = 0; i < count; ++i) {
            const auto& side = *static_cast<Side*>(events[static_cast<std::size_t>(i)].data.ptr);
            for (;;) {
                const auto size = ::recv(side.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
                if (size <= 0) {
                    break;
                }
                take(side, Arrived({buffer.data(), static_cast<std::size_t>(size)}));
            }
        }
    }

    void take(const Side& side, const Arrived& message) {
        const auto callId = message.value("Call-ID");
        const auto number = std::strtoul(std::string(callId).c_str(), nullptr, 10);
        if (!callId.ends_with(callIdEnd_) || number >= steps_.size()) {
            ++unexpected_;  // of an earlier run
        } else if (message.status() != 0) {
            takeResponse(message, number);
        } else {
            takeRequest(side, message, number);
        }
    }

    /// False when it has happened before.
    bool mark(std::size_t number, Step step) {
        if ((steps_[number] & step) != 0) {
            ++repeated_;
            return false;
        }
        steps_[number] |= step;
        done_ += steps_[number] == goal() ? 1U : 0U;
        return true;
    }

    /// What a party is told of the media must be an address of siproxd on its own side.
    void checkMedia(const Side& side, const Arrived& message) {
        if (message.body().find("c=IN IP4 " + side.proxy + "\r\n") == std::string_view::npos) {
            ++unexpected_;
        }
    }

    void takeRequest(const Side& side, const Arrived& request, std::size_t number) {
        const auto method = request.method();
        if (method == "REGISTER" && &side == &provider_) {
            if (mark(number, kInvited)) {
                masqueraded_ = request.contact();
                side.send(registered(request));
            }
        } else if (method == "INVITE" && &side == callee_) {
            if (mark(number, kInvited)) {
                checkMedia(side, request);
                side.send(response(request, side.party, "100 Trying"));
                side.send(response(request, side.party, "180 Ringing"));
                side.send(response(request, side.party, "200 OK",
                                   sessionDescription(side.party, mediaPort(number))));
            }
        } else if (method == "ACK" && &side == callee_) {
            mark(number, kAcknowledged);
        } else if (method == "BYE" && &side == callee_) {
            if (mark(number, kEnded)) {
                side.send(response(request, side.party, "200 OK"));
            }
        } else {
            ++unexpected_;
        }
    }

    void takeResponse(const Arrived& response, std::size_t number) {
        const auto method = response.method();
        if (method == "INVITE" && response.status() == 100) {
            mark(number, kTried);
        } else if (method == "INVITE" && response.status() == 180) {
            mark(number, kRang);
        } else if (method == "INVITE" && response.status() == 200) {
            takeAnswer(response, number);
        } else if (method == "BYE" && response.status() == 200) {
            mark(number, kOver);
        } else if (method == "REGISTER" && response.status() == 200) {
            mark(number, kAnswered);
        } else {
            ++unexpected_;
        }
    }

    void takeAnswer(const Arrived& ok, std::size_t number) {
        if (!mark(number, kAnswered)) {
            return;
        }
        checkMedia(*caller_, ok);
        caller_->send(requestInDialog("ACK", caller_->party, ok, 1));
        if (!stays()) {
            hangUps_.push_back(
                {Clock::now() + hold_, number, requestInDialog("BYE", caller_->party, ok, 2)});
        }
    }

    Side phone_;
    Side provider_;
    Side* caller_ = nullptr;
    Side* callee_ = nullptr;
    int epoll_ = -1;
    std::string job_;
    std::size_t rate_;
    milliseconds hold_;
    std::string callIdEnd_;
    std::string masqueraded_;      ///< Contact of the phone as the provider sees it
    std::vector<unsigned> steps_;  ///< of each item, by the number in its Call-ID
    std::size_t next_ = 0;
    std::deque<HangUp> hangUps_;
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t repeated_ = 0;
    std::size_t unexpected_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments(argc, argv);
    rtpbench::prepareProcess(arguments.number("--cpu"));
    Load load(arguments);
    const auto pid = arguments.text("--pid");
    load.prepare();
    load.run(arguments.number("--warm"));
    const auto before = cpuTime(pid);
    load.run(arguments.number("--count"));
    const auto after = cpuTime(pid);
    std::printf(
        "failed=%zu repeated=%zu unexpected=%zu before_ms=%.0f user_ms=%.0f system_ms=%.0f\n",
        load.failed(), load.repeated(), load.unexpected(), before.user + before.system,
        after.user - before.user, after.system - before.system);
}
