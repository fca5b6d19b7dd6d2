#include "core/single_node_log.hpp"

#include "core/assert.hpp"
#include "core/proposal_check.hpp"

namespace trivet {

SingleNodeLog::SingleNodeLog(LogStorage& storage, Start start)
    : storage_(storage), last_index_(start.last_index), term_(start.term) {}

void SingleNodeLog::subscribe(Apply apply) { apply_ = std::move(apply); }

void SingleNodeLog::propose(std::string payload, ProposeDone done) {
    if (auto taken =
            check_proposal(payload.size(), waiting_.size(),
                           {.payload_bytes_max = payload_bytes_max, .waiting_max = waiting_max});
        !taken)
        return done(fail(taken.error()));
    waiting_.push_back({std::move(payload), std::move(done)});
    pump();
}

void SingleNodeLog::read_barrier(ReadDone done) {
    // Nobody has been told of an entry that is durable but not applied yet, unless the call comes
    // from within the application of a batch.
    if (applying_) return readers_.push_back(std::move(done));
    done({});
}

void SingleNodeLog::pump() {
    if (pumping_) return;
    pumping_ = true;
    while (!appending_ && !waiting_.empty()) append_next();
    pumping_ = false;
}

void SingleNodeLog::append_next() {
    std::vector<LogEntry> entries;
    std::size_t bytes = 0;
    while (!waiting_.empty() && entries.size() < batch_entries_max) {
        Proposal& next = waiting_.front();
        if (!entries.empty() && bytes + next.payload.size() > batch_bytes_max) break;
        bytes += next.payload.size();
        entries.push_back(
            {LogIndex(last_index_.value() + entries.size() + 1), term_, next.payload});
        in_flight_.push_back(std::move(next));
        waiting_.pop_front();
    }
    appending_ = true;
    storage_.append(std::move(entries),
                    [this, alive = std::weak_ptr(alive_)](Result<void> written) {
                        if (alive.expired()) return;
                        finish(std::move(written));
                    });
}

void SingleNodeLog::finish(Result<void> written) {
    TRIVET_ASSERT(appending_ && !applying_);
    std::vector<Proposal> batch = std::move(in_flight_);
    in_flight_.clear();
    const std::weak_ptr<int> alive = alive_;
    if (written) {
        applying_ = true;
        for (Proposal& proposal : batch) {
            last_index_ = LogIndex(last_index_.value() + 1);
            if (apply_) apply_({last_index_, term_, std::move(proposal.payload)});
            proposal.done(last_index_);
            if (alive.expired()) return;
        }
        applying_ = false;
    } else {
        // Nothing of the batch is in the log: its indices are free again.
        for (Proposal& proposal : batch) {
            proposal.done(fail(written.error()));
            if (alive.expired()) return;
        }
    }
    appending_ = false;
    for (ReadDone& reader : std::exchange(readers_, {})) {
        reader({});
        if (alive.expired()) return;
    }
    pump();
}

}  // namespace trivet
