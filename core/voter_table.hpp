#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"

namespace trivet {

/// A part of the replicated state: who votes, as applied, and the log index of the entry that made
/// it so. Leases date their renewals with that index (rule V3), so it must be the same on every
/// node, also on one that knows the state from a snapshot alone. A value type.
class VoterTable {
public:
    LogIndex index() const { return index_; }    // 0: no change was applied yet
    LogIndex before() const { return before_; }  // of the voters before these
    const std::vector<NodeId>& voters() const { return voters_; }

    /// A configuration was applied. False: its voters are the same, whatever else it changed.
    bool apply(LogIndex index, std::vector<NodeId> voters);

    static constexpr std::string_view row_key = "voters/applied";
    std::optional<std::string> row() const;  // nullopt: index() is 0
    /// Errors: corrupt.
    Result<void> restore(std::string_view row);

private:
    LogIndex index_, before_;
    std::vector<NodeId> voters_;  // sorted
};

}  // namespace trivet
