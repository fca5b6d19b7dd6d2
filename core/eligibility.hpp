#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cluster_state.hpp"
#include "core/l2_rules.hpp"

namespace trivet {

/// Who may announce which addresses on layer 2, by the committed state. Lives while the state does
/// not change: it keeps what it found out of pools and nodes, because there may be many VIPs.
class Eligibility {
public:
    explicit Eligibility(const ClusterState& state);

    using Unit = PlacementUnit;
    struct Verdict {
        std::vector<NodeId> nodes;      // by name
        std::vector<IpAddress> placed;  // those that `nodes` may announce; the others nobody may
    };
    /// When no interface of any node reaches the unit, who is in its list stays so: an outage of
    /// the network is no reason to forget who owns what.
    Verdict judge(const Unit& unit) const;

    /// Why nobody may announce an address of the unit that is not among `placed`.
    std::string why_nobody(const Unit& unit, IpAddress address) const;
    /// Why this node may not; nullopt: it may.
    std::optional<std::string> why_not(const Unit& unit, IpAddress address,
                                       const std::string& node) const;

private:
    struct Host {
        NodeId id;
        const Node* node;
    };
    struct Rules {
        L2Rules l2;
        std::vector<const Host*> allowed;  // by name
    };
    using Hosts = std::vector<const Host*>;

    const Rules& rules_of(IpAddress address) const;
    Hosts reaching(IpAddress address) const;
    Hosts together(const Unit& unit, std::vector<IpAddress>& placed) const;
    Hosts listed(const Unit& unit, std::vector<IpAddress>& placed) const;
    static Hosts allowed_by_holders(Hosts hosts, const Unit& unit);
    std::optional<std::string> out_of_service(const std::string& node) const;
    std::string why_none_in_service() const;
    std::string why_none_reaches(IpAddress address) const;

    const ClusterState& state_;
    std::vector<Host> in_service_;                // by name
    mutable std::map<std::string, Rules> rules_;  // by pool
};

}  // namespace trivet
