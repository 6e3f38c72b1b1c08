// SPDX-License-Identifier: GPL-2.0-or-later
#include "demand.h"
#include "registrar/registration_file.h"

using namespace siproxd;
using fuzz::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto first = registrar::decode(fuzz::text(data, size));
    demand(first.warnings.size() <= 21, "warnings have an end");
    for (const auto& binding : first.bindings) {
        demand(binding.confirmed, "what is written down is confirmed");
    }
    const auto second = registrar::decode(registrar::encode(first.bindings));
    demand(!second.suspicious && second.warnings.empty(), "our own file is in order");
    demand(second.bindings.size() <= first.bindings.size(), "nothing is made up");
    const auto third = registrar::decode(registrar::encode(second.bindings));
    demand(third.bindings == second.bindings, "bindings stay what they are");
    return 0;
}
