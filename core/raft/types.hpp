#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "core/ids.hpp"
#include "core/replicated_log.hpp"

/// Raft-lite: consensus as a pure state machine (docs/internals/raft.md). "Paper" is Ongaro and
/// Ousterhout, "In Search of an Understandable Consensus Algorithm" (extended version); "thesis" is
/// Ongaro, "Consensus: Bridging Theory and Practice".
namespace trivet::raft {

using RaftId = NodeId;

enum class MemberRole : std::uint8_t { learner, voter };  // thesis 4.2.1

struct Member {
    MemberRole role = MemberRole::learner;
    std::string name;     // of the node
    std::string address;  // HOST:PORT of its transport

    friend bool operator==(const Member&, const Member&) = default;
};

/// Who takes part (paper §6). A value type.
struct Configuration {
    std::map<RaftId, Member> members;

    bool votes(RaftId id) const;
    std::size_t voters() const;
    std::size_t majority() const { return voters() / 2 + 1; }
    friend bool operator==(const Configuration&, const Configuration&) = default;
};

/// Durable before anything that follows from it is sent (paper, figure 2: persistent state).
struct HardState {
    Term term;
    RaftId vote;  // 0: nobody in this term

    friend bool operator==(const HardState&, const HardState&) = default;
};

/// What stands in place of the log's beginning (paper §7).
struct LogBase {
    LogIndex index;
    Term term;
    Configuration configuration;  // as of `index`
};

/// The whole state after `base.index`, in the owner's own form.
struct Snapshot {
    LogBase base;
    std::shared_ptr<const std::string> data;
};

}  // namespace trivet::raft
