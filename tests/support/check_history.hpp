#pragma once
#include <iosfwd>
#include <string>
#include <vector>

namespace trivet::test {

/// The program check_history: reads a history from a file and says whether it is linearizable.
/// Returns its exit code: 0 linearizable, 1 violated, 2 bad input or usage, 3 undecided. The
/// explanation of 1 and 3 goes to `out`, that of 2 to `err`.
int check_history(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace trivet::test
