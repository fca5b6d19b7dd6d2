#pragma once
#include <string>
#include <vector>

#include "cli/outcome.hpp"
#include "cli/surroundings.hpp"

namespace trivet::cli {

/// One run of lbctl, from its arguments (without the program's name) to its exit code. Errors go to
/// surroundings.err as "error: …", then "  hint".
ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings);

}  // namespace trivet::cli
