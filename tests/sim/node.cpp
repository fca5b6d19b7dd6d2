#include "tests/sim/node.hpp"

#include "core/assert.hpp"

namespace trivet::sim {

using std::chrono::milliseconds;

Node::Node(Surroundings surroundings, DiskContent content, double clock_rate)
    : around_(std::move(surroundings)),
      clock_(clock_rate),
      disk_(around_.world, around_.profile, std::move(content)) {}

void Node::start() {
    TRIVET_ASSERT(!is_up());
    raft::Options options = around_.profile.raft;
    options.id = id();
    options.seed = world().random().next();
    machine_ = KvMachine::restore(disk().rows);
    applied_ = disk().applied;
    raft_ = std::make_unique<raft::Raft>(options, disk().durable_state(), now());
    paused_until_ = world().now();
    around_.checker.on_start(*raft_);
    arm();
}

void Node::crash() {
    ++life_;
    raft_.reset();
    writes_.clear();  // nobody gets an answer
    reads_.clear();
    disk_.crash();
}

void Node::lose_disk(raft::RaftId new_id) {
    crash();
    disk_.wipe(new_id);
}

void Node::pause(Duration duration) {
    paused_until_ = std::max(paused_until_, world().now() + duration);
}

void Node::when_awake(std::function<void()> what) {
    if (is_awake()) return what();
    if (!is_up()) return;
    world().at(paused_until_, [this, what = std::move(what), life = life_] {
        if (life == life_) when_awake(what);
    });
}

void Node::arm() {
    const auto deadline = is_up() ? raft_->next_deadline() : std::nullopt;
    if (!deadline) return;
    world().at(clock_.true_time(*deadline), [this, number = ++timer_] { on_timer(number); });
}

void Node::on_timer(std::uint64_t number) {
    if (number != timer_ || !is_up()) return;
    when_awake([this, number] {
        if (number == timer_) perform(raft_->on_timer(now()));
    });
}

void Node::receive(raft::Message message) {
    when_awake([this, message = std::move(message)] { perform(raft_->step(message, now())); });
}

void Node::perform(raft::Actions actions) {
    around_.checker.on_step(*raft_, actions);
    if (actions.write.id != 0) {
        const std::uint64_t id = actions.write.id;
        disk_.write(std::move(actions.write), [this, id, life = life_] {
            when_awake([this, id, life] {
                if (life == life_) perform(raft_->on_written(id, now()));
            });
        });
    }
    for (raft::Message& message : actions.messages) around_.send(std::move(message));
    if (actions.restore) restore(*actions.restore);
    if (!actions.apply.empty()) apply(actions.apply);
    for (const raft::ReadId id : actions.reads) {
        const auto read = reads_.extract(id);
        read.mapped().second(machine_.list(read.mapped().first));
    }
    for (const raft::ReadId id : actions.lost_reads) reads_.extract(id).mapped().second(Unknown{});
    if (actions.snapshot_wanted)
        world().in(world().random().between(Duration{}, milliseconds{5}), [this, life = life_] {
            if (life == life_) when_awake([this] { make_snapshot(); });
        });
    arm();
}

void Node::apply(const std::vector<LogEntry>& entries) {
    RowChanges rows;
    for (const LogEntry& entry : entries) {
        if (entry.kind == EntryKind::command)
            for (std::string& key : machine_.apply(AppendToken::decode(entry.payload), entry.index))
                rows.emplace_back(key, machine_.row(key));
        const auto waiting = writes_.find(entry.index);
        if (waiting == writes_.end()) continue;
        const bool is_same = waiting->second.term == entry.term;
        waiting->second.done(is_same ? WriteReply{} : WriteReply{Unknown{}});
        writes_.erase(waiting);
    }
    const LogIndex applied = applied_ = entries.back().index;
    disk_.save_applied(applied, std::move(rows), [this, applied, life = life_] {
        when_awake([this, applied, life] {
            if (life != life_) return;
            raft_->on_applied(applied);
            maybe_compact(applied);
        });
    });
}

void Node::maybe_compact(LogIndex applied) {
    const raft::Log& log = raft_->log();
    const std::uint64_t kept = around_.profile.compact_behind;
    if (applied.value() < log.base().index.value() + 2 * kept + 1) return;
    const LogIndex end(applied.value() - kept);
    raft_->compact(end);
    disk_.compact(raft_->log().base());
}

void Node::restore(const raft::Snapshot& snapshot) {
    machine_ = KvMachine::restore(KvMachine::rows_of_snapshot(*snapshot.data));
    applied_ = snapshot.base.index;
    while (!writes_.empty() && writes_.begin()->first <= snapshot.base.index) {
        writes_.begin()->second.done(Unknown{});
        writes_.erase(writes_.begin());
    }
    around_.on_snapshot_installed();
}

void Node::make_snapshot() {
    if (!raft_->is_leader()) return;  // any more
    const LogIndex index = applied_;
    const raft::Log& log = raft_->log();
    raft::Snapshot snapshot;
    snapshot.base = {index, log.term_at(index).value(), log.configuration_at(index)};
    snapshot.data = std::make_shared<const std::string>(machine_.snapshot());
    perform(raft_->on_snapshot(std::move(snapshot), now()));
}

void Node::write(AppendToken command, std::function<void(WriteReply)> done) {
    when_awake([this, command = std::move(command), done = std::move(done)] {
        auto proposed = raft_->propose({command.encode()}, now());
        if (!proposed) return done(NotLeader{raft_->leader()});
        writes_[proposed->first] = {proposed->term, done};
        perform(std::move(proposed->actions));
    });
}

void Node::read(std::uint32_t key, std::function<void(ReadReply)> done) {
    when_awake([this, key, done = std::move(done)] {
        const raft::ReadId id = ++next_read_;
        reads_[id] = {key, done};
        auto actions = raft_->read(id, now());
        if (actions) return perform(std::move(*actions));
        reads_.erase(id);
        done(NotLeader{raft_->leader()});
    });
}

Result<void> Node::change(const raft::MembershipChange& change) {
    auto proposed = raft_->change(change, now());
    if (!proposed) return fail(proposed.error());
    perform(std::move(proposed->actions));
    return {};
}

Result<void> Node::transfer(raft::RaftId to) {
    auto actions = raft_->transfer(to, now());
    if (!actions) return fail(actions.error());
    perform(std::move(*actions));
    return {};
}

}  // namespace trivet::sim
