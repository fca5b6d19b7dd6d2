#pragma once
#include <span>
#include <string>
#include <string_view>

#include "core/raft/boot_history.hpp"
#include "core/raft/types.hpp"
#include "store/row_checksum.hpp"

namespace trivet::store {

/// The table `meta` as a value: what the other tables are checked against, and what Raft must not
/// forget. docs/internals/storage.md explains its rows.
struct Meta {
    LogIndex last_index;  // of the log, at least last_applied
    Term term;            // of the entry at last_index
    LogIndex last_applied;
    TableDigest state_digest;
    raft::HardState hard_state;
    raft::LogBase base;  // the log's entries begin behind it
    raft::RaftId raft_id;
    raft::BootHistory boots;
};

/// One row: how its value is compared, written, and read back (false: malformed).
struct MetaField {
    std::string_view key;
    bool (*same)(const Meta& a, const Meta& b);
    std::string (*text)(const Meta& meta);
    bool (*parse)(std::string_view text, Meta& meta);
};

/// All rows of the newest schema.
std::span<const MetaField> meta_fields();

/// Those that schema 1 had: values are decimal numbers, but for the digest.
namespace meta_key {
inline constexpr std::string_view last_index = "last_index";
inline constexpr std::string_view term = "term";
inline constexpr std::string_view last_applied = "last_applied";
inline constexpr std::string_view state_digest = "state_digest";
inline constexpr std::string_view hard_state_term = "hard_state_term";
inline constexpr std::string_view hard_state_vote = "hard_state_vote";
inline constexpr std::string_view base_index = "base_index";
inline constexpr std::string_view base_term = "base_term";
inline constexpr std::string_view base_configuration = "base_configuration";
inline constexpr std::string_view raft_id = "raft_id";
inline constexpr std::string_view boots = "boots";
}  // namespace meta_key

}  // namespace trivet::store
