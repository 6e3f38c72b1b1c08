// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace siproxd::media {

/// The two sides of a stream. Which is inside and which outside is the caller's affair.
enum class Leg : std::uint8_t { A, B };

[[nodiscard]] constexpr Leg other(Leg leg) {
    return leg == Leg::A ? Leg::B : Leg::A;
}

/// One value for each leg.
template <class T>
class PerLeg {
public:
    /// Only where T has a default constructor. (Not a constraint: that would be looked at where a
    /// nested T is not complete yet.)
    PerLeg() : values_{} {}
    PerLeg(T a, T b) : values_{std::move(a), std::move(b)} {}

    [[nodiscard]] T& operator[](Leg leg) { return values_[static_cast<std::size_t>(leg)]; }
    [[nodiscard]] const T& operator[](Leg leg) const {
        return values_[static_cast<std::size_t>(leg)];
    }
    [[nodiscard]] auto begin() { return values_.begin(); }
    [[nodiscard]] auto end() { return values_.end(); }
    [[nodiscard]] auto begin() const { return values_.begin(); }
    [[nodiscard]] auto end() const { return values_.end(); }

    friend bool operator==(const PerLeg&, const PerLeg&) = default;

private:
    std::array<T, 2> values_;
};

}  // namespace siproxd::media
