#include <algorithm>

#include "tests/sim/cluster.hpp"

namespace trivet::sim {

using std::chrono::milliseconds;

void Cluster::plan_fault() {
    world_.in(world_.random().between(Duration{}, 2 * profile_.fault_every), [this] {
        if (is_healed_) return;
        fault();
        plan_fault();
    });
}

void Cluster::fault() {
    Random& random = world_.random();
    const Duration lasts = random.between(milliseconds{20}, milliseconds{900});
    if (random.chance(profile_.crash)) crash_one();
    if (random.chance(profile_.partition)) {
        partition();
        world_.in(lasts, [this] { cut_.clear(); });
    }
    if (random.chance(profile_.one_way)) {
        cut_one_way();
        world_.in(lasts, [this] { cut_.clear(); });
    }
    Node& victim = *nodes_[random.below(nodes_.size())];
    if (random.chance(profile_.pause) && victim.is_up()) victim.pause(lasts);
    if (random.chance(profile_.clock_jump) && victim.is_up())
        victim.jump_clock(random.between(Duration{}, milliseconds{600}));
    if (random.chance(profile_.lose_disk)) lose_a_disk();
}

void Cluster::crash_one() {
    Random& random = world_.random();
    std::size_t number = random.below(nodes_.size());
    // The leader is the one whose crash matters most.
    Node* now_leading = leader();
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (nodes_[i].get() == now_leading && random.chance(0.4)) number = i;
    if (!nodes_[number]->is_up()) return;
    nodes_[number]->crash();
    ++counts_.crashes;
    world_.in(random.between(milliseconds{1}, milliseconds{800}), [this, number] {
        if (!nodes_[number]->is_up()) restart(number);
    });
}

void Cluster::restart(std::size_t number) {
    nodes_[number]->start();
    ++counts_.restarts;
}

/// No configuration that anybody may follow loses the majority of its voters for ever.
bool Cluster::may_lose(raft::RaftId id) const {
    const auto survives = [&](const raft::Configuration& configuration) {
        std::size_t left = 0;
        for (const auto& [member, role] : configuration.members)
            left += configuration.votes(member) && member != id && !lost_.contains(member) ? 1 : 0;
        return configuration.voters() == 0 || left >= configuration.majority();
    };
    return std::ranges::all_of(nodes_, [&](const auto& node) {
        const raft::Log log(node->disk().base, node->disk().entries);
        bool is_fine = survives(log.configuration()) && survives(log.base().configuration);
        if (node->is_up()) is_fine = is_fine && survives(node->raft()->configuration());
        return is_fine;
    });
}

void Cluster::lose_a_disk() {
    const std::size_t number = world_.random().below(nodes_.size());
    Node& node = *nodes_[number];
    const raft::RaftId id = node.id();
    if (!node.is_up() || !may_lose(id)) return;
    lost_.insert(id);
    const raft::RaftId next = fresh_id();
    node.lose_disk(next);
    places_[next] = number;
    ++counts_.crashes;
    world_.in(world_.random().between(milliseconds{1}, milliseconds{300}), [this, number] {
        if (!nodes_[number]->is_up()) restart(number);
    });
}

void Cluster::plan_admin() {
    world_.in(world_.random().between(Duration{}, 2 * profile_.admin_every), [this] {
        if (is_healed_) return;
        administer();
        plan_admin();
    });
}

void Cluster::administer() {
    Node* node = leader();
    if (node == nullptr) return;
    if (world_.random().chance(0.8)) return change_members(*node);
    const auto& members = node->raft()->configuration().members;
    const auto member = std::next(
        members.begin(), static_cast<std::ptrdiff_t>(world_.random().below(members.size())));
    static_cast<void>(node->transfer(member->first));  // refusals are part of the game
}

void Cluster::change_members(Node& leader) {
    Random& random = world_.random();
    const raft::Configuration& configuration = leader.raft()->configuration();
    std::vector<raft::RaftId> voters, learners;
    for (const auto& [id, member] : configuration.members) {
        if (lost_.contains(id)) return static_cast<void>(leader.change(raft::Remove{id}));
        (member.role == raft::MemberRole::voter ? voters : learners).push_back(id);
    }
    const auto pick = [&](const std::vector<raft::RaftId>& ids) {
        return ids[random.below(ids.size())];
    };
    const bool is_small = voters.size() < profile_.voters;
    if (!learners.empty() && random.chance(is_small ? 0.8 : 0.4))
        return static_cast<void>(leader.change(raft::Promote{pick(learners)}));
    if (!learners.empty() && random.chance(0.2))
        return static_cast<void>(leader.change(raft::Remove{pick(learners)}));
    if (is_small || random.chance(0.5)) return add_spare(leader);
    if (voters.empty()) return;
    if (random.chance(0.5))
        static_cast<void>(leader.change(raft::Demote{pick(voters)}));
    else
        static_cast<void>(leader.change(raft::Remove{pick(voters)}));
}

/// Some node that is no member. One that was removed keeps its log, its id and its memories.
void Cluster::add_spare(Node& leader) {
    const std::size_t first = world_.random().below(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const raft::RaftId id = nodes_[(first + i) % nodes_.size()]->id();
        if (leader.raft()->configuration().members.contains(id)) continue;
        return static_cast<void>(leader.change(raft::AddLearner{id, "spare", ""}));
    }
}

}  // namespace trivet::sim
