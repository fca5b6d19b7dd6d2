#include <algorithm>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/raft/configuration_codec.hpp"
#include "core/raft/raft.hpp"

namespace trivet::raft {

namespace {

tl::unexpected<Error> not_yet(std::string reason) {
    return fail(ErrorCode::unavailable, std::move(reason) + "; try again shortly");
}

}  // namespace

/// Thesis 4.1: it takes effect when it is in the log. Whoever was removed is still told of the
/// commit, see on_configuration_committed().
void Raft::follow_configuration(Instant now) {
    auto& leader = std::get<Leader>(role_);
    for (const auto& [id, member] : configuration().members) {
        if (id == options_.id || leader.progress.contains(id)) continue;
        Progress progress;
        progress.next_index = LogIndex(log_.last_index().value() + 1);
        progress.last_heard = now;
        leader.progress.emplace(id, progress);
    }
}

namespace {

bool same_voters(const Configuration& left, const Configuration& right) {
    const auto is_in = [](const Configuration& other) {
        return [&other](const auto& member) {
            return member.second.role != MemberRole::voter || other.votes(member.first);
        };
    };
    return std::ranges::all_of(left.members, is_in(right)) &&
           std::ranges::all_of(right.members, is_in(left));
}

}  // namespace

Result<Proposed> Raft::change(const MembershipChange& change, Instant now) {
    auto next = changed(change, now);
    if (!next) return fail(next.error());
    const LogIndex index(log_.last_index().value() + 1);
    const bool changes_voters = !same_voters(*next, configuration());
    append({index, hard_state_.term, encode(*next), EntryKind::configuration});
    auto& leader = std::get<Leader>(role_);
    if (changes_voters) leader.voters_settled.reset();  // leases P4
    follow_configuration(now);
    replicate_all(now);
    return Proposed{index, hard_state_.term, finish(now)};
}

Result<Configuration> Raft::changed(const MembershipChange& change, Instant now) const {
    if (auto ready = check_proposal(0); !ready) return fail(ready.error());
    const auto& leader = std::get<Leader>(role_);
    // Without this a change could be undone by one of an older term ("bug in single-server
    // membership changes", raft-dev, 2015).
    if (commit_index_ < leader.term_start)
        return not_yet("the new leader has not committed an entry of its term yet");
    if (log_.configuration_index() > commit_index_)
        return not_yet("another change of the members is not committed yet");
    Configuration next = configuration();
    const RaftId id = std::visit([](const auto& kind) { return kind.id; }, change);
    const auto found = next.members.find(id);
    if (const auto* addition = std::get_if<AddLearner>(&change)) {
        if (id == RaftId{} || found != next.members.end())
            return fail(ErrorCode::conflict, "this member takes part already");
        if (std::max(addition->name.size(), addition->address.size()) > member_text_bytes_max)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("name and address of a member have at most {} bytes each",
                                    member_text_bytes_max));
        if (next.members.size() >= members_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("a cluster has at most {} members", members_max));
        next.members.emplace(id, Member{MemberRole::learner, addition->name, addition->address});
        return next;
    }
    if (found == next.members.end())
        return fail(ErrorCode::not_found, "no such member; 'lbctl cluster members' lists them");
    const bool was_voter = found->second.role == MemberRole::voter;
    const std::string name = found->second.name;
    if (std::holds_alternative<Promote>(change)) {
        if (was_voter) return fail(ErrorCode::conflict, fmt::format("{} votes already", name));
        found->second.role = MemberRole::voter;
    } else if (std::holds_alternative<Demote>(change)) {
        if (!was_voter) return fail(ErrorCode::conflict, fmt::format("{} does not vote", name));
        found->second.role = MemberRole::learner;
    } else {
        next.members.erase(found);
    }
    if (next == configuration() || next.voters() == configuration().voters()) return next;
    if (auto may = may_change_voters(next, id, now); !may) return fail(may.error());
    return next;
}

Result<void> Raft::may_change_voters(const Configuration& next, RaftId id, Instant now) const {
    const auto& leader = std::get<Leader>(role_);
    if (next.voters() == 0)
        return fail(ErrorCode::conflict, "it is the last voter; promote another node first");
    // Leases P4.
    if (!leader.voters_settled || now < *leader.voters_settled + options_.voter_change_spacing)
        return not_yet("the last change of the voters has not settled on a majority yet");
    std::size_t alive = 0;
    for (const auto& [member_id, member] : next.members) {
        if (member.role != MemberRole::voter) continue;
        const auto found = leader.progress.find(member_id);
        const bool is_heard = member_id == options_.id ||
                              (found != leader.progress.end() && !found->second.has_lost_data &&
                               found->second.last_heard >= now - 2 * options_.election_timeout);
        alive += is_heard ? 1 : 0;
    }
    if (alive < next.majority())
        return fail(ErrorCode::unavailable,
                    fmt::format("only {} of the {} voters that there would be are reachable, and "
                                "the cluster would stop; mend or remove the others first",
                                alive, next.voters()));
    if (!next.votes(id)) return {};
    // Thesis 4.2.1: a server that is far behind would hold up every commit.
    const Progress& progress = leader.progress.at(id);
    if (progress.has_lost_data || progress.last_heard < now - 2 * options_.election_timeout)
        return not_yet(fmt::format("{} does not answer", next.members.at(id).name));
    const std::uint64_t behind = log_.last_index().value() - progress.match_index.value();
    if (progress.mode != Progress::Mode::replicate || behind > options_.catch_up_entries)
        return not_yet(fmt::format("{} has not caught up yet, it lacks {} entries",
                                   next.members.at(id).name, behind));
    return {};
}

/// Leases P4: the spacing counts from when a majority of the voters has durably applied the change.
void Raft::settle_voters(Instant now) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || leader->voters_settled || commit_index_ < leader->term_start) return;
    std::size_t applied = 0;
    for (const auto& [id, member] : configuration().members) {
        if (member.role != MemberRole::voter) continue;
        const LogIndex there =
            id == options_.id ? durably_applied_index_ : leader->progress.at(id).applied_index;
        applied += there >= log_.configuration_index() ? 1 : 0;
    }
    if (applied >= configuration().majority()) leader->voters_settled = now;
}

void Raft::on_configuration_committed(Instant now) {
    auto& leader = std::get<Leader>(role_);
    std::erase_if(leader.progress, [this](const auto& entry) {
        return !configuration().members.contains(entry.first);
    });
    drop_unused_snapshot();
    if (configuration().votes(options_.id)) return;
    // Thesis 4.2.2: a leader that is removed steps down when that is committed.
    if (const RaftId heir = best_successor(); heir != RaftId{})
        send(heir, TimeoutNow{}, When::when_durable);
    become_follower(hard_state_.term, RaftId{}, now);
}

RaftId Raft::best_successor() const {
    const auto& leader = std::get<Leader>(role_);
    RaftId best;
    LogIndex best_match;
    for (const auto& [id, progress] : leader.progress) {
        if (!configuration().votes(id) || progress.match_index <= best_match) continue;
        best = id;
        best_match = progress.match_index;
    }
    return best;
}

/// Thesis 3.10.
Result<Actions> Raft::transfer(RaftId to, Instant now) {
    if (auto ready = check_proposal(0); !ready) return fail(ready.error());
    if (!configuration().members.contains(to)) return fail(ErrorCode::not_found, "no such member");
    if (!configuration().votes(to))
        return fail(ErrorCode::invalid_argument, "it does not vote; promote it first");
    if (to == options_.id) return fail(ErrorCode::conflict, "it is the leader already");
    auto& leader = std::get<Leader>(role_);
    leader.transfer = Transfer{to, now + 2 * options_.election_timeout};
    replicate(to, leader.progress.at(to), now);
    pursue_transfer(now);
    return finish(now);
}

void Raft::pursue_transfer(Instant) {
    auto& leader = std::get<Leader>(role_);
    if (!leader.transfer || leader.transfer->asked) return;
    const auto found = leader.progress.find(leader.transfer->to);
    if (found == leader.progress.end() || found->second.match_index < log_.last_index()) return;
    leader.transfer->asked = true;
    send(found->first, TimeoutNow{}, When::when_durable);
}

}  // namespace trivet::raft
