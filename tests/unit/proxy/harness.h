// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/proxy.h"
#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

template <>
struct Catch::StringMaker<siproxd::base::SocketAddress> {
    static std::string convert(const siproxd::base::SocketAddress& address) {
        return address.toString();
    }
};
template <>
struct Catch::StringMaker<siproxd::sip::Uri> {
    static std::string convert(const siproxd::sip::Uri& uri) { return uri.toString(); }
};

/// A house with a proxy at its door: phones inside on 10.0.0.0/24, providers outside, and everything
/// that the proxy sends kept for the test to look at.
namespace siproxd::test {

using namespace std::chrono_literals;

inline base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }
inline base::SocketAddress at(std::string_view address, std::uint16_t port = 5060) {
    return {ip(address), port};
}

inline const base::SocketAddress kPhone = at("10.0.0.10");
inline const base::SocketAddress kPhone2 = at("10.0.0.11");
inline const base::SocketAddress kProvider = at("203.0.113.50");
inline const base::SocketAddress kProvider2 = at("203.0.113.60");
inline constexpr std::string_view kPublic = "203.0.113.1";

/// Text of a message that a test makes up.
class Draft {
public:
    explicit Draft(std::string startLine) : startLine_(std::move(startLine)) {}

    /// Replaces all headers of that name; an empty value leaves none.
    Draft& set(std::string_view name, std::string value) {
        std::erase_if(headers_, [name](const auto& header) { return header.first == name; });
        return value.empty() ? *this : add(name, std::move(value));
    }
    Draft& add(std::string_view name, std::string value) {
        headers_.emplace_back(name, std::move(value));
        return *this;
    }
    Draft& sdp(std::string body) {
        body_ = std::move(body);
        return set("Content-Type", "application/sdp");
    }
    Draft& body(std::string type, std::string text) {
        body_ = std::move(text);
        return set("Content-Type", std::move(type));
    }
    [[nodiscard]] std::string text() const {
        std::string out = startLine_ + "\r\n";
        for (const auto& [name, value] : headers_) {
            out += name + ": " + value + "\r\n";
        }
        return out + "Content-Length: " + std::to_string(body_.size()) + "\r\n\r\n" + body_;
    }

private:
    std::string startLine_;
    std::vector<std::pair<std::string, std::string>> headers_;
    std::string body_;
};

/// A request of the phone 10.0.0.10, whose user is alice.
inline Draft fromAlice(const std::string& method, const std::string& uri, int cseq = 1) {
    Draft draft(method + " " + uri + " SIP/2.0");
    draft.add("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-" + method + std::to_string(cseq))
        .add("Max-Forwards", "70")
        .add("From", "<sip:alice@example.org>;tag=a1")
        .add("To", "<" + uri + ">")
        .add("Call-ID", "out1")
        .add("CSeq", std::to_string(cseq) + " " + method)
        .add("Contact", "<sip:alice@10.0.0.10:5060>")
        .add("User-Agent", "Phone/1.0");
    return draft;
}

/// A request of the world outside for alice, as a provider passes it on.
inline Draft forAlice(const std::string& method, const std::string& uri, int cseq = 1) {
    Draft draft(method + " " + uri + " SIP/2.0");
    draft.add("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK-" + method + std::to_string(cseq))
        .add("Max-Forwards", "60")
        .add("From", "<sip:bob@example.net>;tag=b1")
        .add("To", "<sip:alice@example.org>")
        .add("Call-ID", "in1")
        .add("CSeq", std::to_string(cseq) + " " + method)
        .add("Contact", "<sip:bob@203.0.113.50>")
        .add("Record-Route", "<sip:203.0.113.50;lr>");
    return draft;
}

inline Draft registration(const std::string& user = "alice", const std::string& domain = "example.org",
                          const std::string& phone = "10.0.0.10:5060", int cseq = 1) {
    Draft draft("REGISTER sip:" + domain + " SIP/2.0");
    draft.add("Via", "SIP/2.0/UDP " + phone + ";branch=z9hG4bK-reg" + user + domain +
                         std::to_string(cseq) + std::to_string(phone.size()) + phone.substr(7, 2))
        .add("Max-Forwards", "70")
        .add("From", "<sip:" + user + "@" + domain + ">;tag=r1")
        .add("To", "<sip:" + user + "@" + domain + ">")
        .add("Call-ID", "reg-" + user + domain)
        .add("CSeq", std::to_string(cseq) + " REGISTER")
        .add("Contact", "<sip:" + user + "@" + phone + ">;expires=600");
    return draft;
}

inline std::string audioSdp(std::string_view address, int port) {
    const std::string host(address);
    return "v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host +
           "\r\nt=0 0\r\nm=audio " + std::to_string(port) +
           " RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n";
}

/// What the proxy has sent.
struct Sent {
    std::string bytes;
    base::Flow flow;
    sip::Message message;

    [[nodiscard]] bool has(std::string_view part) const {
        return bytes.find(part) != std::string::npos;
    }
    /// The SDP line that begins so.
    [[nodiscard]] std::string line(std::string_view start) const {
        const auto body = std::string(message.body());
        const auto begin = body.find("\n" + std::string(start));
        return begin == std::string::npos
                   ? ""
                   : body.substr(begin + 1, body.find('\r', begin) - begin - 1);
    }
    [[nodiscard]] sip::Uri contact() const {
        const auto contacts = message.contacts();
        return contacts.empty() ? sip::Uri{} : contacts.front().uri;
    }
};

/// The answer of whoever gets `request`.
inline sip::Message answerTo(const Sent& request, int status, std::string_view toTag = "t1") {
    auto response = sip::Message::response(request.message, status, "", toTag);
    for (const auto& route : request.message.headers("Record-Route")) {
        response.addHeader("Record-Route", route);
    }
    return response;
}

inline sip::Message with(sip::Message message, std::string_view name, std::string_view value) {
    message.addHeader(name, value);
    return message;
}

inline sip::Message withSdp(sip::Message message, std::string sdp) {
    message.setBody("application/sdp", std::move(sdp));
    return message;
}

/// A name server's and RFC 3263's work, by a table.
class FakeLocator final : public dns::Locator {
public:
    /// Names that are not in the table do not exist; those with nothing in it never answer.
    std::map<std::string, std::vector<base::IpAddress>, std::less<>> table;
    /// Servers of names that have records; goes before `table`.
    std::map<std::string, std::vector<dns::Service>, std::less<>> services;
    /// Answers come from the loop (answer()) and not at once.
    bool slow = false;

    dns::Query locate(const dns::Wanted& wanted, Callback callback) override {
        auto waiter = std::make_shared<Callback>(std::move(callback));
        waiting_.push_back({wanted, waiter});
        return dns::Query(waiter);
    }
    std::optional<dns::Located> known(const dns::Wanted& wanted) override {
        if (const auto literal = base::IpAddress::parse(wanted.host)) {
            return servers(wanted, {*literal});
        }
        return slow || isDead(wanted.host) ? std::nullopt : std::optional(lookUp(wanted));
    }

    /// Answers what has been asked and is still wanted.
    void answer() {
        auto waiting = std::exchange(waiting_, {});
        for (auto& question : waiting) {
            if (isDead(question.wanted.host)) {
                waiting_.push_back(question);
            } else if (const auto waiter = question.waiter.lock()) {
                (*waiter)(lookUp(question.wanted));
            }
        }
    }
    [[nodiscard]] std::size_t wanted() const {
        return static_cast<std::size_t>(std::count_if(
            waiting_.begin(), waiting_.end(), [](const auto& q) { return !q.waiter.expired(); }));
    }

private:
    struct Question {
        dns::Wanted wanted;
        std::weak_ptr<Callback> waiter;
    };
    [[nodiscard]] bool isDead(std::string_view host) const {
        const auto found = table.find(host);
        return found != table.end() && found->second.empty();
    }
    [[nodiscard]] dns::Located lookUp(const dns::Wanted& wanted) const {
        if (const auto listed = services.find(wanted.host); listed != services.end()) {
            return listed->second;
        }
        const auto found = table.find(wanted.host);
        return found == table.end() ? dns::Located(base::fail("no such host"))
                                    : servers(wanted, found->second);
    }
    [[nodiscard]] static dns::Located servers(const dns::Wanted& wanted,
                                              const std::vector<base::IpAddress>& ips) {
        std::vector<dns::Service> out;
        const auto add = [&](base::Protocol protocol) {
            const bool tls = protocol == base::Protocol::Tls;
            const std::uint16_t usual = tls ? 5061 : 5060;
            const auto port = wanted.port != 0 ? wanted.port : usual;
            for (const auto& ip : ips) {
                out.push_back({protocol, {ip, port}, wanted.host});
            }
        };
        const bool choice = !wanted.secure && !wanted.transport && wanted.protocols.size() > 1;
        if (choice && wanted.large) {
            add(base::Protocol::Tcp);
        }
        add(wanted.secure ? base::Protocol::Tls : wanted.transport.value_or(base::Protocol::Udp));
        return out;
    }
    std::vector<Question> waiting_;
};

/// Connections that are always there: each peer has one.
class FakeConnections final : public transport::Connections {
public:
    base::Result<base::Flow> open(const base::Flow& flow, std::string_view name) override {
        if (refused.contains(flow.remote)) {
            return base::fail("connection refused");
        }
        opened.emplace_back(flow, std::string(name));
        auto used = flow;
        used.local.port = 40000;
        used.connection = number(flow.remote);
        return used;
    }
    bool alias(std::uint64_t connection, std::uint16_t port) override {
        aliases.emplace_back(connection, port);
        return true;
    }
    void keep(std::uint64_t connection) override { kept.insert(connection); }
    void close(std::uint64_t connection) override { closed.insert(connection); }
    void drop(const Selection& unwanted) override {
        for (const auto& [number, arrived] : arrived_) {
            if (unwanted(arrived.first, arrived.second)) {
                closed.insert(number);
            }
        }
    }
    bool isOpen(std::uint64_t connection) const override { return !closed.contains(connection); }

    /// Something has come by a connection that the peer has opened.
    void arrive(const base::Flow& flow, unsigned interfaceIndex) {
        arrived_.insert_or_assign(flow.connection, std::pair(flow, interfaceIndex));
    }

    /// The number of the connection to a peer.
    std::uint64_t number(const base::SocketAddress& peer) {
        return numbers_.try_emplace(peer, numbers_.size() + 1).first->second;
    }

    std::set<base::SocketAddress> refused;
    std::vector<std::pair<base::Flow, std::string>> opened;
    std::vector<std::pair<std::uint64_t, std::uint16_t>> aliases;
    std::set<std::uint64_t> kept;
    std::set<std::uint64_t> closed;

private:
    std::map<base::SocketAddress, std::uint64_t> numbers_;
    std::map<std::uint64_t, std::pair<base::Flow, unsigned>> arrived_;
};

struct HouseOptions {
    bool media = false;  ///< with a real relay, on loopback addresses
    bool single = false;
    proxy::Options proxy;
    access::Policy policy;
    std::uint16_t portLow = 41000;
    std::uint16_t portHigh = 41019;
};

class House {
public:
    explicit House(HouseOptions options = {}) {
        locator.table["example.org"] = {kProvider.ip};
        locator.table["example.net"] = {kProvider.ip};
        locator.table["other.example"] = {kProvider2.ip};
        if (options.media) {
            media::RelaySettings settings;
            settings.portLow = options.portLow;
            settings.portHigh = options.portHigh;
            auto made = media::Relay::create(settings, loop, random);
            REQUIRE(made);
            relay = std::move(*made);
        }
        const auto network = *base::Network::parse("10.0.0.0/24");
        inside = {proxy::Side::Inside, ip("10.0.0.1"), network, 1, "", {}};
        if (options.media) {
            inside.ip = ip("127.0.0.1");  // the relay has to bind it
        }
        inside.announced = inside.ip;
        inside.host = inside.ip.toString();
        outside = {proxy::Side::Outside, ip(kPublic), {}, 2, std::string(kPublic), ip(kPublic)};
        if (options.media) {
            outside.ip = ip("127.0.0.2");
        }
        if (options.single) {
            outside.ip = inside.ip;
            outside.subnet = network;
            outside.interfaceIndex = inside.interfaceIndex;
        }
        addresses.add(inside);
        addresses.add(outside);
        proxy = std::make_unique<proxy::Proxy>(
            proxy::Parts{loop, random, sender_, &connections, locator, dead, locations, aliases,
                         relay.get(), chain},
            options.proxy, addresses, std::move(options.policy));
    }

    /// The interfaces have changed: `inside`, `outside` and the port hold from now on.
    void readdress(std::uint16_t port = 5060) {
        addresses = {};
        addresses.port = port;
        addresses.add(inside);
        addresses.add(outside);
        proxy->setAddresses(addresses);
    }

    // --- what comes

    void receive(std::string_view text, const base::SocketAddress& remote, proxy::Side side,
                 base::Protocol protocol = base::Protocol::Udp) {
        transport::Received received;
        received.bytes = text;
        received.flow = *addresses.flowTo(side, remote, protocol);
        received.interfaceIndex = addresses.first(side)->interfaceIndex;
        if (base::isReliable(protocol)) {
            received.flow.connection = connections.number(remote);
            connections.arrive(received.flow, received.interfaceIndex);
        }
        received.time = loop.now();
        proxy->onReceived(received);
    }
    void fromInside(const Draft& draft, const base::SocketAddress& phone = kPhone) {
        receive(draft.text(), phone, proxy::Side::Inside);
    }
    void fromInside(const sip::Message& message, const base::SocketAddress& phone = kPhone) {
        receive(message.serialize(), phone, proxy::Side::Inside);
    }
    void fromOutside(const Draft& draft, const base::SocketAddress& peer = kProvider) {
        receive(draft.text(), peer, proxy::Side::Outside);
    }
    void fromOutside(const sip::Message& message, const base::SocketAddress& peer = kProvider) {
        receive(message.serialize(), peer, proxy::Side::Outside);
    }

    // --- what goes

    /// All that has been sent since the last look, but 100 Trying.
    std::vector<Sent> take() {
        loop.runPosted();
        std::vector<Sent> out;
        for (auto& sent : std::exchange(sender_.sent, {})) {
            auto message = sip::Message::parse(sent.first);
            REQUIRE(message);
            if (message->status() != 100) {
                out.push_back({std::move(sent.first), sent.second, std::move(*message)});
            }
        }
        return out;
    }
    /// The one message that has been sent.
    Sent takeOne() {
        auto all = take();
        INFO("sent: " << texts(all));
        REQUIRE(all.size() == 1);
        return std::move(all.front());
    }
    /// The one message that has been sent to the inside; what went outside is forgotten.
    Sent takeInside() { return takeTowards(proxy::Side::Inside); }
    Sent takeOutside() { return takeTowards(proxy::Side::Outside); }
    /// What has been sent, unparsed and with 100 Trying.
    std::vector<std::pair<std::string, base::Flow>> takeRaw() {
        loop.runPosted();
        return std::exchange(sender_.sent, {});
    }

    // --- what tests need again and again

    /// Registers a phone; the Contact that the provider knows.
    sip::Uri enrol(const Draft& draft = registration(),
                   const base::SocketAddress& phone = kPhone,
                   const base::SocketAddress& provider = kProvider) {
        fromInside(draft, phone);
        const auto request = takeOne();
        auto answer = answerTo(request, 200);
        answer.setContacts(request.message.contacts());
        fromOutside(answer, provider);
        const auto response = takeOne();
        REQUIRE(response.message.status() == 200);
        return request.contact();
    }

    /// Lets all that lingers go. True when nothing is left: no call, no request, no media, no timer.
    bool isQuiet() {
        loop.advance(400s);
        proxy->tick();
        locator.answer();
        loop.runPosted();
        take();
        // Media threads close sockets in their own time.
        const auto patience = std::chrono::steady_clock::now() + 10s;
        while (relay && relay->totals().freePairs < relay->totals().pairs &&
               std::chrono::steady_clock::now() < patience) {
            std::this_thread::yield();
        }
        loop.advance(20s);
        const std::size_t calls = proxy->callCount();
        const std::size_t requests = proxy->pendingCount();
        UNSCOPED_INFO("calls " << calls << ", requests " << requests << ", timers "
                               << loop.pendingTimers());
        return calls == 0 && requests == 0 && loop.pendingTimers() == 0 && streams() == 0;
    }
    [[nodiscard]] std::size_t streams() { return relay ? relay->totals().streams : 0; }

    FakeLoop loop;
    FakeRandom random;
    FakeLocator locator;
    FakeConnections connections;
    dns::DeadServers dead{loop};
    registrar::LocationTable locations{loop, random};
    registrar::ContactAliases aliases{loop, random};
    plugin::Chain chain{loop};
    std::unique_ptr<media::Relay> relay;
    proxy::Endpoint inside;
    proxy::Endpoint outside;
    proxy::Addresses addresses;
    std::unique_ptr<proxy::Proxy> proxy;

    /// Nothing can be sent any more.
    void breakNetwork() { sender_.broken = true; }
    /// Nothing can be sent to that peer.
    void cutOff(const base::SocketAddress& peer) { sender_.unreachable.insert(peer); }

private:
    struct Recorder final : transaction::Sender {
        base::Result<void> send(std::string_view bytes, const base::Flow& to) override {
            if (broken || unreachable.contains(to.remote)) {
                return base::fail("network unreachable");
            }
            sent.emplace_back(bytes, to);
            return {};
        }
        std::vector<std::pair<std::string, base::Flow>> sent;
        bool broken = false;
        std::set<base::SocketAddress> unreachable;
    };

    Sent takeTowards(proxy::Side side) {
        auto all = take();
        INFO("sent: " << texts(all));
        std::erase_if(all, [&](const Sent& sent) {
            return addresses.isInside(sent.flow.remote.ip) != (side == proxy::Side::Inside);
        });
        REQUIRE(all.size() == 1);
        return std::move(all.front());
    }
    static std::string texts(const std::vector<Sent>& all) {
        std::string out;
        for (const auto& sent : all) {
            out += "--- " + sent.flow.toString() + "\n" + sent.bytes;
        }
        return out;
    }

    Recorder sender_;
};

/// Whether a message says nothing of the inside.
inline bool showsNothingInside(const Sent& sent) {
    for (const std::string_view part : {"10.0.0.", "127.0.0."}) {
        if (sent.has(part)) {
            UNSCOPED_INFO("shows " << part << ":\n" << sent.bytes);
            return false;
        }
    }
    return true;
}

/// A call from alice to bob, answered; `invite` is what the provider got.
struct OutgoingCall {
    explicit OutgoingCall(House& theHouse, const std::string& phoneSdp = "",
                          const std::string& peerSdp = "")
        : house(theHouse), invite(start(theHouse, phoneSdp)) {
        auto ok = answerTo(invite, 200);
        ok.addHeader("Contact", "<sip:bob@198.51.100.7:5070>");
        if (!peerSdp.empty()) {
            ok.setBody("application/sdp", peerSdp);
        }
        house.fromOutside(ok);
        answer = std::make_unique<Sent>(house.takeInside());
        house.fromInside(within("ACK", 1));
        ack = std::make_unique<Sent>(house.takeOutside());
    }
    /// A request of alice in this dialog.
    [[nodiscard]] Draft within(const std::string& method, int cseq) const {
        return within(house, method, cseq);
    }
    [[nodiscard]] static Draft within(const House& house, const std::string& method, int cseq) {
        return fromAlice(method, "sip:bob@198.51.100.7:5070", cseq)
            .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-in-" + method +
                            std::to_string(cseq))
            .set("To", "<sip:bob@example.net>;tag=t1")
            .set("Route", "<sip:siproxd@" + house.inside.host + ":5060;lr>");
    }
    /// A request of bob in this dialog.
    [[nodiscard]] Draft back(const std::string& method, int cseq) const {
        return forAlice(method, invite.contact().toString(), cseq)
            .set("From", "<sip:bob@example.net>;tag=t1")
            .set("To", "<sip:alice@example.org>;tag=a1")
            .set("Call-ID", "out1");
    }

    House& house;
    Sent invite;
    std::unique_ptr<Sent> answer;
    std::unique_ptr<Sent> ack;

private:
    static Sent start(House& house, const std::string& sdp) {
        auto draft = fromAlice("INVITE", "sip:bob@example.net");
        if (!sdp.empty()) {
            draft.sdp(sdp);
        }
        house.fromInside(draft);
        return house.takeOutside();
    }
};

}  // namespace siproxd::test
