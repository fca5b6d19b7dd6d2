#pragma once
#include <string>

namespace trivet::sim {

/// A rule was broken; ends the run of this seed.
struct Violation {
    std::string what;
};

}  // namespace trivet::sim
