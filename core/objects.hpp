#pragma once
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/backend.hpp"
#include "core/ip_address.hpp"
#include "core/label_selector.hpp"
#include "core/link_address.hpp"
#include "core/port.hpp"

/// The objects that users configure (design section 6): what REST, lbctl, the log and the database
/// carry. Plain values without behaviour; object_json.hpp reads and writes them, ClusterState gives
/// them meaning.
namespace trivet {

enum class Kind : std::uint8_t {
    pool,
    vip,
    l2_advertisement,
    bgp_advertisement,
    bgp_peer,
    bfd_profile,
    community,
    name_space,  // "namespace": carries the labels that a pool's namespace_selectors look at
    node,
};

/// Names one object. `name_space` is set for VIPs alone.
struct ObjectKey {
    Kind kind = Kind::pool;
    std::string name_space;
    std::string name;

    /// "pool/lan", "vip/default/web": the key of the object's row in the database, and its name in
    /// messages.
    std::string to_string() const;
    friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

enum class OnQuorumLoss : std::uint8_t { withdraw, hold };

struct Pool {
    std::string name;
    Labels labels;
    std::vector<AddressRange> addresses;
    bool auto_assign = true;
    bool avoid_buggy_ips = false;  // skip IPv4 addresses that end in .0 or .255
    std::uint32_t priority = 0;    // lower wins; 0 comes last
    std::vector<std::string> namespaces;
    std::vector<LabelSelector> namespace_selectors;
    std::vector<LabelSelector> vip_selectors;
    std::chrono::seconds reuse_cooldown{0};
    OnQuorumLoss on_quorum_loss = OnQuorumLoss::withdraw;

    bool operator==(const Pool&) const = default;
};

enum class IpFamilyPolicy : std::uint8_t { single, prefer_dual, require_dual };
enum class TrafficPolicy : std::uint8_t { cluster, local };
enum class Delivery : std::uint8_t { none, bind };

struct Vip {
    std::string name_space = "default";
    std::string name;
    Labels labels;
    std::string pool;                  // empty: any pool that fits
    std::vector<IpAddress> addresses;  // wanted; empty: Trivet chooses
    std::vector<IpFamily>
        ip_families;  // in order of preference; empty: what the pool has, IPv4 first
    std::optional<IpFamilyPolicy> ip_family_policy;
    std::string sharing_key;
    std::vector<Port> ports;  // empty: all ports
    TrafficPolicy traffic_policy = TrafficPolicy::cluster;
    std::set<std::string> eligible_nodes;      // empty: every node
    std::vector<std::string> preferred_nodes;  // in order: first when its list is made anew
    Delivery delivery = Delivery::none;
    std::vector<Backend> backends;  // where its traffic can go

    bool operator==(const Vip&) const = default;
};

struct L2Advertisement {
    std::string name;
    Labels labels;
    std::vector<std::string> pools;
    std::vector<LabelSelector> pool_selectors;  // pools and pool_selectors both empty: every pool
    std::vector<LabelSelector> node_selectors;  // empty: every node
    std::vector<std::string> interfaces;        // empty: those whose subnet holds the address

    bool operator==(const L2Advertisement&) const = default;
};

struct Namespace {
    std::string name;
    Labels labels;  // kubernetes.io/metadata.name is always there as well

    bool operator==(const Namespace&) const = default;
};

/// An object of BGP or BFD: its fields are checked against the table in config_fields.cpp and kept
/// as they are written; bgp_objects.hpp gives them types.
struct ConfigObject {
    Kind kind = Kind::bgp_peer;
    std::string name;
    Labels labels;
    nlohmann::json fields = nlohmann::json::object();  // without name and labels

    bool operator==(const ConfigObject&) const = default;
};

/// An interface of a node that is up and that layer 2 VIPs can be announced on.
struct NodeInterface {
    static constexpr std::size_t prefixes_max = 64;

    std::string name;
    std::vector<Prefix> prefixes = {};   // the subnets of its addresses
    std::optional<MacAddress> mac = {};  // what its announcements carry; nullopt: not told

    bool operator==(const NodeInterface&) const = default;
};

/// What a node tells of itself beside its labels.
struct NodeFacts {
    static constexpr std::uint32_t default_weight = 100;
    static constexpr std::uint32_t weight_max = 10'000;  // keeps products of weights small
    /// A node tells of them all with each change: far above a router's, far below what a log bears.
    static constexpr std::size_t interfaces_max = 256;

    std::uint32_t weight =
        default_weight;    // its share of the VIPs, beside the other nodes' weights
    bool witness = false;  // it votes, and carries no traffic
    std::optional<std::vector<NodeInterface>> interfaces = {};  // nullopt: not told, any will do

    bool operator==(const NodeFacts&) const = default;
};

/// A machine that runs lbd. It registers itself; users drain it.
struct Node {
    std::string name;
    Labels labels;  // kubernetes.io/hostname is always there as well
    bool drained = false;
    NodeFacts facts = {};

    bool operator==(const Node&) const = default;
};

using Object = std::variant<Pool, Vip, L2Advertisement, Namespace, ConfigObject>;

/// How advertisements of either kind select pools: by name, by labels, or all.
bool selects_pool(const std::vector<std::string>& names,
                  const std::vector<LabelSelector>& selectors, const Pool& pool);

ObjectKey key_of(const Object& object);
std::string_view to_string(
    Kind kind);  // "l2-advertisement", the noun of lbctl and of `kind:` in files

/// `[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?`. Errors: invalid_argument.
Result<void> check_name(std::string_view what, std::string_view name);

}  // namespace trivet
