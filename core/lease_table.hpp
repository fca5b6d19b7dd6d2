#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/flap_damping.hpp"
#include "core/lease_plan.hpp"
#include "core/result.hpp"

namespace trivet {

/// A part of the replicated state: the plan of the leases, which timing they run with, and which
/// nodes flap. Knows how it is kept as rows. A value type; no clock.
class LeaseTable {
public:
    static constexpr std::string_view default_profile = "default";
    /// "default", "fast", "fastest", "wide": docs/internals/leases.md has their times.
    static const std::vector<std::string>& profiles();

    /// What one command changed.
    struct Changed {
        std::set<NodeId> nodes;
        std::set<IpAddress> addresses;
        bool profile = false;
        std::vector<std::string> row_keys() const;
    };

    const lease::Plan& plan() const { return plan_; }
    const std::string& profile() const { return profile_; }
    bool is_fenced(NodeId node) const;
    bool is_damped(NodeId node, WallTime now) const;

    void set_list(IpAddress address, const std::vector<NodeId>& list, LogIndex index,
                  Changed& changed);
    /// A node that may be a candidate for the first time, whether or not there is room for it.
    void introduce(NodeId node, Changed& changed);
    /// False: nothing happened. `became_damped`: this fence was one too many.
    struct Fenced {
        bool took_effect = false;
        bool became_damped = false;
    };
    Fenced record_fence(NodeId node, Epoch epoch, WallTime now, Changed& changed);
    bool admit(NodeId node, Epoch seen, LogIndex index, Changed& changed);
    /// Errors: invalid_argument, there is no such profile. False: it was that one.
    Result<bool> set_profile(const std::string& name, Changed& changed);

    static constexpr std::string_view row_prefix = "lease/";
    static constexpr std::string_view profile_row = "lease/profile";
    static bool has_row(std::string_view key) { return key.starts_with(row_prefix); }
    /// What a row is about, when it is about an address or a node.
    static std::optional<IpAddress> address_in(std::string_view key);
    static std::optional<NodeId> node_in(std::string_view key);
    std::vector<std::string> row_keys() const;
    std::optional<std::string> row(std::string_view key) const;
    /// Errors: corrupt.
    Result<void> restore(std::string_view key, std::string_view row);
    /// After the last row. Errors: corrupt, a list names a node without a row.
    Result<void> check_restored() const;

private:
    Result<void> restore_node(std::string_view name, const nlohmann::json& row);
    Result<void> restore_address(std::string_view name, const nlohmann::json& row);

    lease::Plan plan_;
    std::string profile_{default_profile};
    std::map<NodeId, FlapPenalty> penalties_;  // of nodes that were fenced
};

/// "00000000000000a1": how a node's id is written wherever it is text.
std::string to_text(NodeId node);

}  // namespace trivet
