#include "tests/sim/checker.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/raft/configuration_codec.hpp"

namespace trivet::sim {

namespace {

template <class... Parts>
void demand(bool fact, fmt::format_string<Parts...> what, Parts&&... parts) {
    if (!fact) throw Violation{fmt::format(what, std::forward<Parts>(parts)...)};
}

std::set<raft::RaftId> voters_of(const raft::Configuration& configuration) {
    std::set<raft::RaftId> voters;
    for (const auto& [id, member] : configuration.members)
        if (member.role == raft::MemberRole::voter) voters.insert(id);
    return voters;
}

}  // namespace

Checker::Fingerprint Checker::fingerprint(const LogEntry& entry) {
    const std::size_t kind = static_cast<std::size_t>(entry.kind);
    return {entry.term, std::hash<std::string>{}(entry.payload) * 3 + kind};
}

void Checker::on_start(const raft::Raft& raft) {
    Seen& seen = seen_[raft.id()];
    demand(raft.term() >= seen.told, "{} started in term {} after it had told of term {}",
           raft.id().value(), raft.term().value(), seen.told.value());
    seen.term = raft.term();
    seen.commit = raft.commit_index();  // may go back to what was durably applied
    seen.was_leader = false;
}

void Checker::on_step(const raft::Raft& raft, const raft::Actions& actions) {
    Seen& seen = seen_[raft.id()];
    demand(raft.term() >= seen.term, "term of {} went back", raft.id().value());
    demand(raft.commit_index() >= seen.commit, "commit index of {} went back", raft.id().value());
    // A leader that committed its own removal is none any more.
    const bool led = raft.is_leader() || (seen.was_leader && seen.term == raft.term());
    seen.term = raft.term();
    for (const LogEntry& entry : actions.write.append) check_appended(raft, entry);
    if (actions.write.truncate_from) check_rollback(raft);
    if (raft.is_leader() && !seen.was_leader) check_new_leader(raft);
    seen.was_leader = raft.is_leader();
    if (led && raft.commit_index() > seen.commit) check_commit(raft, seen.commit);
    seen.commit = raft.commit_index();
    for (const LogEntry& entry : actions.apply) {
        const auto found = committed_.find(entry.index);
        demand(found != committed_.end() && found->second == fingerprint(entry),
               "state machine safety: {} applied at index {} what is not committed there",
               raft.id().value(), entry.index.value());
    }
}

/// Log matching, by induction: an entry with this index and term is the same everywhere, and so is
/// the term of the one before it.
void Checker::check_appended(const raft::Raft& raft, const LogEntry& entry) {
    const auto before = raft.log().term_at(LogIndex(entry.index.value() - 1));
    const Term term_before = before.value_or(Term{});
    const auto [known, is_new] = entries_.emplace(std::pair{entry.index, entry.term},
                                                  std::pair{term_before, fingerprint(entry).hash});
    demand(is_new || known->second == std::pair{term_before, fingerprint(entry).hash} || !before,
           "log matching: two entries of index {} and term {} differ", entry.index.value(),
           entry.term.value());
    if (raft.is_leader() && entry.kind == EntryKind::configuration)
        check_configuration(raft, entry.index);
}

void Checker::check_configuration(const raft::Raft& raft, LogIndex index) {
    const auto now = voters_of(raft.log().configuration_at(index));
    const auto before = voters_of(raft.log().configuration_at(LogIndex(index.value() - 1)));
    std::vector<raft::RaftId> changed;
    std::ranges::set_symmetric_difference(now, before, std::back_inserter(changed));
    demand(changed.size() <= 1, "configuration safety: {} voters changed at once", changed.size());
    demand(raft.log().term_at(raft.commit_index()) == raft.term(),
           "configuration safety: changed before an entry of term {} was committed",
           raft.term().value());
}

void Checker::check_rollback(const raft::Raft& raft) {
    const raft::Log& log = raft.log();
    LogIndex newest = log.last_index();
    while (newest > log.base().index && log.at(newest).kind != EntryKind::configuration)
        newest = LogIndex(newest.value() - 1);
    const bool is_right = newest > log.base().index
                              ? encode(log.configuration()) == log.at(newest).payload
                              : log.configuration() == log.base().configuration;
    demand(is_right, "configuration safety: {} follows one that is not in its log",
           raft.id().value());
}

void Checker::check_new_leader(const raft::Raft& raft) {
    const auto [leader, is_new] = leaders_.emplace(raft.term(), raft.id());
    demand(is_new || leader->second == raft.id(), "two leaders in term {}", raft.term().value());
    for (const auto& [term, index] : committed_by_) {
        if (term >= raft.term()) break;
        const bool has = raft.log().base().index >= index ||
                         raft.log().matches(index, committed_.at(index).term);
        demand(has, "leader completeness: the leader of term {} lacks index {}, committed in {}",
               raft.term().value(), index.value(), term.value());
    }
}

/// What a leader calls committed lies on the disks of a majority of its voters.
void Checker::check_commit(const raft::Raft& raft, LogIndex before) {
    for (LogIndex i = before; i < raft.commit_index();) {
        i = LogIndex(i.value() + 1);
        commit(raft.log().at(i), raft.term());
    }
    const LogIndex index = raft.commit_index();
    const Term term = raft.log().term_at(index).value();
    demand(term == raft.term(), "index {} of term {} was committed alone by the leader of term {}",
           index.value(), term.value(), raft.term().value());
    std::size_t holding = 0;
    for (const raft::RaftId voter : voters_of(raft.configuration())) {
        const DiskContent* disk = disk_of_(voter);
        holding += disk == nullptr || disk->holds(index, term) ? 1 : 0;
    }
    demand(holding >= raft.configuration().majority(),
           "index {} is called committed by {}, but is on {} disks of {} voters", index.value(),
           raft.id().value(), holding, raft.configuration().voters());
    committed_by_[raft.term()] = index;
}

void Checker::commit(const LogEntry& entry, Term by) {
    const auto [known, is_new] = committed_.emplace(entry.index, fingerprint(entry));
    demand(known->second == fingerprint(entry),
           "index {} was committed twice, now by term {}, and differs", entry.index.value(),
           by.value());
    committed_end_ = std::max(committed_end_, entry.index);
    configurations_ += is_new && entry.kind == EntryKind::configuration ? 1 : 0;
}

namespace {

/// Of the term that its sender would take, not of the one it is in.
bool is_pre_vote(const raft::Message& message) {
    if (const auto* request = std::get_if<raft::RequestVote>(&message.body))
        return request->pre_vote;
    const auto* reply = std::get_if<raft::VoteReply>(&message.body);
    return reply != nullptr && reply->pre_vote;
}

}  // namespace

void Checker::on_message(const raft::Message& message) {
    Seen& seen = seen_[message.from];
    if (!is_pre_vote(message)) seen.told = std::max(seen.told, message.term);
    const auto vote = [&](raft::RaftId candidate) {
        const auto [given, is_new] =
            votes_.emplace(std::pair{message.from, message.term}, candidate);
        demand(is_new || given->second == candidate, "{} voted for {} and {} in term {}",
               message.from.value(), given->second.value(), candidate.value(),
               message.term.value());
        const DiskContent* disk = disk_of_(message.from);
        demand(disk == nullptr || disk->hard_state.term >= message.term,
               "{} sent a vote of term {} that is not durable", message.from.value(),
               message.term.value());
    };
    if (const auto* reply = std::get_if<raft::VoteReply>(&message.body))
        if (reply->granted && !reply->pre_vote) vote(message.to);
    if (const auto* request = std::get_if<raft::RequestVote>(&message.body))
        if (!request->pre_vote) vote(message.from);
    if (const auto* reply = std::get_if<raft::AppendReply>(&message.body)) {
        const DiskContent* disk = disk_of_(message.from);
        demand(disk == nullptr || !reply->success || disk->last_index() >= reply->match_index ||
                   disk->hard_state.term > message.term,
               "{} acknowledged index {} that is not durable", message.from.value(),
               reply->match_index.value());
    }
}

}  // namespace trivet::sim
