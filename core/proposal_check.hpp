#pragma once
#include <cstddef>
#include <fmt/format.h>

#include "core/result.hpp"

namespace trivet {

/// How much an engine behind ReplicatedLog takes at once.
struct ProposalLimits {
    std::size_t payload_bytes_max;
    std::size_t waiting_max;
};

/// What every engine refuses alike. Errors: too_large; unavailable, too many wait.
inline Result<void> check_proposal(std::size_t payload_bytes, std::size_t waiting,
                                   ProposalLimits limits) {
    if (payload_bytes > limits.payload_bytes_max)
        return fail(ErrorCode::too_large,
                    fmt::format("the change has {} bytes; at most {} are taken at once: split it",
                                payload_bytes, limits.payload_bytes_max));
    if (waiting >= limits.waiting_max)
        return fail(ErrorCode::unavailable,
                    fmt::format("{} changes wait for the disk already; try again shortly",
                                limits.waiting_max));
    return {};
}

}  // namespace trivet
