// SPDX-License-Identifier: GPL-2.0-or-later
// The whole proxy between phones and providers, with nothing faked but network and time. The input is
// a play: acts that end with a byte 255, each begins with a letter that says what it is (Play::act).
#define CATCH_CONFIG_RUNNER
#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "demand.h"
#include "transport/stream_framer.h"
#include "unit/proxy/harness.h"

using namespace siproxd;
using namespace siproxd::test;
using fuzz::demand;
using proxy::Side;

namespace {

constexpr std::size_t kMostActs = 24;

class Play {
public:
    Play() { house_.locator.table["slow.test"] = {}; }

    void run(std::string_view script) {
        for (std::size_t acts = 0; !script.empty() && acts < kMostActs; ++acts) {
            const auto end = std::min(script.find('\xff'), script.size());
            act(script.substr(0, end));
            look();
            script.remove_prefix(std::min(end + 1, script.size()));
        }
        finish();
    }

private:
    void act(std::string_view text) {
        const char kind = text.empty() ? '\0' : text.front();
        text.remove_prefix(std::min<std::size_t>(1, text.size()));
        switch (kind) {
            case 'i': house_.receive(text, kPhone, Side::Inside); break;
            case 'j': house_.receive(text, kPhone2, Side::Inside); break;
            case 'o': house_.receive(text, kProvider, Side::Outside); break;
            case 'p': house_.receive(text, kProvider2, Side::Outside); break;
            case 's': stream(text, kPhone, Side::Inside); break;
            case 'S': stream(text, kProvider, Side::Outside); break;
            case 'a': answer(text); break;
            case 'e': enrol(); break;
            case 'b': fromPeer(text); break;
            case 'd': house_.locator.answer(); break;
            case '+': wait(text); break;
            default: break;
        }
    }

    /// Time: one step of 100 ms for each byte, longer for higher ones.
    void wait(std::string_view text) {
        for (const char c : text.substr(0, 4)) {
            house_.loop.advance(100ms * (static_cast<unsigned char>(c) + 1));
        }
        house_.proxy->tick();
    }

    /// What a stream makes of the bytes.
    void stream(std::string_view text, const base::SocketAddress& peer, Side side) {
        transport::StreamFramer framer;
        for (;;) {
            const auto frame = framer.next(text);
            if (frame.kind == transport::Frame::Kind::NeedMore ||
                frame.kind == transport::Frame::Kind::Error) {
                return;
            }
            if (frame.kind == transport::Frame::Kind::Message) {
                house_.receive(text.substr(0, frame.length), peer, side, base::Protocol::Tcp);
            }
            text.remove_prefix(frame.length);
        }
    }

    /// Whoever got the last request answers it: a byte for the status, the rest are header lines
    /// and perhaps a body.
    void answer(std::string_view text) {
        if (!request_ || text.empty()) {
            return;
        }
        static constexpr int kStatus[] = {100, 180, 183, 200, 200, 202, 301, 302, 305, 400, 401,
                                          404, 407, 408, 420, 422, 481, 486, 487, 488, 491, 500,
                                          503, 600, 603, 606, 199, 181};
        const int status = kStatus[static_cast<unsigned char>(text.front()) % std::size(kStatus)];
        auto bytes = sip::Message::response(*request_, status, "", "t1").serialize();
        insert(bytes, text.substr(1));
        house_.receive(bytes, to_.remote, sideOf(to_));
    }

    /// Whoever got the last request sends one of its own in that dialog: a letter for the method,
    /// the rest are header lines and perhaps a body.
    void fromPeer(std::string_view text) {
        if (!request_ || text.empty() || request_->contacts().empty()) {
            return;
        }
        static constexpr const char* kMethods[] = {"BYE",    "INVITE", "UPDATE", "INFO",  "NOTIFY",
                                                   "CANCEL", "ACK",    "REFER",  "PRACK", "OPTIONS"};
        const std::string method =
            kMethods[static_cast<unsigned char>(text.front()) % std::size(kMethods)];
        ++branches_;
        auto bytes = Draft(method + " " + request_->contacts().front().uri.toString() + " SIP/2.0")
                         .add("Via", "SIP/2.0/UDP " + to_.remote.toString() + ";branch=z9hG4bK" +
                                         std::to_string(branches_))
                         .add("From", request_->to().toString() +
                                          (request_->toTag().empty() ? ";tag=t1" : ""))
                         .add("To", request_->from().toString())
                         .add("Call-ID", std::string(request_->callId()))
                         .add("CSeq", std::to_string(branches_) + " " + method)
                         .text();
        insert(bytes, text.substr(1));
        house_.receive(bytes, to_.remote, sideOf(to_));
    }

    /// Puts header lines, and what stands behind an empty line as a body, into a message without one.
    static void insert(std::string& bytes, std::string_view lines) {
        const auto empty = std::min(lines.find("\r\n\r\n"), lines.size());
        const auto body = lines.substr(std::min(empty + 4, lines.size()));
        const auto length = bytes.rfind("Content-Length: ");
        bytes.erase(length);
        bytes += lines.substr(0, empty);
        if (!bytes.ends_with("\r\n")) {
            bytes += "\r\n";
        }
        bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    }

    void enrol() {
        house_.receive(registration().text(), kPhone, Side::Inside);
        look();
        if (request_ && request_->method() == sip::Method::Register) {
            auto response = sip::Message::response(*request_, 200, "", "t1");
            response.setContacts(request_->contacts());
            house_.receive(response.serialize(), to_.remote, Side::Outside);
        }
    }

    [[nodiscard]] Side sideOf(const base::Flow& flow) const {
        return house_.addresses.isInside(flow.remote.ip) ? Side::Inside : Side::Outside;
    }

    /// An answer to what could not be read may have to repeat it.
    static bool isHonestlyBroken(std::string_view bytes) {
        return bytes.starts_with("SIP/2.0 400 ") || bytes.starts_with("SIP/2.0 505 ") ||
               bytes.starts_with("SIP/2.0 513 ");
    }

    /// All that the proxy sends can be read.
    void look() {
        for (auto& [bytes, flow] : house_.takeRaw()) {
            auto message = sip::Message::parse(bytes);
            if (!message && !isHonestlyBroken(bytes)) {
                std::fprintf(stderr, "%s\n%s\n", message.error().why.c_str(), bytes.c_str());
                demand(false, "what is sent is a message");
            }
            if (message && message->isRequest() && message->method() != sip::Method::Ack &&
                message->method() != sip::Method::Cancel) {
                demand(message->maxForwards().has_value(), "a request has its hops");
                request_ = std::make_unique<sip::Message>(std::move(*message));
                to_ = flow;
            }
        }
    }

    /// When nobody says anything any more, nothing is left of what has been said.
    void finish() {
        for (int i = 0; i < 3; ++i) {
            house_.loop.advance(400s);
            house_.proxy->tick();
            house_.locator.table.erase("slow.test");
            house_.locator.answer();
            look();
        }
        demand(house_.proxy->pendingCount() == 0, "no request is kept for ever");
    }

    House house_;
    std::unique_ptr<sip::Message> request_;  ///< the last one that was sent
    base::Flow to_;
    unsigned branches_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Play().run(fuzz::text(data, size));
    return 0;
}
