#include "tests/core/raft/cluster.hpp"

#include <algorithm>

namespace trivet::test {

using raft::RaftId;

Cluster::Cluster(const raft::Configuration& configuration, raft::Options options)
    : options_(options) {
    for (const auto& [id, member] : configuration.members) {
        raft::DurableState disk;
        disk.base.configuration = configuration;
        add(id.value(), disk);
    }
}

void Cluster::add(Number id, raft::DurableState disk) {
    ClusterNode& node = nodes_[id];
    node.options = options_;
    node.options.id = RaftId(id);
    node.options.seed = id;
    node.disk = std::move(disk);
    start(id);
}

void Cluster::start(Number id) {
    ClusterNode& node = nodes_.at(id);
    node.raft = std::make_unique<raft::Raft>(node.options, node.disk, now);
}

void Cluster::perform(Number id, raft::Actions actions) {
    ClusterNode& node = nodes_.at(id);
    if (actions.write.id != 0) node.writes.push_back(std::move(actions.write));
    std::ranges::move(actions.messages, std::back_inserter(network));
    if (actions.restore) {
        node.applied.clear();
        const std::string& data = *actions.restore->data;
        for (std::size_t at = 0; at < data.size(); at = data.find('\n', at) + 1)
            node.applied.push_back(data.substr(at, data.find('\n', at) - at));
    }
    for (const LogEntry& entry : actions.apply)
        if (entry.kind == EntryKind::command) node.applied.push_back(entry.payload);
    std::ranges::copy(actions.reads, std::back_inserter(node.reads));
    std::ranges::copy(actions.lost_reads, std::back_inserter(node.lost_reads));
    if (!node.holds_applied) tell_applied(id);
    node.snapshot_wanted = node.snapshot_wanted || actions.snapshot_wanted;
    if (node.snapshot_wanted && !node.holds_snapshots) make_snapshot(id);
    if (!node.holds_writes) write_all(id);
}

void Cluster::make_durable(ClusterNode& node, const raft::Write& write) {
    raft::DurableState& disk = node.disk;
    if (write.hard_state) disk.hard_state = *write.hard_state;
    if (write.snapshot) {
        disk.base = write.snapshot->base;
        disk.entries.clear();
        disk.applied = disk.base.index;
    }
    if (write.truncate_from)
        std::erase_if(disk.entries,
                      [&](const LogEntry& entry) { return entry.index >= *write.truncate_from; });
    std::ranges::copy(write.append, std::back_inserter(disk.entries));
}

void Cluster::write_all(Number id) {
    ClusterNode& node = nodes_.at(id);
    while (!node.writes.empty()) {
        const raft::Write write = std::move(node.writes.front());
        node.writes.pop_front();
        make_durable(node, write);
        perform(id, node.raft->on_written(write.id, now));
    }
}

void Cluster::tell_applied(Number id) {
    ClusterNode& node = nodes_.at(id);
    // A snapshot that is not durable yet was not handed out either.
    const LogIndex index = std::min(node.raft->applied_index(), node.raft->durable_index());
    node.disk.applied = std::max(node.disk.applied, index);
    node.raft->on_applied(index);
}

void Cluster::make_snapshot(Number id) {
    ClusterNode& node = nodes_.at(id);
    node.snapshot_wanted = false;
    std::string data;
    for (const std::string& payload : node.applied) data += payload + "\n";
    const raft::Log& log = node.raft->log();
    const LogIndex index = node.raft->applied_index();
    raft::Snapshot snapshot{{index, *log.term_at(index), log.configuration_at(index)},
                            std::make_shared<const std::string>(std::move(data))};
    perform(id, node.raft->on_snapshot(std::move(snapshot), now));
}

void Cluster::compact(Number id, Number index) {
    ClusterNode& node = nodes_.at(id);
    node.raft->compact(LogIndex(index));
    node.disk.base = node.raft->log().base();
    std::erase_if(node.disk.entries,
                  [&](const LogEntry& entry) { return entry.index <= node.disk.base.index; });
}

void Cluster::crash(Number id) {
    ClusterNode& node = nodes_.at(id);
    node.writes.clear();
    node.snapshot_wanted = false;
    start(id);
}

bool Cluster::take(const Filter& wanted) {
    const auto found = std::ranges::find_if(network, wanted);
    if (found == network.end()) return false;
    const raft::Message message = std::move(*found);
    network.erase(found);
    const auto to = nodes_.find(message.to.value());
    if (to == nodes_.end() || drops(message)) return true;
    ++delivered;
    perform(to->first, to->second.raft->step(message, now));
    return true;
}

void Cluster::deliver() {
    for (int i = 0; take([](const raft::Message&) { return true; }); ++i) {
        ASSERT_LT(i, 100'000) << "they never fall silent";
    }
}

void Cluster::cut(Number id) {
    drops = [id](const raft::Message& message) {
        return message.from == RaftId(id) || message.to == RaftId(id);
    };
}

void Cluster::heal() {
    drops = [](const raft::Message&) { return false; };
}

void Cluster::beat(Number id, int times) {
    for (int i = 0; i < times; ++i) {
        now += options_.heartbeat;
        timer(id);
        deliver();
    }
}

void Cluster::elect(Number id) {
    now += 2 * options_.election_timeout;
    timer(id);
    deliver();
    ASSERT_TRUE((*this)[id].is_leader()) << id;
}

raft::Proposed Cluster::propose(Number id, std::vector<std::string> payloads) {
    auto proposed = (*this)[id].propose(std::move(payloads), now);
    EXPECT_TRUE(proposed) << proposed.error().message;
    if (!proposed) return {};
    perform(id, std::move(proposed->actions));
    return {proposed->first, proposed->term, {}};
}

Result<raft::Proposed> Cluster::change(Number id, const raft::MembershipChange& change) {
    auto proposed = (*this)[id].change(change, now);
    if (proposed) perform(id, std::move(proposed->actions));
    return proposed;
}

Result<void> Cluster::transfer(Number id, Number to) {
    auto actions = (*this)[id].transfer(RaftId(to), now);
    if (!actions) return fail(actions.error());
    perform(id, std::move(*actions));
    return {};
}

void Cluster::read(Number id, raft::ReadId read) {
    auto actions = (*this)[id].read(read, now);
    ASSERT_TRUE(actions);
    perform(id, std::move(*actions));
}

}  // namespace trivet::test
