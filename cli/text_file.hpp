#pragma once
#include <string>
#include <vector>

#include "cli/outcome.hpp"
#include "cli/surroundings.hpp"

namespace trivet::cli {

struct TextFile {
    std::string name;  // as it was given, for messages; "-" is standard input
    std::string text;
};

/// Reads the files of -f. Errors: failure, one cannot be read or is larger than any configuration.
Outcome<std::vector<TextFile>> read_files(const std::vector<std::string>& names,
                                          const Surroundings& surroundings);

}  // namespace trivet::cli
