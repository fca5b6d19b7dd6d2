#pragma once
#include <string_view>
#include <vector>

namespace trivet::sim {

/// A story that once opened two gates, or left an address without an owner, told step by step.
struct LeaseScenario {
    std::string_view name;
    void (*play)();  // throws Violation
};

const std::vector<LeaseScenario>& lease_scenarios();

}  // namespace trivet::sim
