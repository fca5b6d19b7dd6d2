#pragma once
#include <memory>
#include <vector>

#include "core/lease/profile.hpp"
#include "core/lease_plan.hpp"

namespace trivet::sim {

/// What Raft would hold, seen from the leases: a log whose entries are committed at once, and which
/// every node applies in its own time. Each entry is the whole state after it.
class PlanLog {
public:
    struct State {
        LogIndex index;
        lease::Plan plan;
        LogIndex configuration, configuration_before;
        std::vector<NodeId> voters;
        lease::ProfileId profile = lease::ProfileId::standard;
    };

    explicit PlanLog(std::vector<NodeId> voters);

    const State& newest() const { return *states_.back(); }
    std::shared_ptr<const State> at(LogIndex index) const { return states_[index.value() - 1]; }
    LogIndex last() const { return states_.back()->index; }
    LogIndex next() const { return LogIndex(last().value() + 1); }

    /// Appends what `change` made of the newest state.
    template <class Change>
    void append(Change change) {
        auto state = std::make_shared<State>(newest());
        state->index = next();
        change(*state);
        states_.push_back(std::move(state));
    }
    void change_voters(std::vector<NodeId> voters);

private:
    std::vector<std::shared_ptr<const State>> states_;
};

}  // namespace trivet::sim
