#include "tests/core/raft/engines.hpp"

#include <deque>
#include <optional>

#include "core/assert.hpp"
#include "core/raft/configuration_codec.hpp"
#include "core/raft/raft_log.hpp"
#include "core/single_node_log.hpp"

namespace trivet::raft {

namespace {

using Done = std::function<void(Result<void>)>;

class SingleNodeEngine : public Engine, public LogStorage {
public:
    ReplicatedLog& log() override { return *log_; }
    void get_ready() override {}
    bool has_writes() const override { return !writes_.empty(); }
    void let_time_pass() override {}
    void deliver_messages() override {}
    void destroy() override { log_.reset(); }

    void append(std::vector<LogEntry> entries, Done done) override {
        writes_.emplace_back(std::move(entries), std::move(done));
    }
    void finish_write(Result<void> result) override {
        auto [entries, done] = std::move(writes_.front());
        writes_.pop_front();
        if (result)
            for (const LogEntry& entry : entries) durable_.push_back(entry.payload);
        done(std::move(result));
    }
    std::vector<std::string> durable() const override { return durable_; }

private:
    std::deque<std::pair<std::vector<LogEntry>, Done>> writes_;
    std::vector<std::string> durable_;
    std::unique_ptr<SingleNodeLog> log_ =
        std::make_unique<SingleNodeLog>(*this, SingleNodeLog::Start{LogIndex(0), Term(1)});
};

/// `size` nodes with an instant network; the disk of the first waits for the test, the others'
/// answer at once.
class RaftEngine : public Engine {
public:
    explicit RaftEngine(std::uint64_t size) {
        Configuration configuration;
        for (std::uint64_t id = 1; id <= size; ++id)
            configuration.members[RaftId(id)] = {MemberRole::voter, "n" + std::to_string(id), ""};
        const LogEntry first{LogIndex(1), Term(1), encode(configuration), EntryKind::configuration};
        for (std::uint64_t id = 1; id <= size; ++id) {
            Options options;
            options.id = RaftId(id);
            // The first one's patience ends first.
            if (id > 1) options.election_timeout = std::chrono::seconds{5};
            DurableState durable;
            durable.hard_state.term = Term(1);
            durable.entries = {first};
            logs_.push_back(std::make_unique<RaftLog>(options, durable, host(id)));
        }
        for (const auto& log : logs_) log->subscribe([](const LogEntry&) {});
    }

    ReplicatedLog& log() override { return *logs_[0]; }
    void get_ready() override {
        for (const auto& log : logs_) log->start();
        for (int i = 0; i < 20 && !leads(); ++i) {
            let_time_pass();
            finish_writes();
        }
        TRIVET_ASSERT(leads());
    }
    bool has_writes() const override { return !writes_.empty(); }
    void let_time_pass() override {
        now_ = wake_at_;
        logs_[0]->on_timer();
        deliver_messages();
    }
    void destroy() override { logs_[0].reset(); }
    void finish_write(Result<void> result) override {
        auto [write, done] = std::move(writes_.front());
        writes_.pop_front();
        if (result)
            for (const LogEntry& entry : write.append)
                if (entry.kind == EntryKind::command) durable_.push_back(entry.payload);
        done(std::move(result));
        deliver_messages();
    }
    std::vector<std::string> durable() const override { return durable_; }
    void deliver_messages() override {
        while (!sent_.empty()) {
            const Message message = std::move(sent_.front());
            sent_.pop_front();
            if (auto& log = logs_[message.to.value() - 1]) log->receive(message);
        }
    }

private:
    bool leads() const {
        const Raft& raft = logs_[0]->raft();
        return raft.is_leader() && raft.log().term_at(raft.commit_index()) == raft.term();
    }
    Host host(std::uint64_t id) {
        Host host;
        host.now = [this] { return now_; };
        host.wake_at = [this, id](Instant when) {
            if (id == 1) wake_at_ = when;
        };
        host.write = [this, id](Write write, Done done) {
            if (id > 1) return done({});
            writes_.emplace_back(std::move(write), std::move(done));
        };
        host.compact = [](const LogBase&) {};
        host.send = [this](Message message) { sent_.push_back(std::move(message)); };
        host.snapshot = [] { return std::string(); };
        host.restore = [](const Snapshot&) {};
        return host;
    }
    Instant now_{std::chrono::hours{1}}, wake_at_ = now_;
    std::deque<Message> sent_;
    std::deque<std::pair<Write, Done>> writes_;
    std::vector<std::string> durable_;
    std::vector<std::unique_ptr<RaftLog>> logs_;
};

}  // namespace

std::unique_ptr<Engine> make_single_node() { return std::make_unique<SingleNodeEngine>(); }
std::unique_ptr<Engine> make_raft_of_one() { return std::make_unique<RaftEngine>(1); }
std::unique_ptr<Engine> make_raft_of_three() { return std::make_unique<RaftEngine>(3); }

}  // namespace trivet::raft
