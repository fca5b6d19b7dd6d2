#pragma once
#include <cstdint>

namespace trivet::test {

/// Allocations and frees by threads that have said that they are to be counted.
std::uint64_t counted_allocations();
void count_allocations_here();

}  // namespace trivet::test
