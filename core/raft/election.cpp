#include "core/assert.hpp"
#include "core/raft/raft.hpp"

namespace trivet::raft {

void Raft::arm_election_timer(Instant now) {
    // Paper 5.2: at random, so that split votes are rare.
    const auto spread = static_cast<std::uint64_t>(options_.election_timeout.count());
    const auto extra = Duration(static_cast<Duration::rep>(random_() % spread));
    election_deadline_ = now + options_.election_timeout + extra;
}

void Raft::become_follower(Term term, RaftId leader, Instant now) {
    drop_reads();
    if (term > hard_state_.term) set_hard_state({term, RaftId{}});
    const bool was_following = std::holds_alternative<Follower>(role_);
    role_ = Follower{leader, now};
    uncommitted_bytes_ = 0;
    if (leader != RaftId{} || !was_following) arm_election_timer(now);
}

bool Raft::hears_from_leader(Instant now) const {
    if (is_leader()) return true;  // check-quorum: or it would not be one any more
    const auto* follower = std::get_if<Follower>(&role_);
    return follower != nullptr && follower->leader != RaftId{} &&
           now < follower->last_contact + options_.election_timeout;
}

/// Thesis 4.2.2: a server outside its own newest configuration may still be needed, because only it
/// has the entry that removes it; until it knows that to be committed, it stands for election.
bool Raft::may_campaign() const {
    if (configuration().votes(options_.id)) return true;
    const LogIndex changed = log_.configuration_index();
    return changed > commit_index_ &&
           log_.configuration_at(LogIndex(changed.value() - 1)).votes(options_.id);
}

/// Nobody else could win or be disturbed.
bool Raft::is_sole_voter() const {
    return configuration().votes(options_.id) && configuration().voters() == 1;
}

/// Paper 5.2; with `pre_vote` it only asks whether it would win, and nothing changes (thesis 9.6).
void Raft::campaign(bool pre_vote, bool is_transfer, Instant now) {
    arm_election_timer(now);
    if (!pre_vote) set_hard_state({Term(hard_state_.term.value() + 1), options_.id});
    role_ = Candidate{pre_vote, is_transfer, {}, {}};
    const Term term = pre_vote ? Term(hard_state_.term.value() + 1) : hard_state_.term;
    const RequestVote request{log_.last_index(), log_.last_term(), pre_vote, is_transfer};
    // Before its own vote is durable nobody hears of it: after a crash it might give it away again.
    for (const auto& [id, member] : configuration().members)
        if (member.role == MemberRole::voter && id != options_.id)
            send_as({options_.id, id, term, request}, When::when_durable);
    const Message own{options_.id, options_.id, term,
                      VoteReply{.granted = true, .pre_vote = pre_vote}};
    send_as(own, When::when_durable);
}

void Raft::on(const RequestVote& request, const Message& message, Instant now) {
    // Paper 5.4.1: the candidate's log must be at least as up to date as this one.
    const bool is_up_to_date =
        request.last_log_term > log_.last_term() ||
        (request.last_log_term == log_.last_term() && request.last_log_index >= log_.last_index());
    if (request.pre_vote) {
        const bool granted = is_up_to_date && message.term > hard_state_.term;
        const Term term = granted ? message.term : hard_state_.term;
        return send_as({options_.id, message.from, term, VoteReply{granted, true}},
                       When::when_durable);
    }
    // Paper 5.2: one vote a term, first come, first served.
    // Once the term has a leader nobody else can win it.
    const bool is_free =
        hard_state_.vote == message.from || (hard_state_.vote == RaftId{} && leader() == RaftId{});
    const bool granted = is_up_to_date && is_free;
    if (granted) {
        TRIVET_ASSERT(!is_leader());  // it voted for itself
        role_ = Follower{RaftId{}, now};
        set_hard_state({hard_state_.term, message.from});
        arm_election_timer(now);
    }
    send(message.from, VoteReply{granted, false}, When::when_durable);
}

void Raft::on(const VoteReply& reply, const Message& message, Instant now) {
    auto* candidate = std::get_if<Candidate>(&role_);
    if (candidate == nullptr || candidate->pre_vote != reply.pre_vote) return;
    const Term asked = Term(hard_state_.term.value() + (reply.pre_vote ? 1 : 0));
    if (reply.granted && message.term != asked) return;  // to an older question
    (reply.granted ? candidate->granted : candidate->refused).insert(message.from);
    const auto votes = [this](const std::set<RaftId>& ids) {
        std::size_t count = 0;
        for (const RaftId id : ids) count += configuration().votes(id) ? 1 : 0;
        return count;
    };
    if (votes(candidate->granted) >= configuration().majority()) {
        if (candidate->pre_vote) return campaign(false, candidate->is_transfer, now);
        return become_leader(now);
    }
    if (votes(candidate->refused) >= configuration().majority()) role_ = Follower{RaftId{}, now};
}

/// Thesis 3.10.
void Raft::on(const TimeoutNow&, const Message&, Instant now) {
    if (!is_leader() && may_campaign()) campaign(false, true, now);
}

void Raft::become_leader(Instant now) {
    TRIVET_ASSERT(hard_state_.vote == options_.id);
    Leader leader;
    leader.since = now;
    leader.next_heartbeat = now + options_.heartbeat;
    role_ = std::move(leader);
    follow_configuration(now);
    for (std::uint64_t i = commit_index_.value() + 1; i <= log_.last_index().value(); ++i)
        uncommitted_bytes_ += log_.at(LogIndex(i)).payload.size();
    // Paper §8: it learns what is committed by committing an entry of its own term.
    const LogIndex index(log_.last_index().value() + 1);
    std::get<Leader>(role_).term_start = index;
    append({index, hard_state_.term, {}, EntryKind::no_op});
    replicate_all(now);
}

}  // namespace trivet::raft
