#pragma once
#include <cstdint>

namespace trivet::store {

/// From the kernel's generator; never 0, which means "nobody" in a raft id.
std::uint64_t random_id();

}  // namespace trivet::store
