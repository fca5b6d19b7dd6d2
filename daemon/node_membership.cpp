#include <algorithm>
#include <fmt/format.h>

#include "daemon/answer_of.hpp"
#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// The parts of Node that make a cluster and change who belongs to it.
namespace trivet::daemon {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// A sole voter leads as soon as its vote is on the disk.
constexpr auto lead_within = 5s;
constexpr auto look_again = 20ms;
// How long a change of members is tried that has to wait for the one before.
constexpr auto change_within = 5s;
constexpr auto change_again = 100ms;
// Raft gives a transfer up after an election timeout.
constexpr auto transfer_within = 2s;

}  // namespace

bool Node::has_identity() const { return pki_.has_identity(); }

/// Whether this node may begin something: a cluster of its own, or life in another's.
Result<void> Node::check_new() const {
    if (state_.initialised())
        return fail(ErrorCode::conflict, "this node belongs to cluster " + state_.cluster_id() +
                                             " already; nothing was changed");
    if (is_becoming_member_)
        return fail(ErrorCode::conflict, "another init, join or restore is running on this node");
    return {};
}

/// The authority comes first: without the command in the log nothing refers to it, and the next
/// init replaces it.
Result<void> Node::prepare_identity(const std::string& cluster_id) {
    if (auto made = pki_.create_authority(cluster_id, wall_now()); !made) return made;
    if (auto issued = pki_.issue_node_certificate(config_.node, certificate_names(), wall_now());
        !issued)
        return issued;
    return start_transport();
}

asio::awaitable<Result<void>> Node::become_sole_voter() {
    auto start = [this](ReplicatedLog::ReadDone answer) {
        cluster_log_->become_sole_voter(self_as_member(), std::move(answer));
    };
    return answer_of<void>(executor(), std::move(start));
}

/// Waits until this node leads.
asio::awaitable<Result<void>> Node::lead() {
    const Instant deadline = boot_now() + lead_within;
    while (!cluster_log_->raft().is_leader()) {
        if (boot_now() > deadline)
            co_return fail(ErrorCode::timeout, "this node did not become the leader; see its log");
        const Result<void> waited = co_await pause(look_again);
        if (!waited) co_return waited;
    }
    co_return Result<void>{};
}

asio::awaitable<Result<api::InitAnswer>> Node::init() {
    if (auto checked = check_new(); !checked) co_return fail(checked.error());
    const raft::Configuration& members = cluster_log_->raft().configuration();
    // One that broke off half-way may be begun again; one that joined must not.
    if (!members.members.empty() && (members.members.size() > 1 || !cluster_log_->is_member()))
        co_return fail(ErrorCode::conflict,
                       "this node is on its way into another cluster; nothing was changed");
    is_becoming_member_ = true;
    const std::string cluster_id = make_cluster_id();
    const std::string token = make_token();
    Result<void> made = prepare_identity(cluster_id);
    if (made && members.members.empty()) made = co_await become_sole_voter();
    if (made) made = co_await lead();
    Result<std::string> hash = made ? pki_.ca_hash() : Result<std::string>(fail(made.error()));
    Result<LogIndex> done = fail(ErrorCode::internal, "not proposed");
    if (hash) {
        std::vector<Action> actions;
        actions.emplace_back(InitCluster{cluster_id, token_hash(token)});
        actions.emplace_back(self_registration());
        // With its start, so that it owns the first VIP without waiting for keep_registered().
        if (const auto boot = boots_.newest())
            actions.emplace_back(
                RecordBoot{config_.node, raft_id_.value(), boot->number, boot->nonce});
        api::Proposal proposal{std::move(actions)};  // by name: see answer_of.hpp
        done = co_await propose(std::move(proposal));
    }
    is_becoming_member_ = false;
    if (!hash) co_return fail(hash.error());
    if (!done) co_return fail(done.error());
    hooks_.on_certificate();
    keep_registered();
    log_.info("cluster created",
              {{"cluster", cluster_id}, {"node", config_.node}, {"api", api_address_}});
    co_return api::InitAnswer{
        .node = config_.node, .api = api_address_, .admin_token = token, .ca_hash = *hash};
}

// ---- members ------------------------------------------------------------------------------------

const raft::Member* Node::find_member(const std::string& node, raft::RaftId& id) const {
    for (const auto& [member_id, member] : cluster_log_->raft().configuration().members) {
        if (member.name != node) continue;
        id = member_id;
        return &member;
    }
    return nullptr;
}

asio::awaitable<Result<void>> Node::change(raft::MembershipChange change) {
    auto start = [this, change = std::move(change)](std::function<void(Result<void>)> answer) {
        cluster_log_->change(change, [answer = std::move(answer)](const Result<LogIndex>& done) {
            answer(done ? Result<void>{} : fail(done.error()));
        });
    };
    return answer_of<void>(executor(), std::move(start));
}

/// Changes wait for the one before, for a new leader, for a node that catches up: a few seconds of
/// that are nobody's concern.
asio::awaitable<Result<void>> Node::change_when_ready(raft::MembershipChange wanted) {
    const Instant deadline = boot_now() + change_within;
    for (;;) {
        const Result<void> done = co_await change(wanted);
        const bool may_pass = !done && (done.error().code == ErrorCode::unavailable ||
                                        done.error().code == ErrorCode::not_leader);
        if (!may_pass || boot_now() > deadline) co_return done;
        const Result<void> waited = co_await pause(change_again);
        if (!waited) co_return waited;
    }
}

asio::awaitable<Result<void>> Node::change_member(std::string node, api::MemberChange wanted) {
    raft::RaftId id;
    const bool is_member = find_member(node, id) != nullptr;
    if (!is_member && (wanted != api::MemberChange::remove || !state_.nodes().contains(node)))
        co_return fail(ErrorCode::not_found,
                       "there is no member '" + node + "'; 'lbctl cluster members' lists them");
    if (is_member) {
        raft::MembershipChange what = raft::Remove{id};
        if (wanted == api::MemberChange::promote) what = raft::Promote{id};
        if (wanted == api::MemberChange::demote) what = raft::Demote{id};
        const Result<void> done = co_await change_when_ready(std::move(what));
        if (!done) co_return done;
    }
    if (wanted != api::MemberChange::remove || !state_.nodes().contains(node))
        co_return Result<void>{};
    std::vector<Action> actions;
    actions.emplace_back(RemoveNode{node});
    api::Proposal proposal{std::move(actions)};
    const Result<LogIndex> forgotten = co_await propose(std::move(proposal));
    if (!forgotten && forgotten.error().code != ErrorCode::not_found)
        co_return fail(forgotten.error());
    co_return Result<void>{};
}

/// The voter that is not behind, as far as this node knows; 0: there is no other.
raft::RaftId Node::best_successor() const {
    const raft::Raft& raft = cluster_log_->raft();
    raft::RaftId best;
    LogIndex best_match;
    for (const auto& [id, member] : raft.configuration().members) {
        if (member.role != raft::MemberRole::voter || id == raft.leader()) continue;
        const auto progress = raft.progress().find(id);
        const LogIndex match =
            progress == raft.progress().end() ? LogIndex{} : progress->second.match_index;
        if (best != raft::RaftId{} && match <= best_match) continue;
        best = id;
        best_match = match;
    }
    return best;
}

bool Node::leads_others() const {
    return cluster_log_ && cluster_log_->raft().is_leader() && best_successor() != raft::RaftId{};
}

void Node::hand_over() {
    if (!leads_others()) return;
    const raft::RaftId heir = best_successor();
    cluster_log_->transfer(heir, [this](const Result<void>& begun) {
        if (!begun)
            log_.warning("leadership is not handed over; the others will elect a leader",
                         {{"reason", begun.error().message}});
    });
}

asio::awaitable<Result<std::string>> Node::transfer(std::string node) {
    raft::RaftId to;
    const raft::Raft& raft = cluster_log_->raft();
    if (!node.empty()) {
        const raft::Member* member = find_member(node, to);
        if (member == nullptr)
            co_return fail(ErrorCode::not_found,
                           "there is no member '" + node + "'; 'lbctl cluster members' lists them");
        if (member->role != raft::MemberRole::voter)
            co_return fail(ErrorCode::conflict,
                           "'" + node + "' does not vote, so it cannot lead; promote it first");
    } else {
        to = best_successor();
        if (to != raft::RaftId{}) node = raft.configuration().members.at(to).name;
        if (node.empty())
            co_return fail(ErrorCode::conflict, "there is no other voter to lead the cluster");
    }
    auto start = [this, to](ReplicatedLog::ReadDone answer) {
        cluster_log_->transfer(to, std::move(answer));
    };
    const Result<void> begun = co_await answer_of<void>(executor(), std::move(start));
    if (!begun) co_return fail(begun.error());
    const Instant deadline = boot_now() + transfer_within;
    while (cluster_log_->raft().leader() != to) {
        if (boot_now() > deadline)
            co_return fail(ErrorCode::unavailable,
                           "'" + node +
                               "' did not take over in time; 'lbctl cluster status' "
                               "shows who leads and who can be reached");
        const Result<void> waited = co_await pause(look_again);
        if (!waited) co_return fail(waited.error());
    }
    co_return node;
}

/// Nodes that are no members any more hold no VIPs, and their names are free.
asio::awaitable<Result<void>> Node::forget_others() {
    std::vector<Action> actions;
    raft::RaftId ignored;
    for (const auto& [name, node] : state_.nodes())
        if (find_member(name, ignored) == nullptr) actions.emplace_back(RemoveNode{name});
    if (actions.empty()) co_return Result<void>{};
    api::Proposal proposal{std::move(actions)};
    const Result<LogIndex> done = co_await propose(std::move(proposal));
    co_return done ? Result<void>{} : fail(done.error());
}

asio::awaitable<Result<void>> Node::recover() {
    const raft::Raft& raft = cluster_log_->raft();
    if (!state_.initialised() || !cluster_log_->is_member())
        co_return fail(ErrorCode::conflict,
                       "this node has no cluster to recover: 'lbctl init' makes one");
    if (is_becoming_member_) co_return fail(ErrorCode::conflict, "a recovery is running already");
    if (raft.leader() != raft::RaftId{})
        co_return fail(ErrorCode::conflict,
                       "the cluster has a leader, so there is nothing to recover; 'lbctl cluster "
                       "remove' takes out what is lost");
    is_becoming_member_ = true;
    Result<void> done = co_await become_sole_voter();
    if (done) done = co_await lead();
    if (done) done = co_await forget_others();
    is_becoming_member_ = false;
    if (!done) co_return done;
    log_.warning("the cluster was recovered: this node is its only voter now",
                 {{"node", config_.node}});
    record("cluster_recovered", "node/" + config_.node,
           config_.node + " became the only voter; the others must be emptied and joined again");
    co_return Result<void>{};
}

}  // namespace trivet::daemon
