// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/ingress_filter.h"

#include <linux/bpf.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"
#include "network_namespace.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;

namespace {

/// A program for the kernel that lets everything pass; none where that is not allowed.
base::UniqueFd passAll() {
    std::array<bpf_insn, 2> program{};
    program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    program[0].imm = -1;  // TC_ACT_UNSPEC
    program[1].code = BPF_JMP | BPF_EXIT;
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attributes.insns = reinterpret_cast<std::uintptr_t>(program.data());
    attributes.insn_cnt = program.size();
    attributes.license = reinterpret_cast<std::uintptr_t>("GPL");
    return base::UniqueFd(
        static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes)));
}

bool hasDiscipline(const char* interface) {
    return shell(std::string("tc qdisc show dev ") + interface + " clsact | grep -q clsact");
}

}  // namespace

TEST_CASE("Filters are attached beside others, listed and taken away without a trace", "[net]") {
    const Namespace space;
    const auto program = passAll();
    if (!space || !program || !shell("tc -V")) {
        return;
    }
    const auto lan = ::if_nametoindex("lan0");
    auto filters = IngressFilters::open();
    REQUIRE(filters);
    CHECK(filters->list(lan).value().empty());
    CHECK_FALSE(hasDiscipline("lan0"));

    const IngressFilter ours{50, 7070, "siproxd 1"};
    const IngressFilter other{40, 1, "another"};
    REQUIRE(filters->attach(lan, ours, program.get()));
    REQUIRE(filters->attach(lan, other, program.get()));
    CHECK(filters->list(lan).value() == std::vector{other, ours});
    CHECK(hasDiscipline("lan0"));

    // The place is taken.
    CHECK_FALSE(filters->attach(lan, {50, 7070, "siproxd 2"}, program.get()));
    CHECK(filters->list(lan).value() == std::vector{other, ours});

    REQUIRE(filters->remove(lan, ours));
    CHECK(filters->list(lan).value() == std::vector{other});
    CHECK(hasDiscipline("lan0"));
    REQUIRE(filters->remove(lan, ours));
    REQUIRE(filters->remove(lan, other));
    CHECK_FALSE(hasDiscipline("lan0"));
}

TEST_CASE("A discipline that somebody uses on the way out stays", "[net]") {
    const Namespace space;
    const auto program = passAll();
    if (!space || !program || !shell("tc -V")) {
        return;
    }
    const auto tun = ::if_nametoindex("ppp0");
    auto filters = IngressFilters::open();
    REQUIRE(filters);
    const IngressFilter ours{50, 7070, "siproxd 1"};
    REQUIRE(filters->attach(tun, ours, program.get()));
    REQUIRE(shell("tc filter add dev ppp0 egress protocol ip u32 match u32 0 0 classid 1:1"));
    REQUIRE(filters->remove(tun, ours));
    CHECK(hasDiscipline("ppp0"));
    CHECK(filters->list(tun).value().empty());
}

TEST_CASE("There is no filter on an interface that is not there", "[net]") {
    const Namespace space;
    const auto program = passAll();
    if (!space || !program) {
        return;
    }
    auto filters = IngressFilters::open();
    REQUIRE(filters);
    CHECK_FALSE(filters->attach(4711, {50, 7070, "siproxd 1"}, program.get()));
}
