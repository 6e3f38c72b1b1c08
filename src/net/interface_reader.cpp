// SPDX-License-Identifier: GPL-2.0-or-later
// The part of InterfaceTable that asks the kernel.
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "net/interface_table.h"
#include "net/route_message.h"
#include "net/route_socket.h"

namespace siproxd::net {

namespace {

using Progress = RouteAnswers::Progress;

/// The kernel's answers are of 32 kB at most, but for a single message that is longer.
constexpr std::size_t kAnswerSize = 128 * 1024;
constexpr int kAttempts = 5;

struct Question {
    std::uint16_t type;
    std::uint8_t family;
    bool mustBeAnswered;
};

// Without IPv6 in the kernel, or with its routing disabled, the last one is refused.
constexpr std::array<Question, 4> kQuestions{{{RTM_GETLINK, AF_UNSPEC, true},
                                              {RTM_GETADDR, AF_UNSPEC, true},
                                              {RTM_GETROUTE, AF_INET, false},
                                              {RTM_GETROUTE, AF_INET6, false}}};

base::Error failure(int number) {
    return {std::string("cannot read the network interfaces: ") + std::strerror(number)};
}

/// Asks one question and hears the whole answer.
base::Result<Progress> hear(const RouteSocket& socket, const Question& question,
                            std::uint32_t sequence, std::span<char> buffer,
                            RouteAnswers& answers) {
    if (auto asked = socket.ask(question.type, question.family, sequence); !asked) {
        return std::unexpected(asked.error());
    }
    while (true) {
        const auto [status, length] = socket.receive(buffer);
        if (status != RouteSocket::Status::Datagram) {
            return std::unexpected(failure(status == RouteSocket::Status::Empty  ? ETIMEDOUT
                                           : status == RouteSocket::Status::Lost ? EMSGSIZE
                                                                                 : errno));
        }
        const auto progress = answers.take(buffer.first(length), sequence);
        if (progress == Progress::Refused && question.mustBeAnswered) {
            return std::unexpected(failure(answers.refusal()));
        }
        if (progress != Progress::More) {
            return progress;
        }
    }
}

}  // namespace

base::Result<InterfaceTable> InterfaceTable::read() {
    const auto socket = RouteSocket::forQuestions();
    if (!socket) {
        return std::unexpected(socket.error());
    }
    std::vector<char> buffer(kAnswerSize);
    std::uint32_t sequence = 0;
    RouteAnswers answers;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        answers = {};
        bool interrupted = false;
        for (const auto& question : kQuestions) {
            const auto progress = hear(*socket, question, ++sequence, buffer, answers);
            if (!progress) {
                return std::unexpected(progress.error());
            }
            interrupted = interrupted || *progress == Progress::Interrupted;
        }
        if (!interrupted) {
            break;
        }
    }
    // Where everything changes all the time, the last picture is as good as any.
    return answers.table();
}

}  // namespace siproxd::net
