// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "dns/records.h"
#include "event/loop.h"

namespace siproxd::test {

/// A name server on 127.0.0.1, UDP and TCP, that says what it is told to (RFC 1035 §4). Runs in the
/// test's loop.
class FakeDnsServer {
public:
    /// How a name is answered.
    struct Record {
        std::vector<std::string> addresses{};  ///< of both families
        dns::SrvRecords srv{};
        dns::NaptrRecords naptr{};
        std::string regexp{};  ///< of the NAPTR records
        std::string alias{};   ///< a CNAME in front of the rest
        std::uint32_t ttl = 60;
        std::uint8_t rcode = 0;                            ///< 2 server failure, 3 no such name
        bool silent = false;                               ///< no answer at all
        bool truncated = false;                            ///< the answer goes by TCP only
        std::function<std::string(std::string)> mangle{};  ///< makes another message of the answer
    };

    explicit FakeDnsServer(event::Loop& loop) : loop_(loop) {
        for (int i = 0; i < 20 && !bind(); ++i) {
        }
        watch_ = loop.watch(fd_.get(), event::kReadable, [this](std::uint8_t) { readDatagram(); });
        listenWatch_ =
            loop.watch(listener_.get(), event::kReadable, [this](std::uint8_t) { accept(); });
    }

    /// What is asked for; other names do not exist.
    std::map<std::string, Record> records;
    /// Questions by name and type, those by TCP with a `/TCP` behind: `sip.example.test A`.
    std::map<std::string, int> asked;

    [[nodiscard]] const base::SocketAddress& local() const { return local_; }

    /// Sends the answers that `silent` has held back.
    void answerLate() {
        for (const auto& answer : std::exchange(held_, {})) {
            answer();
        }
    }

private:
    enum Type : std::uint16_t { kA = 1, kCname = 5, kAaaa = 28, kSrv = 33, kNaptr = 35 };
    static constexpr std::size_t kHeader = 12;
    static constexpr std::uint16_t kTruncated = 0x0200;

    struct Question {
        std::string message;  ///< header and question
        std::string name;
        std::uint16_t type = 0;
    };

    struct Peer {
        base::UniqueFd fd;
        std::unique_ptr<event::Watch> watch;
    };

    /// UDP and TCP with one port number, if it is free for both.
    bool bind() {
        fd_ = base::UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        listener_ =
            base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        if (::bind(fd_.get(), raw, length) != 0 || ::getsockname(fd_.get(), raw, &length) != 0) {
            return false;
        }
        local_ = base::SocketAddress::fromSockaddr(raw);
        return ::bind(listener_.get(), raw, length) == 0 && ::listen(listener_.get(), 16) == 0;
    }

    void readDatagram() {
        char buffer[512];
        sockaddr_storage from{};
        socklen_t length = sizeof from;
        const auto size = ::recvfrom(fd_.get(), buffer, sizeof buffer, 0,
                                     reinterpret_cast<sockaddr*>(&from), &length);
        Question question;
        if (size <= 0 || !parse({buffer, static_cast<std::size_t>(size)}, question)) {
            return;
        }
        ++asked[question.name + typeName(question.type)];
        const Record record = recordOf(question.name);
        const auto answer = [this, from, length, question, record] {
            const auto bytes =
                record.truncated ? header(question, kTruncated, 0) : reply(question, record);
            ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                     reinterpret_cast<const sockaddr*>(&from), length);
        };
        if (record.silent) {
            held_.push_back(answer);
        } else {
            answer();
        }
    }

    void accept() {
        auto& peer = peers_.emplace_back();
        peer.fd = base::UniqueFd(
            ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        peer.watch = loop_.watch(peer.fd.get(), event::kReadable,
                                 [this, &peer](std::uint8_t) { readStream(peer); });
    }

    /// Good for questions that come in whole, as c-ares sends them.
    void readStream(Peer& peer) {
        char buffer[4096];
        const auto size = ::recv(peer.fd.get(), buffer, sizeof buffer, 0);
        if (size <= 0) {
            peer.watch->setInterest(0);
            return;
        }
        std::string rest(buffer, static_cast<std::size_t>(size));
        while (rest.size() > 2) {
            const auto length = static_cast<std::size_t>(rest[1]);
            Question question;
            if (!parse(rest.substr(2, length), question)) {
                return;
            }
            rest.erase(0, 2 + length);
            ++asked[question.name + typeName(question.type) + "/TCP"];
            const auto bytes = reply(question, recordOf(question.name));
            std::string framed;
            put16(framed, bytes.size());
            framed += bytes;
            static_cast<void>(::send(peer.fd.get(), framed.data(), framed.size(), MSG_NOSIGNAL));
        }
    }

    static bool parse(const std::string& message, Question& question) {
        std::size_t at = kHeader;
        while (at < message.size() && message[at] != 0) {
            const auto label = static_cast<std::size_t>(message[at]);
            question.name +=
                (question.name.empty() ? "" : ".") + base::toLower(message.substr(at + 1, label));
            at += label + 1;
        }
        if (at + 5 > message.size()) {
            return false;
        }
        question.type = static_cast<std::uint16_t>(message[at + 2]);
        question.message = message.substr(0, at + 5);
        return true;
    }

    Record recordOf(const std::string& name) const {
        const auto known = records.find(name);
        return known == records.end() ? Record{.rcode = 3} : known->second;
    }

    static std::string typeName(std::uint16_t type) {
        return type == kA       ? " A"
               : type == kAaaa  ? " AAAA"
               : type == kSrv   ? " SRV"
               : type == kNaptr ? " NAPTR"
                                : " ?";
    }

    static void put16(std::string& out, std::size_t value) {
        out += static_cast<char>(value >> 8U);
        out += static_cast<char>(value & 0xffU);
    }

    static void putText(std::string& out, const std::string& text) {
        out += static_cast<char>(text.size());
        out += text;
    }

    /// A name as labels; an empty one is the root.
    static void putName(std::string& out, const std::string& name) {
        for (const auto label : base::split(name, '.')) {
            if (!label.empty()) {
                putText(out, std::string(label));
            }
        }
        out += '\0';
    }

    static std::string header(const Question& question, std::size_t flags, std::size_t answers) {
        std::string out = question.message.substr(0, 2);
        put16(out, 0x8180U | flags);
        put16(out, 1);
        put16(out, answers);
        put16(out, 0);
        put16(out, 0);
        return out + question.message.substr(kHeader);
    }

    /// The records' data, each as it is on the wire.
    static std::vector<std::string> dataOf(std::uint16_t type, const Record& record) {
        std::vector<std::string> all;
        for (const auto& text : record.addresses) {
            const auto ip = base::IpAddress::parse(text);
            if (ip && (type == kA || type == kAaaa) && ip->isV4() == (type == kA)) {
                all.emplace_back(reinterpret_cast<const char*>(ip->bytes().data()),
                                 ip->isV4() ? 4 : 16);
            }
        }
        for (const auto& srv : type == kSrv ? record.srv : dns::SrvRecords()) {
            auto& out = all.emplace_back();
            put16(out, srv.priority);
            put16(out, srv.weight);
            put16(out, srv.port);
            putName(out, srv.target);
        }
        for (const auto& naptr : type == kNaptr ? record.naptr : dns::NaptrRecords()) {
            auto& out = all.emplace_back();
            put16(out, naptr.order);
            put16(out, naptr.preference);
            putText(out, naptr.flags);
            putText(out, naptr.service);
            putText(out, record.regexp);
            putName(out, naptr.replacement);
        }
        return all;
    }

    static std::string reply(const Question& question, const Record& record) {
        const auto all = dataOf(question.type, record);
        std::string out =
            header(question, record.rcode, all.size() + (record.alias.empty() ? 0 : 1));
        const auto put = [&](const std::string& owner, std::uint16_t type,
                             const std::string& data) {
            out += owner;
            put16(out, type);
            put16(out, 1);
            put16(out, record.ttl >> 16U);
            put16(out, record.ttl & 0xffffU);
            put16(out, data.size());
            out += data;
        };
        std::string owner("\xc0\x0c", 2);
        if (!record.alias.empty()) {
            std::string target;
            putName(target, record.alias);
            put(owner, kCname, target);
            owner = target;
        }
        for (const auto& data : all) {
            put(owner, question.type, data);
        }
        return record.mangle ? record.mangle(out) : out;
    }

    event::Loop& loop_;
    base::UniqueFd fd_;
    base::UniqueFd listener_;
    std::deque<Peer> peers_;
    base::SocketAddress local_;
    std::unique_ptr<event::Watch> watch_;
    std::unique_ptr<event::Watch> listenWatch_;
    std::vector<std::function<void()>> held_;
};

}  // namespace siproxd::test
