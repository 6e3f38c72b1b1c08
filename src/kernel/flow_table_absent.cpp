// SPDX-License-Identifier: GPL-2.0-or-later
// Stands for flow_table.cpp where there is no libbpf or no clang that compiles for BPF.
#include "kernel/flow_table.h"

namespace siproxd::kernel {

class FlowTable::Impl {};

base::Result<std::unique_ptr<FlowTable>> FlowTable::load(std::uint16_t, std::uint16_t) {
    return base::fail("this siproxd was built without it");
}

FlowTable::FlowTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FlowTable::~FlowTable() = default;

// load() has never made one.
int FlowTable::ethernetProgram() const { return -1; }
int FlowTable::l3Program() const { return -1; }
void FlowTable::put(Side, const Flow&, const siproxd_reception&) {}
void FlowTable::learn(Side, std::uint16_t, std::uint32_t) {}
void FlowTable::take(Side, std::uint16_t) {}
FlowFigures FlowTable::figures(Side, std::uint16_t) const { return {}; }
siproxd_reception FlowTable::reception(Side, std::uint16_t) const { return {}; }
void FlowTable::setReception(Side, std::uint16_t, const siproxd_reception&) {}

}  // namespace siproxd::kernel
