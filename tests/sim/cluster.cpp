#include "tests/sim/cluster.hpp"

#include <fmt/format.h>

#include "core/raft/configuration_codec.hpp"

namespace trivet::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

Counts& Counts::operator+=(const Counts& other) {
    elections += other.elections;
    commits += other.commits;
    crashes += other.crashes;
    restarts += other.restarts;
    snapshots += other.snapshots;
    membership_changes += other.membership_changes;
    calls += other.calls;
    digest += other.digest;  // a sum: the order of the seeds does not matter
    return *this;
}

Cluster::Cluster(std::uint64_t seed, std::size_t voters)
    : seed_(seed),
      profile_(Profile::draw(seed, voters)),
      world_(seed),
      checker_([this](raft::RaftId id) -> const DiskContent* {
          const auto place = place_of(id);
          return place ? &nodes_[*place]->disk() : nullptr;
      }) {
    raft::Configuration first;
    for (std::size_t number = 0; number < voters; ++number)
        first.members[fresh_id()] = {raft::MemberRole::voter, fmt::format("n{}", number + 1), ""};
    for (std::size_t number = 0; number < voters + profile_.spares; ++number)
        add_node(number, first);
    for (std::size_t number = 0; number < profile_.clients; ++number) add_client(number);
}

raft::RaftId Cluster::fresh_id() { return raft::RaftId(++next_id_); }

void Cluster::add_node(std::size_t number, const raft::Configuration& first) {
    DiskContent content;
    if (number < first.members.size()) {
        content.id = std::next(first.members.begin(), static_cast<std::ptrdiff_t>(number))->first;
        content.hard_state.term = Term(1);
        content.entries = {{LogIndex(1), Term(1), encode(first), EntryKind::configuration}};
    } else {
        content.id = fresh_id();
    }
    places_[content.id] = number;
    const double drift =
        profile_.clock_drift * (2 * static_cast<double>(world_.random().below(1000)) / 1000 - 1);
    nodes_.push_back(std::make_unique<Node>(
        Node::Surroundings{world_, profile_, checker_,
                           [this](raft::Message message) { send(std::move(message)); },
                           [this] { ++counts_.snapshots; }},
        std::move(content), 1 + drift));
}

void Cluster::add_client(std::size_t number) {
    clients_.push_back(std::make_unique<Client>(
        Client::Surroundings{
            world_, profile_, history_,
            [this](std::size_t node, std::function<void(Node&)> what) { call(node, what); },
            [this](std::function<void()> what) { world_.in(latency(), std::move(what)); },
            [this] { return nodes_.size(); }, [this](raft::RaftId id) { return place_of(id); },
            [this] { return ++tokens_; }},
        fmt::format("c{}", number)));
}

std::optional<std::size_t> Cluster::place_of(raft::RaftId id) const {
    const auto found = places_.find(id);
    if (found == places_.end() || lost_.contains(id)) return std::nullopt;
    return found->second;
}

Node* Cluster::leader() {
    Node* newest = nullptr;
    for (const auto& node : nodes_)
        if (node->is_awake() && node->raft()->is_leader() &&
            (newest == nullptr || node->raft()->term() > newest->raft()->term()))
            newest = node.get();
    return newest;
}

Counts Cluster::run() {
    for (const auto& node : nodes_) node->start();
    for (const auto& client : clients_) client->start();
    plan_fault();
    plan_admin();
    const Instant end = world_.now() + profile_.faults_for;
    while (world_.step(end)) {
    }
    heal();
    demand_progress();
    check_end();
    counts_.elections = checker_.elections();
    counts_.commits = checker_.committed().value();
    counts_.membership_changes = checker_.configurations_committed();
    counts_.calls = history_.answered();
    counts_.digest = digest();
    return counts_;
}

void Cluster::heal() {
    is_healed_ = true;
    cut_.clear();
    profile_.drop = profile_.duplicate = profile_.straggle = profile_.disk_stall = 0;
    for (std::size_t number = 0; number < nodes_.size(); ++number)
        if (!nodes_[number]->is_up()) restart(number);
}

/// Every client gets an answer to a call that it began after the faults had ended; then, with
/// nothing more to do, all members get to the same state.
void Cluster::demand_progress() {
    std::vector<std::uint64_t> calls;
    for (const auto& client : clients_) calls.push_back(client->begun());
    const auto are_answered = [&] {
        for (std::size_t i = 0; i < clients_.size(); ++i)
            if (clients_[i]->finished() <= calls[i]) return false;
        return true;
    };
    run_until(are_answered, seconds{15}, "not all clients got an answer");
    for (const auto& client : clients_) client->stop();
    // A member far behind may be allowed one entry at a time, at the pace of a slow disk.
    run_until([this] { return is_settled(); }, seconds{120}, "not all members caught up");
}

void Cluster::run_until(const std::function<bool()>& done, Duration limit, const char* failure) {
    const Instant end = world_.now() + limit;
    while (!done()) {
        const Instant next = std::min(end, world_.now() + milliseconds{20});
        while (world_.step(next)) {
        }
        if (world_.now() >= end)
            throw Violation{
                fmt::format("{} in time after the faults ended:{}", failure, describe())};
    }
}

std::string Cluster::describe() const {
    std::string text;
    for (const auto& node : nodes_) {
        const raft::Raft& raft = *node->raft();
        text += fmt::format("\n  {}: {} term {}, applied {}, committed {}, last {}, voters",
                            raft.id().value(), raft.is_leader() ? "leader" : "follower",
                            raft.term().value(), raft.applied_index().value(),
                            raft.commit_index().value(), raft.log().last_index().value());
        for (const auto& [id, member] : raft.configuration().members)
            text += fmt::format(" {}{}", id.value(), raft.configuration().votes(id) ? "" : "(l)");
    }
    return text;
}

bool Cluster::is_settled() const {
    const LogIndex committed = checker_.committed();
    const raft::Raft* leader = nullptr;
    for (const auto& node : nodes_)
        if (node->raft()->is_leader() && node->raft()->commit_index() == committed)
            leader = node->raft();
    if (leader == nullptr) return false;
    for (const auto& [id, member] : leader->configuration().members) {
        const auto place = place_of(id);
        if (place && nodes_[*place]->raft()->applied_index() != committed) return false;
    }
    return true;
}

void Cluster::check_end() const {
    const Node* newest = nullptr;
    for (const auto& node : nodes_)
        if (newest == nullptr || node->applied() > newest->applied()) newest = node.get();
    for (const auto& node : nodes_)
        if (node->applied() == newest->applied() &&
            node->machine().rows() != newest->machine().rows())
            throw Violation{fmt::format("{} and {} applied the same and differ", node->id().value(),
                                        newest->id().value())};
    history_.check(newest->machine().lists());
}

std::uint64_t Cluster::digest() const {
    std::uint64_t digest = seed_;
    const auto add = [&](std::uint64_t value) {
        digest = (digest ^ value) * 0x100000001b3;  // FNV-1a
    };
    for (const auto& node : nodes_) {
        add(node->raft()->term().value());
        for (const auto& [key, list] : node->machine().lists())
            for (const std::uint32_t token : list) add(token);
    }
    add(checker_.committed().value());
    add(static_cast<std::uint64_t>(world_.now().time_since_epoch().count()));
    return digest;
}

}  // namespace trivet::sim
