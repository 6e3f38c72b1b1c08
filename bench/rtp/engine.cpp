// SPDX-License-Identifier: GPL-2.0-or-later

/// The media relay of the daemon without the daemon: every stream is a call with both parties
/// announced. With `--kernel 1` the kernel forwards what it can.

#include <net/if.h>

#include <csignal>
#include <memory>
#include <vector>

#include "base/random.h"
#include "event/loop.h"
#include "base/worker.h"
#include "media/kernel_relay.h"
#include "media/relay.h"
#include "program.h"

using namespace rtpbench;
using namespace siproxd;
using media::Leg;

namespace {

base::IpAddress ipArgument(const Arguments& arguments, const char* name) {
    return base::IpAddress::parse(arguments.text(name)).value_or(base::IpAddress());
}

template <class T>
T orDie(base::Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message.c_str());
        std::exit(1);
    }
    return std::move(*result);
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments(argc, argv);
    prepareProcess(arguments.number("--cpu"));
    const auto streams = arguments.number("--streams");
    const auto loop = orDie(event::makeLoop());
    base::SystemRandom random;
    media::RelaySettings settings;
    settings.portLow = 30000;
    settings.portHigh = static_cast<std::uint16_t>(30000 + 2 * streams - 1);
    base::ThreadWorker worker;
    std::unique_ptr<media::KernelRelay> kernel;
    if (arguments.number("--kernel") != 0) {
        kernel = orDie(media::KernelRelay::create(settings.portLow, settings.portHigh, worker));
        const auto watched = kernel->watch({::if_nametoindex(arguments.text("--device-a").c_str()),
                                            ::if_nametoindex(arguments.text("--device-b").c_str())});
        if (!watched) {
            std::fprintf(stderr, "%s\n", watched.error().message.c_str());
            return 1;
        }
        settings.kernel = kernel.get();
    }
    const auto relay = orDie(media::Relay::create(settings, *loop, random));

    std::vector<std::unique_ptr<media::Session>> calls;
    for (unsigned i = 0; i < streams; ++i) {
        auto call = relay->open(std::to_string(i), nullptr);
        const auto ports = orDie(call->openStream(0, ipArgument(arguments, "--local-a"),
                                                  ipArgument(arguments, "--local-b")));
        for (const Leg leg : {Leg::A, Leg::B}) {
            media::Announced announced;
            announced.rtp.ip = ipArgument(arguments, leg == Leg::A ? "--party-a" : "--party-b");
            announced.rtp.port = static_cast<std::uint16_t>(partyPort(i));
            announced.sipSource = announced.rtp.ip;
            if (const auto told = call->setRemote(0, leg, announced); !told) {
                std::fprintf(stderr, "%s\n", told.error().message.c_str());
                return 1;
            }
        }
        std::printf("%u %u\n", ports[Leg::A], ports[Leg::B]);
        calls.push_back(std::move(call));
    }
    std::printf("ready\n");
    std::fflush(stdout);

    const auto stop = loop->onSignal(SIGTERM, [&loop] { loop->stop(); });
    const double before = cpuMicroseconds();
    loop->run();
    const double cpu = cpuMicroseconds() - before;
    std::size_t packets = 0;
    for (const auto& call : calls) {
        const auto report = call->report(0).value();
        packets += report.legs[Leg::A].packets + report.legs[Leg::B].packets;
    }
    std::printf("packets=%zu cpu_us=%.0f\n", packets, cpu);
}
