#pragma once
#include <string>
#include <vector>

#include "core/bgp_plan.hpp"
#include "core/cluster_state.hpp"

/// Who announces which VIPs by BGP: from the committed state to the plan that announce/bgp carries
/// out (docs/adr/0009-bgp-policy.md). Pure functions.
namespace trivet {

/// How far a node has gone in giving its routes away (design: node drain). Sessions stay
/// throughout.
enum class DrainStage : std::uint8_t {
    none,
    graceful_shutdown,  // announced as what will go away soon (RFC 8326)
    withdrawn,
};

struct BgpPolicyOptions {
    /// What the node itself wants. One that the state says is drained is at least in
    /// graceful_shutdown.
    DrainStage drain = DrainStage::none;
    /// Of the same node, when there was one: route sets that are equal are shared with it, so that
    /// a comparison of pointers tells what has changed. May be null.
    const BgpPlan* before = nullptr;
};

/// What a node has to do for BGP.
struct BgpDuty {
    BgpPlan plan;                  // as bgp_plan()
    std::vector<IpAddress> bound;  // as bgp_bound()
};
/// Both at once: all VIPs are gone through once.
BgpDuty bgp_duty(const ClusterState& state, const std::string& node,
                 const BgpPolicyOptions& options = {});

/// The peers that `node` has sessions with, and what each is told: every address that VIPs hold,
/// whose pool a bgp-advertisement selects and which the node is eligible for (and owns, when layer
/// 2 announces the pool as well). Routes are of both families, whatever a peer's session carries.
/// Empty for a node that is not in service: unknown, not seen at a start, or a witness.
BgpPlan bgp_plan(const ClusterState& state, const std::string& node,
                 const BgpPolicyOptions& options = {});

/// The addresses that must be on `lo` of `node`, because it announces them by BGP and their VIPs'
/// delivery is `bind`; sorted. They stay there while the node is drained, also when its routes are
/// withdrawn: what still arrives is served. Layer 2 has its own (l2_plan()).
std::vector<IpAddress> bgp_bound(const ClusterState& state, const std::string& node);

/// One route that one node gives one peer.
struct BgpAnnouncement {
    std::string node;
    std::string peer;
    Prefix prefix;
    BgpAttributes attributes;
};

/// By which nodes and to which peers `address` is announced, by the committed state alone: whether
/// their sessions are up, only the nodes know.
std::vector<BgpAnnouncement> bgp_announcements(const ClusterState& state, IpAddress address);

/// Which addresses routers are told of now, by what the nodes say of their sessions. Made once for
/// many addresses, since it reads every object of BGP; lives while the state does not change.
class BgpReach {
public:
    explicit BgpReach(const ClusterState& state);
    BgpReach(BgpReach&&) noexcept;
    BgpReach(const BgpReach&) = delete;
    BgpReach& operator=(const BgpReach&) = delete;
    ~BgpReach();

    /// Some node has an established session with a peer that it tells of `address`.
    bool is_announced(IpAddress address);

private:
    struct Host;
    std::vector<Host> hosts_;  // that have established sessions
};

}  // namespace trivet
