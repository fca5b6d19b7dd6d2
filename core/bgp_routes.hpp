#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bgp_objects.hpp"
#include "core/bgp_plan.hpp"
#include "core/cluster_state.hpp"

namespace trivet {

/// An advertisement as one node carries it out.
struct BgpRule {
    BgpAdvertisementSpec spec;
    BgpAttributes attributes;
};

/// Marks routes as what will go away soon (RFC 8326).
void add_graceful_shutdown(BgpAttributes& attributes);

/// What one peer hears: some of the node's rules, in order, and whether all of it is about to go.
struct BgpAudience {
    std::vector<std::uint32_t> rules;  // sorted places in the list of rules
    bool graceful_shutdown = false;
    auto operator<=>(const BgpAudience&) const = default;
};

/// Turns VIPs into routes: each address is filed with the rules that select it, once for all
/// peers; then each audience takes its routes from that. 100,000 addresses take some 10 ms, with a
/// few bytes for each. Lives while the state does not change.
class BgpRouteMaker {
public:
    /// `node`: whose routes they are; `hosts`: the nodes in service, which the holders of shared
    /// addresses choose among.
    BgpRouteMaker(const ClusterState& state, std::string node, std::vector<std::string> hosts,
                  std::vector<BgpRule> rules);

    void file_all();
    void file(IpAddress address);
    /// Whether `audience` is told of `address`. Files nothing.
    bool is_told(const BgpAudience& audience, IpAddress address);

    BgpRoutes routes(const BgpAudience& audience) const;
    /// The addresses that any of them hears of and whose holders want them on `lo`, sorted.
    std::vector<IpAddress> bound(const std::vector<BgpAudience>& audiences) const;
    const std::vector<BgpRule>& rules() const { return rules_; }

private:
    using RuleSet = std::vector<std::uint32_t>;  // sorted places in rules_
    using Holders = std::span<const VipRecord* const>;
    struct Segment {  // of a pool that a rule selects
        AddressRange range;
        RuleSet rules;
        bool looks_at_vips = false;  // one of them has vip_selectors
        bool has_owners = false;     // layer 2 announces it as well
        std::uint32_t rule_set = 0;  // of all of `rules`
    };
    struct Filed {
        IpAddress address;
        bool is_bound = false;       // a holder's delivery is `bind`
        std::uint32_t rule_set = 0;  // place in rule_sets_
    };
    /// What an address becomes for an audience: routes of these lengths.
    struct Emission {
        int length = 0;
        std::uint32_t attributes = 0;
    };
    class Attributes;

    void build_segments();
    const Segment* segment_of(IpAddress address);
    void file(const VipRecord& record, IpAddress address);
    void file(const Segment& segment, IpAddress address, Holders holders);
    std::optional<std::uint32_t> rules_for(const Segment& segment, IpAddress address,
                                           Holders holders);
    bool is_eligible(Holders holders) const;
    bool is_for_owner(IpAddress address) const;
    std::uint32_t place_of(const RuleSet& rules);
    static bool hears(const BgpAudience& audience, const RuleSet& rules);
    std::vector<Emission> emissions(const RuleSet& rules, IpFamily family,
                                    const BgpAudience& audience, Attributes& attributes) const;

    const ClusterState& state_;
    std::string node_;
    std::vector<std::string> hosts_;
    std::vector<BgpRule> rules_;
    std::vector<Segment> segments_;  // by address
    const Segment* last_segment_ = nullptr;
    std::map<RuleSet, std::uint32_t> places_;
    std::vector<RuleSet> rule_sets_;
    std::vector<Filed> filed_;  // by address once file_all() is done
};

}  // namespace trivet
