// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/statistics.h"

namespace siproxd::media {

std::string_view toString(Drop reason) {
    switch (reason) {
        case Drop::None:
            return "relayed";
        case Drop::NotAnnounced:
            return "not announced";
        case Drop::WrongSource:
            return "wrong source";
        case Drop::Probation:
            return "on probation";
        case Drop::Garbage:
            return "garbage";
        case Drop::Flood:
            return "too many";
        case Drop::Truncated:
            return "too long";
        case Drop::NoDestination:
            return "no destination";
        case Drop::Unheard:
            return "destination never heard";
        case Drop::SendFailed:
            return "send failed";
    }
    return "?";
}

}  // namespace siproxd::media
