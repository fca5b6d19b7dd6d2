#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/bgp_session_table.hpp"
#include "core/ids.hpp"
#include "core/objects.hpp"
#include "core/time.hpp"
#include "core/token.hpp"
#include "core/trouble_table.hpp"

/// What is replicated: the commands, not their results. Applying the same commands in the same
/// order gives the same state on every node.
namespace trivet {

enum class PutMode : std::uint8_t { create, create_or_replace };

struct PutObject {
    Object object;
    PutMode mode = PutMode::create_or_replace;
    bool force = false;                     // a pool that loses addresses in use
    std::optional<std::uint64_t> revision;  // refuse unless the object is at this revision
};

struct DeleteObject {
    ObjectKey key;
    bool force = false;  // a pool with addresses in use
};

/// Makes an empty state a cluster; refused when it is one already.
struct InitCluster {
    std::string cluster_id;
    std::string admin_token_hash;  // hex SHA-256 of the token; the token itself is nowhere stored
};

struct RegisterNode {
    std::string name;
    Labels labels;
    NodeFacts facts = {};
};

struct DrainNode {
    std::string name;
    bool drained = true;
};

/// Only moves the state's time on, so that cooldowns end; proposed at
/// ClusterState::next_deadline().
struct AdvanceTime {};

// core/membership_table.hpp says what these four obey.

struct MakeJoinToken {
    std::string hash;  // hex SHA-256 of a token that lets one node in; it is nowhere stored itself
    WallTime expires{};
};

struct UseJoinToken {
    std::string hash;
    std::uint64_t raft_id = 0;  // of who shows the token
    std::string node;           // the name it will have
};

/// A node was seen at this start of its data directory (core/raft/boot_history.hpp).
struct RecordBoot {
    std::string node;
    std::uint64_t raft_id = 0;
    std::uint64_t number = 0;
    std::uint64_t nonce = 0;
};

/// The node has left, or is dead and will not come back. VIPs that name it keep doing so.
struct RemoveNode {
    std::string name;
};

/// For whoever uses the API (core/token_table.hpp).
struct CreateToken {
    std::string name;
    std::string hash;  // hex SHA-256 of the token
    TokenRole role = TokenRole::cloud;
    TokenLimits limits = {};
    std::optional<std::chrono::seconds> valid_for =
        {};  // from the command's time; nullopt: for good
};

struct DeleteToken {
    std::string name;
};

// Who owns the VIPs (docs/internals/placement.md); core/lease_plan.hpp says what the first two
// obey.

/// `by` has taken over from `node`, whose epoch a majority of the voters has fenced. Known already,
/// or of an epoch that is over: nothing happens.
struct RecordFence {
    NodeId node;
    Epoch epoch;
    NodeId by;
    std::string cause;              // for people: "not heard for 60 ms"
    std::uint32_t duration_ms = 0;  // from the last sign of life to the new owner's gate
};

/// The node asks to take part again after a fence. It stands alone in its command. When its epoch
/// has moved on, nothing happens.
struct AdmitNode {
    NodeId node;
    Epoch seen;
};

/// The VIP, and those that share an address with it, shall be owned by `node`.
struct MoveVip {
    ObjectKey vip;
    std::string node;
};

/// Moves as few VIPs as make the nodes' shares even.
struct Rebalance {};

struct SetLeaseProfile {
    std::string name;  // core/lease_table.hpp
};

/// The node finds this wrong with an address; nullopt: nothing any more. Of an address that nobody
/// holds nothing is kept.
struct ReportTrouble {
    IpAddress address;
    std::string node;
    std::optional<Trouble> trouble = {};  // its `since` is the command's time
};

/// The BGP sessions that the node holds now, in place of those that it told before.
struct ReportBgpSessions {
    std::string node;
    BgpSessions sessions = {};
};

/// One step of a command.
using Action = std::variant<PutObject, DeleteObject, InitCluster, RegisterNode, DrainNode,
                            AdvanceTime, MakeJoinToken, UseJoinToken, RecordBoot, RemoveNode,
                            CreateToken, DeleteToken, RecordFence, AdmitNode, MoveVip, Rebalance,
                            SetLeaseProfile, ReportTrouble, ReportBgpSessions>;

/// Names a request, so that it takes effect once however often it is sent (core/client_table.hpp).
struct RequestId {
    std::string client;
    std::uint64_t sequence = 0;
    std::uint64_t fingerprint = 0;  // of what it asks for; another under the same name is refused
};

struct Command {
    WallTime at{};                // the proposer's clock; the state never lets time run backwards
    std::vector<Action> actions;  // all or none take effect
    std::optional<RequestId> request = {};
};

/// Equal for equal actions, on every machine.
std::uint64_t fingerprint_of(const std::vector<Action>& actions);

/// The form in the log: JSON with a format number. decode refuses what encode cannot have written.
std::string encode(const Command& command);
Result<Command> decode_command(std::string_view text);

}  // namespace trivet
