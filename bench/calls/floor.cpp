// SPDX-License-Identifier: GPL-2.0-or-later

/// The floor: what libosip2 alone needs to parse and print the seven messages of a call. A proxy
/// that did nothing else, on sockets that cost nothing, could not do with less.
///
/// `--rate` 0: as fast as it can. Else so many calls a second, message by message at even
/// distances: a proxy has to work like this, out of caches that have forgotten the code since the
/// last message.

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>

#include <chrono>
#include <thread>

#include "../rtp/program.h"
#include "messages.h"

using namespace callbench;

namespace {

/// INVITE, 100, 180, 200, ACK, BYE, 200 as the provider gets and sends them.
std::vector<std::string> callMessages() {
    const Party caller{"u0", "198.18.1.2"};
    const Party callee{"bob", "198.18.2.2"};
    std::vector<std::string> texts;
    texts.push_back(inviteRequest(caller, "sip:bob@198.18.2.2", callee.host, {"1-4711", 1}, 20000));
    const Arrived invite(texts[0]);
    const std::string trying = response(invite, callee, "100 Trying");
    const std::string ringing = response(invite, callee, "180 Ringing");
    const std::string ok = response(invite, callee, "200 OK", sessionDescription(callee, 20000));
    const std::string ack = requestInDialog("ACK", caller, Arrived(ok), 1);
    const std::string bye = requestInDialog("BYE", caller, Arrived(ok), 2);
    const std::string over = response(Arrived(bye), callee, "200 OK");
    texts.insert(texts.end(), {trying, ringing, ok, ack, bye, over});
    return texts;
}

void parseAndPrint(const std::string& text) {
    osip_message_t* message = nullptr;
    char* printed = nullptr;
    std::size_t length = 0;
    if (osip_message_init(&message) != 0 ||
        osip_message_parse(message, text.data(), text.size()) != 0) {
        std::fprintf(stderr, "libosip2 cannot parse\n%s", text.c_str());
        std::exit(1);
    }
    // Without this the text that was parsed is what is printed.
    osip_message_force_update(message);
    if (osip_message_to_str(message, &printed, &length) != 0 || length < text.size() / 2) {
        std::fprintf(stderr, "libosip2 cannot print\n%s", text.c_str());
        std::exit(1);
    }
    osip_free(printed);
    osip_message_free(message);
}

void work(const std::vector<std::string>& texts, unsigned calls, unsigned rate) {
    const auto start = std::chrono::steady_clock::now();
    const auto distance = rate == 0 ? 0 : 1'000'000'000 / (std::int64_t{rate} * 7);
    std::int64_t done = 0;
    for (unsigned i = 0; i < calls; ++i) {
        for (const auto& text : texts) {
            if (rate != 0) {
                std::this_thread::sleep_until(start + std::chrono::nanoseconds(distance * done++));
            }
            parseAndPrint(text);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const rtpbench::Arguments arguments(argc, argv);
    const unsigned calls = arguments.number("--calls");
    rtpbench::prepareProcess(arguments.number("--cpu"));
    parser_init();
    const auto texts = callMessages();
    work(texts, 100, 0);
    const double before = rtpbench::cpuMicroseconds();
    work(texts, calls, arguments.number("--rate"));
    std::printf("ms_per_call=%.5f\n", (rtpbench::cpuMicroseconds() - before) / 1000 / calls);
}
