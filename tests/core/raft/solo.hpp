#pragma once
#include "tests/core/raft/raft_objects.hpp"

namespace trivet::test {

struct SoloSetup {
    raft::Configuration configuration = members({1, 2, 3});
    std::vector<LogEntry> entries = {};
    Number term = 0;
    Number vote = 0;
    Number applied = 0;
    raft::LogBase base = {};  // its configuration is the one above
    raft::Options options = {};
};

/// Member 1 alone: the test plays all others, the disk and the clock.
class Solo {
public:
    explicit Solo(SoloSetup setup = {}) : raft(options(setup), durable(setup), Instant{}) {}

    Instant now{};
    raft::Raft raft;

    template <class Body>
    raft::Actions step(Number from, Number term, Body body) {
        return note(raft.step({raft::RaftId(from), raft::RaftId(1), Term(term), body}, now));
    }
    raft::Actions timer() { return note(raft.on_timer(now)); }
    /// All writes given out so far are durable.
    raft::Actions written() {
        raft::Actions all;
        while (done_ < last_write_) {
            done_ = last_write_;
            raft::Actions actions = note(raft.on_written(done_, now));
            std::ranges::move(actions.messages, std::back_inserter(all.messages));
            std::ranges::move(actions.apply, std::back_inserter(all.apply));
            std::ranges::move(actions.reads, std::back_inserter(all.reads));
            if (actions.restore) all.restore = std::move(actions.restore);
            if (actions.write.id != 0) all.write = std::move(actions.write);
        }
        return all;
    }
    raft::Actions note(raft::Actions actions) {
        if (actions.write.id != 0) last_write_ = actions.write.id;
        return actions;
    }
    /// To the election timeout and over it: the first vote is asked for.
    raft::Actions time_out() {
        now = *raft.next_deadline();
        return timer();
    }
    /// Wins the next term with the votes of `voters`. Its no-op is not durable yet.
    raft::Actions lead(std::initializer_list<Number> voters = {2}) {
        time_out();
        const Number next = raft.term().value() + 1;
        for (const Number id : voters) step(id, next, raft::VoteReply{true, true});
        written();
        raft::Actions last;
        for (const Number id : voters) last = step(id, next, raft::VoteReply{true, false});
        EXPECT_TRUE(raft.is_leader());
        return last;
    }
    raft::Actions acknowledge(Number from, Number match, Number applied = 0, Number round = 0) {
        raft::AppendReply reply;
        reply.success = true;
        reply.match_index = LogIndex(match);
        reply.applied_index = LogIndex(applied);
        reply.round = round;
        return step(from, raft.term().value(), reply);
    }

private:
    static raft::Options options(const SoloSetup& setup) {
        raft::Options options = setup.options;
        options.id = raft::RaftId(1);
        return options;
    }
    static raft::DurableState durable(const SoloSetup& setup) {
        raft::DurableState state;
        state.hard_state = {Term(setup.term), raft::RaftId(setup.vote)};
        state.base = setup.base;
        state.base.configuration = setup.configuration;
        state.entries = setup.entries;
        state.applied = std::max(LogIndex(setup.applied), setup.base.index);
        return state;
    }

    std::uint64_t last_write_ = 0, done_ = 0;
};

inline raft::AppendEntries append(Number prev_index, Number prev_term,
                                  std::vector<LogEntry> entries = {}, Number commit = 0) {
    raft::AppendEntries request;
    request.prev_log_index = LogIndex(prev_index);
    request.prev_log_term = Term(prev_term);
    request.entries = std::move(entries);
    request.leader_commit = LogIndex(commit);
    return request;
}

inline raft::RequestVote vote(Number last_index, Number last_term, bool pre_vote = false,
                              bool is_transfer = false) {
    return {LogIndex(last_index), Term(last_term), pre_vote, is_transfer};
}

}  // namespace trivet::test
