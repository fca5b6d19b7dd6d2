#pragma once
#include <cstdint>

namespace trivet {

/// How full a pool is, in addresses; 2^64-1 stands for "that many or more".
struct PoolUse {
    std::uint64_t total = 0;  // that may be given out at all
    std::uint64_t assigned = 0;
    std::uint64_t cooling = 0;  // released, not yet given out again
};

}  // namespace trivet
