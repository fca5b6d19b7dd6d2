#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "core/time.hpp"
#include "dataplane/gate.hpp"
#include "dataplane/nft_batch.hpp"

namespace trivet::dataplane::nft {

/// The two rights, each with a map for the addresses of either family that leads to the chain of
/// the address's group, and with one set of the groups that are open, whose elements have timeouts.
/// (A map from address to group and a look-up of that group in the set would be simpler, but
/// `nft list ruleset` of Debian 12 aborts on it, for the whole machine.)
enum class Right : std::uint8_t { announce, accept };
const char* vips_map(Right right, IpFamily family);
const char* live_set(Right right);
constexpr const char* claims_set = "claims";  // each IPv4 VIP twice: sender and target of its claim

/// Tables of the gate: one a process, so that the next can stand beside it.
constexpr std::string_view table_prefix = "trivet_gate_";
std::string table_name(std::uint32_t slot);
std::optional<std::uint32_t> table_slot(std::string_view name);

std::string counter_name(trivet_gate_direction direction, trivet_gate_kind kind);
/// The base chain of an interface, which is bound to it by its name.
std::string base_chain_name(trivet_gate_direction direction, std::uint32_t ifindex);

/// The whole table without interfaces, as one transaction: closed.
void add_ruleset(NftBatch& batch, const char* table);
/// The two chains of a group, which drop while it is not among the open ones.
void add_group(NftBatch& batch, const char* table, GateGroup group);
std::string group_chain_name(Right right, GateGroup group);
/// How a group stands in a set of open ones: in network order, because `nft list` reads it so.
std::array<std::uint8_t, 4> group_key(GateGroup group);
struct Uplink {
    std::uint32_t ifindex = 0;
    const char* device = "";
};
void add_uplink(NftBatch& batch, const char* table, const Uplink& uplink);
void delete_uplink(NftBatch& batch, const char* table, std::uint32_t ifindex);

/// For how long an element must live so that it is surely gone at `until`: rounded down, and two
/// ticks shorter, because the kernel counts in ticks and begins with the one that has begun.
/// Nullopt: too short to be opened at all; a timeout of less than a tick would mean no timeout.
std::optional<std::chrono::milliseconds> timeout_until(Instant until, Instant now, Duration tick);
constexpr Duration tick_longest = std::chrono::milliseconds(10);  // CONFIG_HZ=100

}  // namespace trivet::dataplane::nft
