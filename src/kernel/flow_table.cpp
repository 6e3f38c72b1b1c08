// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/flow_table.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/log.h"
#include "kernel/flow_entry.h"
#include "kernel/relay_object.h"

namespace siproxd::kernel {

namespace {

static_assert(kWindowShift == SIPROXD_WINDOW_SHIFT);
// As clang lays it out for BPF, on machines of 32 bits, too.
static_assert(sizeof(siproxd_flow) == 208);

using Words = std::array<std::uint32_t, sizeof(siproxd_reception) / sizeof(std::uint32_t)>;

struct ObjectClose {
    void operator()(bpf_object* object) const { ::bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectClose>;

/// What the program has for its `const volatile`s, in their order.
struct Constants {
    std::uint16_t firstPort;
    std::uint32_t pairs;
};

int toLog(libbpf_print_level level, const char* format, va_list arguments) {
    const auto kind = level == LIBBPF_WARN ? log::Class::Rtp : log::Class::RtpBabble;
    char line[256];
    const int length = std::vsnprintf(line, sizeof line, format, arguments);
    if (length > 0) {
        auto text = std::string_view(line, std::min<std::size_t>(static_cast<std::size_t>(length),
                                                                 sizeof line - 1));
        while (text.ends_with('\n')) {
            text.remove_suffix(1);
        }
        log::debug(kind, "kernel relay: {}", text);
    }
    return 0;
}

std::unexpected<base::Error> refused(const char* what, int number) {
    return base::fail(std::string(what) + ": " + std::strerror(number));
}

/// A counter that grows meanwhile. Where it takes two reads, both have to find the same twice.
std::uint64_t read(const volatile __u64& counter) {
    std::uint64_t value = counter;
    if constexpr (sizeof(void*) < sizeof value) {
        for (std::uint64_t again = counter; again != value; again = counter) {
            value = again;
        }
    }
    return value;
}

void write(std::uint32_t (&words)[4], const base::IpAddress& ip) {
    std::fill(std::begin(words), std::end(words), 0);
    std::memcpy(words, ip.bytes().data(), ip.isV6() ? 16 : 4);
}

}  // namespace

class FlowTable::Impl {
public:
    Impl(Object object, std::span<siproxd_flow> entries, std::uint16_t first)
        : object_(std::move(object)), entries_(entries), first_(first) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { ::munmap(entries_.data(), entries_.size_bytes()); }

    [[nodiscard]] int program(const char* name) const {
        return ::bpf_program__fd(::bpf_object__find_program_by_name(object_.get(), name));
    }

    [[nodiscard]] siproxd_flow& entry(Side side, std::uint16_t port) const {
        const auto pair = static_cast<std::size_t>(port - first_) / 2;
        return entries_[pair + (side == Side::B ? entries_.size() / 2 : 0)];
    }

private:
    Object object_;
    std::span<siproxd_flow> entries_;
    const std::uint16_t first_;
};

base::Result<std::unique_ptr<FlowTable>> FlowTable::load(std::uint16_t first, std::uint16_t last) {
    ::libbpf_set_print(toLog);
    const auto bytes = relayObject();
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    options.object_name = "siproxd";
    Object object(::bpf_object__open_mem(bytes.data(), bytes.size(), &options));
    if (object == nullptr) {
        return refused("its program cannot be read", errno);
    }
    const auto pairs = (static_cast<std::uint32_t>(last) - first + 1) / 2;
    auto* map = ::bpf_object__find_map_by_name(object.get(), "siproxd_flows");
    auto* constants = ::bpf_object__find_map_by_name(object.get(), ".rodata");
    const Constants values{first, pairs};
    if (map == nullptr || constants == nullptr ||
        ::bpf_map__set_max_entries(map, 2 * pairs) != 0 ||
        ::bpf_map__set_initial_value(constants, &values, sizeof values) != 0) {
        return base::fail("its program is not the one that belongs to this siproxd");
    }
    if (const int status = ::bpf_object__load(object.get()); status != 0) {
        return refused("the kernel does not take its program", -status);
    }
    const auto size = std::size_t{2} * pairs * sizeof(siproxd_flow);
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ::bpf_map__fd(map), 0);
    if (memory == MAP_FAILED) {
        return refused("its table cannot be shared", errno);
    }
    return std::unique_ptr<FlowTable>(new FlowTable(std::make_unique<Impl>(
        std::move(object), std::span(static_cast<siproxd_flow*>(memory), std::size_t{2} * pairs),
        first)));
}

FlowTable::FlowTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FlowTable::~FlowTable() = default;

int FlowTable::ethernetProgram() const {
    return impl_->program("siproxd_ethernet");
}

int FlowTable::l3Program() const {
    return impl_->program("siproxd_l3");
}

void FlowTable::put(Side side, const Flow& flow, const siproxd_reception& reception) {
    auto& entry = impl_->entry(side, flow.local.port);
    entry.out_interface = flow.outInterface;
    entry.max_length = flow.outMtu;
    entry.packets_a_window = packetsAWindow(flow.packetsPerSecond);
    entry.family = flow.local.ip.isV6() ? AF_INET6 : AF_INET;
    entry.tos = flow.tos;
    entry.ttl = flow.ttl;
    entry.source_port = htons(flow.source.port);
    entry.new_source_port = htons(flow.newSource.port);
    entry.destination_port = htons(flow.destination.port);
    write(entry.source, flow.source.ip);
    write(entry.local, flow.local.ip);
    write(entry.new_source, flow.newSource.ip);
    write(entry.destination, flow.destination.ip);
    std::fill(std::begin(entry.clocks), std::end(entry.clocks), SIPROXD_CLOCK_EMPTY);
    entry.reception = reception;
    // The program looks at the state first.
    std::atomic_ref(entry.state).store(SIPROXD_FLOW_FORWARDS, std::memory_order_release);
}

void FlowTable::learn(Side side, std::uint16_t port, std::uint32_t clock) {
    auto& place = impl_->entry(side, port).clocks[(clock >> SIPROXD_TYPE_SHIFT) % SIPROXD_CLOCKS];
    std::atomic_ref(place).store(clock, std::memory_order_relaxed);
}

void FlowTable::take(Side side, std::uint16_t port) {
    std::atomic_ref(impl_->entry(side, port).state)
        .store(SIPROXD_FLOW_EMPTY, std::memory_order_release);
}

FlowFigures FlowTable::figures(Side side, std::uint16_t port) const {
    const auto& entry = impl_->entry(side, port);
    FlowFigures figures;
    figures.packets = read(entry.packets);
    figures.bytes = read(entry.bytes);
    figures.floods = read(entry.floods);
    figures.heard = base::TimePoint(std::chrono::nanoseconds(read(entry.heard_ns)));
    return figures;
}

siproxd_reception FlowTable::reception(Side side, std::uint16_t port) const {
    const auto* from = reinterpret_cast<const volatile std::uint32_t*>(&impl_->entry(side, port).reception);
    Words words;
    std::copy_n(from, words.size(), words.begin());
    return std::bit_cast<siproxd_reception>(words);
}

void FlowTable::setReception(Side side, std::uint16_t port, const siproxd_reception& reception) {
    auto* to = reinterpret_cast<volatile std::uint32_t*>(&impl_->entry(side, port).reception);
    std::ranges::copy(std::bit_cast<Words>(reception), to);
}

}  // namespace siproxd::kernel
