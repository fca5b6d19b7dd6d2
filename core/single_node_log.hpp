#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/replicated_log.hpp"

namespace trivet {

/// The engine of a cluster of one: an entry is committed when it is durable here. One append is in
/// flight at a time; what is proposed meanwhile goes with the next one (group commit). No I/O of
/// its own: `storage` does that.
/// Not thread-safe: one strand owns it, and callbacks of `storage` come on that strand. It may be
/// destroyed while an append is in flight; its proposers then get no answer.
class SingleNodeLog : public ReplicatedLog {
public:
    static constexpr std::size_t waiting_max = 4096;            // proposals not yet being appended
    static constexpr std::size_t payload_bytes_max = 2u << 20;  // twice the largest request body
    static constexpr std::size_t batch_entries_max = 1024;      // so that one commit stays short
    static constexpr std::size_t batch_bytes_max = 4u << 20;    // likewise

    struct Start {
        LogIndex last_index;  // of what is durable; its owner has applied all of that
        Term term;
    };

    SingleNodeLog(LogStorage& storage, Start start);

    void subscribe(Apply apply) override;
    /// Errors: those of ReplicatedLog, except not_leader. Refusals are answered before it returns.
    void propose(std::string payload, ProposeDone done) override;
    void read_barrier(ReadDone done) override;

    LogIndex last_index() const { return last_index_; }

private:
    struct Proposal {
        std::string payload;
        ProposeDone done;
    };

    void pump();
    void append_next();
    void finish(Result<void> written);

    LogStorage& storage_;
    Apply apply_;
    LogIndex last_index_;
    Term term_;
    std::deque<Proposal> waiting_;
    std::vector<Proposal> in_flight_;
    bool appending_ = false;
    bool pumping_ = false;  // storage may answer before append() returns
    bool applying_ = false;
    std::vector<ReadDone> readers_;  // came while a batch was being applied
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace trivet
