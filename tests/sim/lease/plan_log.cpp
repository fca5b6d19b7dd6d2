#include "tests/sim/lease/plan_log.hpp"

namespace trivet::sim {

PlanLog::PlanLog(std::vector<NodeId> voters) {
    auto first = std::make_shared<State>();
    first->index = LogIndex(1);
    first->configuration = LogIndex(1);
    first->voters = std::move(voters);
    states_.push_back(std::move(first));
}

void PlanLog::change_voters(std::vector<NodeId> voters) {
    append([&](State& state) {
        state.configuration_before = state.configuration;
        state.configuration = state.index;
        state.voters = std::move(voters);
    });
}

}  // namespace trivet::sim
