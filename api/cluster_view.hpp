#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the API shows of the consensus group, and what it asks of it. Plain values.
namespace trivet::api {

struct MemberView {
    std::string node;
    std::string id;       // 16 hex digits: one life of its data directory
    bool votes = false;   // a voter; otherwise an agent, which only follows
    std::string address;  // HOST:PORT of its transport
    bool is_leader = false;
    // As the leader knows them; empty when another node answers.
    std::optional<std::chrono::milliseconds> last_heard = {};  // so long ago
    std::optional<std::uint64_t> match_index = {};             // durable there
    std::optional<std::uint64_t> applied_index = {};
    bool has_lost_data = false;  // its disk lacks what it acknowledged: remove it and join it anew
};

struct ClusterView {
    std::string node;    // who answers
    std::string leader;  // its name; empty: none is known
    std::string leader_api;
    std::uint64_t term = 0;
    std::uint64_t commit_index = 0;
    std::uint64_t applied_index = 0;
    std::vector<MemberView> members;    // by name; empty before init and join
    std::vector<std::string> warnings;  // "an even number of voters ...", shown by lbctl
};

/// What `lbctl cluster invite` prints.
struct InviteAnswer {
    std::string address;  // of the API of the node that answers, HOST:PORT
    std::string token;    // one use
    std::string ca_hash;
    std::string command;  // "lbctl join HOST:PORT --token ... --ca-hash ..."
};

enum class JoinAs : std::uint8_t {
    automatic,  // votes while there are fewer than three voters
    voter,
    agent,
};

/// From lbctl to the node that is to join.
struct JoinRequest {
    std::string address;  // HOST:PORT of the API of any member
    std::string token;
    std::string ca_hash;
    JoinAs as = JoinAs::automatic;
};

/// From the node that joins to a member.
struct AdmitRequest {
    std::string node;
    std::string id;       // as MemberView::id
    std::string address;  // of its transport
    std::string token;
};

/// What makes it a member: whoever has it is trusted like every other node.
struct AdmitAnswer {
    std::string cluster_id;
    std::string ca_certificate;  // PEM
    std::string ca_key;          // PEM
};

enum class MemberChange : std::uint8_t { promote, demote, remove };

}  // namespace trivet::api
