// Raft messages: the input is one message, which also goes to a follower and to a leader, or (where
// its first byte says so) a series of them with timeouts and finished writes between.
#include <cstdint>
#include <string_view>

#include "core/assert.hpp"
#include "core/raft/message_codec.hpp"
#include "core/raft/raft.hpp"

using namespace trivet;
using namespace trivet::raft;

namespace {

/// Member 1 of three, whose log is two entries behind a base, one of them committed.
class Driven {
public:
    Driven() : raft_({.id = RaftId(1), .snapshot_bytes_max = 4096}, durable(), now_) {}

    void step(const Message& message) { perform(raft_.step(message, now_)); }
    void time_out() {
        now_ = std::max(now_, *raft_.next_deadline());
        perform(raft_.on_timer(now_));
    }
    void finish_writes() {
        while (done_ < given_) perform(raft_.on_written(++done_, now_));
    }
    void lead() {
        time_out();
        for (const bool pre_vote : {true, false}) {
            const Term term(raft_.term().value() + (pre_vote ? 1 : 0));
            finish_writes();
            step({RaftId(2), RaftId(1), term, VoteReply{true, pre_vote}});
        }
        TRIVET_ASSERT(raft_.is_leader());
        finish_writes();
        if (auto read = raft_.read(1, now_)) perform(std::move(*read));
    }

private:
    static DurableState durable() {
        DurableState state;
        for (std::uint64_t id = 1; id <= 3; ++id)
            state.base.configuration.members[RaftId(id)] = {MemberRole::voter, "n", "n:1"};
        state.base.index = LogIndex(4);
        state.base.term = Term(2);
        state.entries = {{LogIndex(5), Term(2), "a"}, {LogIndex(6), Term(3), "b"}};
        state.hard_state.term = Term(3);
        state.applied = LogIndex(5);
        return state;
    }

    void perform(Actions actions) {
        if (actions.write.id != 0) given_ = actions.write.id;
        // Whatever it was told, what it says itself is what a correct member may say.
        for (const Message& message : actions.messages) TRIVET_ASSERT(check_message(message));
        for (const LogEntry& entry : actions.apply) {
            TRIVET_ASSERT(entry.index > applied_);
            applied_ = entry.index;
        }
        if (actions.restore) applied_ = std::max(applied_, actions.restore->base.index);
        raft_.on_applied(applied_);
        if (!actions.snapshot_wanted) return;
        const LogIndex index = raft_.applied_index();
        const Log& log = raft_.log();
        perform(raft_.on_snapshot({{index, *log.term_at(index), log.configuration_at(index)},
                                   std::make_shared<const std::string>("state")},
                                  now_));
    }

    Instant now_{};
    LogIndex applied_{5};
    std::uint64_t given_ = 0, done_ = 0;
    Raft raft_;
};

/// To member 1 it shall be, or it would not be heard.
void readdress(Message& message) {
    message.to = RaftId(1);
    if (message.from == RaftId(1)) message.from = RaftId(2);
}

void check_one(std::string_view bytes) {
    auto message = decode_message(bytes);
    if (!message) return;
    TRIVET_ASSERT(encode(*message) == bytes);
    readdress(*message);
    for (const bool as_leader : {false, true}) {
        Driven driven;
        if (as_leader) driven.lead();
        driven.step(*message);
        driven.finish_writes();
        driven.step(*message);
        driven.time_out();
        driven.finish_writes();
    }
}

/// A series: one byte says what happens; before a message, two more say how long it is.
void check_series(std::string_view bytes) {
    Driven driven;
    while (!bytes.empty()) {
        const auto kind = static_cast<std::uint8_t>(bytes.front()) % 4;
        bytes.remove_prefix(1);
        if (kind == 0) driven.finish_writes();
        if (kind == 1) driven.time_out();
        if (kind < 2 || bytes.size() < 2) continue;
        const std::size_t size = static_cast<std::uint8_t>(bytes[0]) * std::size_t{256} +
                                 static_cast<std::uint8_t>(bytes[1]);
        bytes.remove_prefix(2);
        auto message = decode_message(bytes.substr(0, size));
        bytes.remove_prefix(std::min(size, bytes.size()));
        if (!message) continue;
        readdress(*message);
        driven.step(*message);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // No identity of a member that is drawn at random begins with this byte often enough to matter.
    if (!input.empty() && input.front() == '\xff')
        check_series(input.substr(1));
    else
        check_one(input);
    return 0;
}
