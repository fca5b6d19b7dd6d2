#pragma once
#include "tests/support/history.hpp"

namespace trivet::test {

/// Tries every permutation of the operations on one key that no clock contradicts, with and without
/// each of unknown outcome, and every choice of a server. Shares nothing with the checker that it
/// checks; for a handful of operations.
bool is_linearizable_by_brute_force(const History& history);

}  // namespace trivet::test
