#include "daemon/cluster_log.hpp"

#include <algorithm>
#include <utility>

#include "core/assert.hpp"
#include "core/raft/configuration_codec.hpp"
#include "daemon/host.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

// The leader itself gives up sooner, and its answer says more.
constexpr Duration asked_within = raft::RaftLog::answer_within + std::chrono::seconds{2};
// How late a deadline of a caller may be noticed.
constexpr std::chrono::milliseconds sweep_interval{100};

auto no_leader() {
    return fail(ErrorCode::not_leader,
                "no node leads the cluster at this moment: an election is going on, or a majority "
                "of the voters cannot be reached; 'lbctl cluster status' shows who is");
}

auto unknown_outcome(const std::string& why) {
    return fail(ErrorCode::timeout, why +
                                        "; whether the change takes effect is not known here: "
                                        "look, or send it again with its Idempotency-Key");
}

}  // namespace

ClusterLog::ClusterLog(asio::io_context& io, store::Storage& storage, raft::Options options,
                       Host host)
    : io_(io),
      storage_(storage),
      options_(options),
      host_(std::move(host)),
      timer_(io),
      sweep_timer_(io) {}

void ClusterLog::subscribe(Apply apply) { apply_ = std::move(apply); }

void ClusterLog::start(raft::DurableState durable) {
    make_raft(std::move(durable));
    raft_log_->start();
    after();
}

void ClusterLog::stop() {
    timer_.cancel();
    sweep_timer_.cancel();
}

void ClusterLog::make_raft(raft::DurableState durable) {
    applied_index_ = durable.applied;
    raft_log_ = std::make_unique<raft::RaftLog>(options_, std::move(durable), make_raft_host());
    raft_log_->subscribe([this](const LogEntry& entry) {
        apply_(entry);
        on_progress(entry.index);
    });
}

raft::Host ClusterLog::make_raft_host() {
    return {.now = boot_now,
            .wake_at = [this](Instant when) { wake_at(when); },
            .write =
                [this](raft::Write write, std::function<void(Result<void>)> done) {
                    storage_.write(std::move(write),
                                   [this, done = std::move(done)](Result<void> written) {
                                       done(std::move(written));
                                       after();
                                   });
                },
            .compact = [this](raft::LogBase base) { storage_.compact(std::move(base)); },
            .send =
                [this](raft::Message message) {
                    const raft::RaftId to = message.to;
                    host_.send(to, RaftFrame{std::move(message)});  // Raft sends it again
                },
            .snapshot = [this] { return host_.snapshot(); },
            .restore =
                [this](const raft::Snapshot& snapshot) {
                    host_.restore(snapshot);
                    on_progress(snapshot.base.index);
                }};
}

void ClusterLog::wake_at(Instant when) {
    timer_.expires_after(std::max(Duration{0}, when - boot_now()));
    timer_.async_wait([this](boost::system::error_code error) {
        if (error || is_rebuilding_) return;
        raft_log_->on_timer();
        after();
    });
}

/// Whatever happened to Raft: who waits for a leader goes on, and the owner hears of changes.
void ClusterLog::after() {
    const raft::Raft& now = raft();
    const raft::Log& log = now.log();
    const Seen seen{now.leader(), now.term(), log.configuration_index(),
                    std::min(log.configuration_index(), now.commit_index())};
    if (seen == seen_) return;
    seen_ = seen;
    if (seen.leader != raft::RaftId{})
        for (Waiting& waiting : std::exchange(for_leader_, {})) waiting.go_on({});
    host_.on_change();
}

// ---- callers on this node -----------------------------------------------------------------------

void ClusterLog::with_leader(std::function<void(Result<void>)> go_on) {
    if (raft().leader() != raft::RaftId{}) return go_on({});
    if (for_leader_.size() >= asked_max) return go_on(no_leader());
    for_leader_.push_back({boot_now() + leader_within, std::move(go_on)});
    arm_sweep();
}

void ClusterLog::propose(std::string payload, ProposeDone done) {
    // A follower without room could not see what became of it, since it applies what it has on
    // disk.
    if (auto space = host_.check_space(); !space) return done(fail(space.error()));
    with_leader([this, payload = std::move(payload),
                 done = std::move(done)](const Result<void>& known) mutable {
        if (!known) return done(fail(known.error()));
        if (raft().is_leader()) return raft_log_->propose(std::move(payload), std::move(done));
        const std::uint64_t id = ++last_request_;
        ask_leader(ProposeRequest{id, std::move(payload)}, id, std::move(done));
    });
}

void ClusterLog::propose_here(std::string payload, ProposeDone done) {
    if (auto space = host_.check_space(); !space) return done(fail(space.error()));
    raft_log_->propose(std::move(payload), std::move(done));
}

void ClusterLog::read_barrier(ReadDone done) {
    with_leader([this, done = std::move(done)](const Result<void>& known) mutable {
        if (!known) return done(known);
        if (raft().is_leader()) return raft_log_->read_barrier(std::move(done));
        const std::uint64_t id = ++last_request_;
        ask_leader(ReadRequest{id}, id, [done = std::move(done)](const Result<LogIndex>& index) {
            if (index) return done({});
            // Nothing was changed, so a read whose answer was lost may simply be sent again.
            Error error = index.error();
            if (error.code == ErrorCode::timeout)
                error = {ErrorCode::unavailable, "the leader did not answer in time; ask again"};
            done(fail(std::move(error)));
        });
    });
}

void ClusterLog::change(const raft::MembershipChange& change, ProposeDone done) {
    with_leader([this, change, done = std::move(done)](const Result<void>& known) mutable {
        if (!known) return done(fail(known.error()));
        if (raft().is_leader()) return raft_log_->change(change, std::move(done));
        const std::uint64_t id = ++last_request_;
        ask_leader(ChangeRequest{id, change}, id, std::move(done));
    });
}

void ClusterLog::transfer(raft::RaftId to, ReadDone done) {
    with_leader([this, to, done = std::move(done)](const Result<void>& known) mutable {
        if (!known) return done(known);
        if (raft().is_leader()) return done(raft_log_->transfer(to));
        const std::uint64_t id = ++last_request_;
        ask_leader(TransferRequest{id, to}, id,
                   [done = std::move(done)](const Result<LogIndex>& begun) {
                       done(begun ? Result<void>{} : fail(begun.error()));
                   });
    });
}

void ClusterLog::ask_leader(Frame request, std::uint64_t id, Done done) {
    const raft::RaftId leader = raft().leader();
    if (asked_.size() >= asked_max)
        return done(fail(ErrorCode::unavailable,
                         "too many calls wait for the leader already; try again shortly"));
    if (!host_.send(leader, request))
        return done(fail(ErrorCode::unavailable,
                         "the leader cannot be reached from this node; try again shortly, or ask "
                         "another node"));
    asked_.emplace(id, Asked{leader, boot_now() + asked_within, std::move(done)});
    arm_sweep();
}

void ClusterLog::on_reply(const Reply& reply) {
    auto asked = asked_.extract(reply.id);
    if (asked.empty()) return;  // it was given up before
    if (reply.error) return asked.mapped().done(fail(*reply.error));
    when_applied(reply.index, std::move(asked.mapped().done));
}

void ClusterLog::when_applied(LogIndex index, Done done) {
    if (index <= applied_index_) return done(index);
    for_index_.emplace(index, Waiting{boot_now() + asked_within,
                                      [index, done = std::move(done)](const Result<void>& applied) {
                                          if (applied) return done(index);
                                          done(fail(applied.error()));
                                      }});
    arm_sweep();
}

void ClusterLog::on_progress(LogIndex applied) {
    applied_index_ = applied;
    while (!for_index_.empty() && for_index_.begin()->first <= applied) {
        auto waiting = for_index_.extract(for_index_.begin());
        waiting.mapped().go_on({});
    }
}

// ---- other nodes --------------------------------------------------------------------------------

void ClusterLog::on_frame(raft::RaftId from, Frame frame) {
    if (is_rebuilding_) return;
    if (const auto* message = std::get_if<RaftFrame>(&frame)) {
        // Its place in the stream says who sent it; a message that claims another origin is none.
        if (message->message.from != from || message->message.to != options_.id) return;
        raft_log_->receive(message->message);
    } else if (const auto* reply = std::get_if<Reply>(&frame)) {
        on_reply(*reply);
    } else {
        serve(from, frame);
    }
    after();
}

void ClusterLog::serve(raft::RaftId from, Frame& frame) {
    const auto answerer = [this, from](std::uint64_t id) {
        return [this, from, id](Result<LogIndex> result) { answer(from, id, std::move(result)); };
    };
    const bool is_known = raft().configuration().members.contains(from);
    const auto refuse = [&](std::uint64_t id) {
        if (is_known) return false;
        answer(from, id,
               fail(ErrorCode::unavailable,
                    "the node that was asked was removed from the cluster; ask another one"));
        return true;
    };
    if (auto* request = std::get_if<ProposeRequest>(&frame)) {
        if (!refuse(request->id)) propose_here(std::move(request->payload), answerer(request->id));
    } else if (const auto* read = std::get_if<ReadRequest>(&frame)) {
        if (!refuse(read->id))
            raft_log_->read_barrier([this, done = answerer(read->id)](const Result<void>& safe) {
                done(safe ? Result<LogIndex>(applied_index_) : fail(safe.error()));
            });
    } else if (const auto* change = std::get_if<ChangeRequest>(&frame)) {
        if (!refuse(change->id)) raft_log_->change(change->change, answerer(change->id));
    } else if (const auto* transfer = std::get_if<TransferRequest>(&frame)) {
        if (refuse(transfer->id)) return;
        const auto begun = raft_log_->transfer(transfer->to);
        answer(from, transfer->id, begun ? Result<LogIndex>(LogIndex{}) : fail(begun.error()));
    }
}

void ClusterLog::answer(raft::RaftId to, std::uint64_t id, Result<LogIndex> result) {
    Reply reply{.id = id, .index = result.value_or(LogIndex{}), .error = {}};
    if (!result) reply.error = result.error();
    host_.send(to, reply);  // if it is lost, the other side gives up in time
}

void ClusterLog::on_link_down(raft::RaftId peer) {
    std::vector<Done> lost;
    std::erase_if(asked_, [&](auto& entry) {
        if (entry.second.of != peer) return false;
        lost.push_back(std::move(entry.second.done));
        return true;
    });
    for (const Done& done : lost)
        done(unknown_outcome("the connection to the leader broke off before its answer came"));
}

// ---- alone --------------------------------------------------------------------------------------

raft::Configuration ClusterLog::alone(raft::Member self) const {
    self.role = raft::MemberRole::voter;
    raft::Configuration configuration;
    configuration.members[options_.id] = std::move(self);
    return configuration;
}

void ClusterLog::become_sole_voter(raft::Member self, ReadDone done) {
    const raft::Raft& now = raft();
    const raft::Log& log = now.log();
    const Term term{std::max(now.term(), log.last_term()).value() + 1};
    const LogEntry entry{LogIndex{log.last_index().value() + 1}, term,
                         raft::encode(alone(std::move(self))), EntryKind::configuration};
    raft::DurableState next{.hard_state = {.term = term, .vote = {}},
                            .base = log.base(),
                            .entries = {},
                            .applied = applied_index_};
    for (std::uint64_t i = log.base().index.value() + 1; i <= log.last_index().value(); ++i)
        next.entries.push_back(log.at(LogIndex{i}));
    next.entries.push_back(entry);
    raft::Write write;
    write.hard_state = next.hard_state;
    write.append = {entry};
    rebuild(std::move(write), std::move(next), std::move(done));
}

void ClusterLog::begin_from(raft::Snapshot snapshot, raft::Member self, ReadDone done) {
    TRIVET_ASSERT(raft().log().last_index() == LogIndex{});
    snapshot.base.configuration = alone(std::move(self));
    raft::DurableState next{.hard_state = {.term = snapshot.base.term, .vote = {}},
                            .base = snapshot.base,
                            .entries = {},
                            .applied = snapshot.base.index};
    raft::Write write;
    write.hard_state = next.hard_state;
    write.snapshot = snapshot;
    rebuild(std::move(write), std::move(next),
            [this, snapshot, done = std::move(done)](Result<void> written) {
                if (written) host_.restore(snapshot);
                done(std::move(written));
            });
}

/// Raft begins anew from what is durable. What is on its way is written before, and nothing comes
/// between.
void ClusterLog::rebuild(raft::Write write, raft::DurableState next, ReadDone done) {
    TRIVET_ASSERT(!is_rebuilding_);
    is_rebuilding_ = true;
    storage_.write(std::move(write), [this, next = std::move(next),
                                      done = std::move(done)](Result<void> written) mutable {
        is_rebuilding_ = false;
        if (!written) {
            raft_log_->on_timer();
            return done(std::move(written));
        }
        make_raft(std::move(next));
        done({});
        raft_log_->start();
        after();
    });
}

// ---- time ---------------------------------------------------------------------------------------

void ClusterLog::arm_sweep() {
    if (sweep_is_armed_) return;
    sweep_is_armed_ = true;
    sweep_timer_.expires_after(sweep_interval);
    sweep_timer_.async_wait([this](boost::system::error_code error) {
        sweep_is_armed_ = false;
        if (!error) sweep();
    });
}

/// Never a hang.
void ClusterLog::sweep() {
    const Instant now = boot_now();
    std::vector<std::function<void()>> calls;
    std::erase_if(for_leader_, [&](Waiting& waiting) {
        if (waiting.deadline > now) return false;
        calls.push_back([go_on = std::move(waiting.go_on)] { go_on(no_leader()); });
        return true;
    });
    std::erase_if(for_index_, [&](auto& entry) {
        if (entry.second.deadline > now) return false;
        calls.push_back([go_on = std::move(entry.second.go_on)] {
            go_on(fail(ErrorCode::timeout,
                       "the change took effect, but this node does not follow fast enough to show "
                       "it; ask another node"));
        });
        return true;
    });
    std::erase_if(asked_, [&](auto& entry) {
        if (entry.second.deadline > now) return false;
        calls.push_back([done = std::move(entry.second.done)] {
            done(unknown_outcome("the leader did not answer in time"));
        });
        return true;
    });
    for (const auto& call : calls) call();
    if (!for_leader_.empty() || !for_index_.empty() || !asked_.empty()) arm_sweep();
}

}  // namespace trivet::daemon
