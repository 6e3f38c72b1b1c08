// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>

#include "base/unique_fd.h"
#include "event/stream.h"

struct event_base;

namespace siproxd::event {

/// A stream on a libevent bufferevent, for the loop's own use.
[[nodiscard]] std::unique_ptr<Stream> makeLibeventStream(::event_base* base, base::UniqueFd fd,
                                                         Stream::Handler& handler,
                                                         const StreamOptions& options);

}  // namespace siproxd::event
