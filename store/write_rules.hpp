#pragma once
#include "core/raft/raft.hpp"
#include "store/log_terms.hpp"

namespace trivet::store {

/// What a write is checked against: how things stand once all before it are written. A value type.
struct Standing {
    LogIndex last_index;
    LogTerms terms;
    LogIndex applied;
    LogIndex snapshot;  // the newest that a write brought since the file was opened; 0: none
    raft::HardState hard_state;
};

/// How things stand after `write`. Errors: internal, it would leave a hole, take back what is
/// applied, or break a rule that Raft's safety rests on; too_large, a payload.
Result<Standing> after(Standing standing, const raft::Write& write);

/// What `write` counts for among those that wait and in one transaction.
std::size_t bytes_of(const raft::Write& write);

}  // namespace trivet::store
