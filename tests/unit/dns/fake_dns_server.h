// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "event/loop.h"

namespace siproxd::test {

/// A name server on 127.0.0.1 that says what it is told to (RFC 1035 §4). Runs in the test's loop.
class FakeDnsServer {
public:
    /// How a name is answered.
    struct Record {
        std::vector<std::string> addresses;  ///< of both families
        std::uint32_t ttl = 60;
        std::uint8_t rcode = 0;  ///< 2 server failure, 3 no such name
        bool silent = false;     ///< no answer at all
    };

    explicit FakeDnsServer(event::Loop& loop)
        : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        if (::bind(fd_.get(), raw, length) == 0 && ::getsockname(fd_.get(), raw, &length) == 0) {
            local_ = base::SocketAddress::fromSockaddr(raw);
        }
        watch_ = loop.watch(fd_.get(), event::kReadable, [this](std::uint8_t) { read(); });
    }

    /// What is asked for; other names do not exist.
    std::map<std::string, Record> records;
    /// Questions by name and type: `sip.example.test A`.
    std::map<std::string, int> asked;

    [[nodiscard]] const base::SocketAddress& local() const { return local_; }

    /// Sends the answers that `silent` has held back.
    void answerLate() {
        for (const auto& answer : std::exchange(held_, {})) {
            answer();
        }
    }

private:
    enum Type : std::uint16_t { kA = 1, kAaaa = 28 };
    static constexpr std::size_t kHeader = 12;

    void read() {
        char buffer[512];
        sockaddr_storage from{};
        socklen_t length = sizeof from;
        const auto size = ::recvfrom(fd_.get(), buffer, sizeof buffer, 0,
                                     reinterpret_cast<sockaddr*>(&from), &length);
        if (size <= static_cast<ssize_t>(kHeader)) {
            return;
        }
        const std::string question(buffer, static_cast<std::size_t>(size));
        std::string name;
        std::size_t at = kHeader;
        while (at < question.size() && question[at] != 0) {
            const auto label = static_cast<std::size_t>(question[at]);
            name += (name.empty() ? "" : ".") + base::toLower(question.substr(at + 1, label));
            at += label + 1;
        }
        const std::size_t end = at + 5;
        if (end > question.size()) {
            return;
        }
        const auto type = static_cast<std::uint16_t>(question[at + 2]);
        ++asked[name + (type == kA ? " A" : type == kAaaa ? " AAAA" : " ?")];

        const auto known = records.find(name);
        const Record record = known == records.end() ? Record{.addresses = {}, .rcode = 3}
                                                     : known->second;
        const auto answer = [this, from, length, question, end, type, record] {
            const auto bytes = reply(question.substr(0, end), type, record);
            ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                     reinterpret_cast<const sockaddr*>(&from), length);
        };
        if (record.silent) {
            held_.push_back(answer);
        } else {
            answer();
        }
    }

    static void put16(std::string& out, std::size_t value) {
        out += static_cast<char>(value >> 8U);
        out += static_cast<char>(value & 0xffU);
    }

    static std::string reply(const std::string& question, std::uint16_t type,
                             const Record& record) {
        std::vector<base::IpAddress> fitting;
        for (const auto& text : record.addresses) {
            const auto ip = base::IpAddress::parse(text);
            if (ip && ip->isV4() == (type == kA)) {
                fitting.push_back(*ip);
            }
        }
        std::string out = question.substr(0, 2);
        put16(out, 0x8180U | record.rcode);
        put16(out, 1);
        put16(out, fitting.size());
        put16(out, 0);
        put16(out, 0);
        out += question.substr(kHeader);
        for (const auto& ip : fitting) {
            put16(out, 0xc000U | kHeader);
            put16(out, type);
            put16(out, 1);
            put16(out, record.ttl >> 16U);
            put16(out, record.ttl & 0xffffU);
            const std::size_t length = ip.isV4() ? 4 : 16;
            put16(out, length);
            out.append(reinterpret_cast<const char*>(ip.bytes().data()), length);
        }
        return out;
    }

    base::UniqueFd fd_;
    base::SocketAddress local_;
    std::unique_ptr<event::Watch> watch_;
    std::vector<std::function<void()>> held_;
};

}  // namespace siproxd::test
