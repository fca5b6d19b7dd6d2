#pragma once
#include <chrono>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace trivet::cli {

/// The world of one lbctl run: main() gives the process's own, tests give theirs.
struct Surroundings {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    std::function<std::optional<std::string>(const std::string& name)> environment;
    /// Waits between two looks of --watch and --wait; false ends a --watch.
    std::function<bool(std::chrono::milliseconds)> pause;
    bool colour = false;  // standard output is a terminal (NO_COLOR is looked at elsewhere)
};

}  // namespace trivet::cli
