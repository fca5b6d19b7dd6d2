#include "core/eligibility.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/holder_rules.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

std::string quoted(const std::vector<std::string>& names) {
    return fmt::format("'{}'", fmt::join(names, "', '"));
}

}  // namespace

Eligibility::Eligibility(const ClusterState& state) : state_(state) {
    for (const auto& [name, stored] : state.nodes())
        if (!out_of_service(name)) in_service_.push_back({state.node_id(name), &stored.object});
}

Eligibility::Verdict Eligibility::judge(const Unit& unit) const {
    Verdict verdict;
    Hosts reaching = together(unit, verdict.placed);
    if (reaching.empty()) reaching = listed(unit, verdict.placed);
    const Hosts hosts = allowed_by_holders(std::move(reaching), unit);
    for (const Host* host : hosts) verdict.nodes.push_back(host->id);
    if (hosts.empty()) verdict.placed.clear();
    return verdict;
}

const Eligibility::Rules& Eligibility::rules_of(IpAddress address) const {
    const Pool& pool = *state_.pool_of(address);
    auto found = rules_.find(pool.name);
    if (found == rules_.end()) {
        Rules rules{L2Rules(state_, pool), {}};
        if (rules.l2.only_bgp().empty())
            for (const Host& host : in_service_)
                if (rules.l2.allow(*host.node)) rules.allowed.push_back(&host);
        found = rules_.emplace(pool.name, std::move(rules)).first;
    }
    return found->second;
}

Eligibility::Hosts Eligibility::reaching(IpAddress address) const {
    const Rules& rules = rules_of(address);
    Hosts hosts;
    for (const Host* host : rules.allowed)
        if (rules.l2.reach(*host->node, address)) hosts.push_back(host);
    return hosts;
}

/// Those that can announce every address of the unit. An address that nobody can announce at all,
/// or nobody that can announce those before it, does not take the others away.
Eligibility::Hosts Eligibility::together(const Unit& unit, std::vector<IpAddress>& placed) const {
    Hosts hosts;
    for (const IpAddress address : unit.addresses) {
        Hosts reaching = this->reaching(address);
        if (!placed.empty())
            std::erase_if(reaching, [&](const Host* host) {
                return std::ranges::find(hosts, host) == hosts.end();
            });
        if (reaching.empty()) continue;
        hosts = std::move(reaching);
        placed.push_back(address);
    }
    return hosts;
}

/// Those of its list that may announce it but for their interfaces.
Eligibility::Hosts Eligibility::listed(const Unit& unit, std::vector<IpAddress>& placed) const {
    Hosts hosts;
    for (const IpAddress address : unit.addresses) {
        const lease::Plan::Entry* entry = state_.lease_plan().find(address);
        if (entry == nullptr) continue;
        placed.push_back(address);
        for (const Host* host : rules_of(address).allowed)
            if (std::ranges::count(entry->list, host->id, &lease::Plan::Candidate::node) != 0 &&
                std::ranges::find(hosts, host) == hosts.end())
                hosts.push_back(host);
    }
    return hosts;
}

Eligibility::Hosts Eligibility::allowed_by_holders(Hosts hosts, const Unit& unit) {
    return trivet::allowed_by_holders(
        std::move(hosts), unit.holders,
        [](const Host* host) -> const std::string& { return host->node->name; });
}

// ---- in words -----------------------------------------------------------------------------------

std::optional<std::string> Eligibility::out_of_service(const std::string& node) const {
    const Node& known = state_.nodes().at(node).object;
    if (known.drained) return "it is drained";
    if (known.facts.witness) return "it is a witness, which carries no traffic";
    if (state_.node_id(node) != NodeId{}) return std::nullopt;
    return state_.boots().contains(node)
               ? "another node has the same data directory and started later"
               : "it was not seen at a start yet";
}

std::string Eligibility::why_none_in_service() const {
    if (state_.nodes().empty()) return "no node has joined the cluster yet";
    if (std::ranges::all_of(state_.nodes(),
                            [](const auto& entry) { return entry.second.object.drained; }))
        return "every node is drained; lbctl node undrain NODE brings one back";
    std::vector<std::string> reasons;
    for (const auto& [name, stored] : state_.nodes())
        reasons.push_back(fmt::format("'{}': {}", name, out_of_service(name).value_or("")));
    return fmt::format("no node is in service ({})", fmt::join(reasons, "; "));
}

std::string Eligibility::why_none_reaches(IpAddress address) const {
    std::vector<std::string> names;
    std::set<std::string> interfaces;
    bool by_subnet = false;
    const Rules& rules = rules_of(address);
    for (const Host* host : rules.allowed) {
        names.push_back(host->node->name);
        const std::set<std::string> named = rules.l2.interfaces(*host->node);
        by_subnet = by_subnet || named.empty();
        interfaces.insert(named.begin(), named.end());
    }
    if (!by_subnet)
        return fmt::format(
            "none of the interfaces that l2-advertisement {} names ({}) is up on the nodes {}",
            quoted(rules.l2.names()), fmt::join(interfaces, ", "), quoted(names));
    return fmt::format(
        "no interface that is up on the nodes {} has a subnet that holds {}; give one an address "
        "there, or name the interface in an l2-advertisement",
        quoted(names), address.to_string());
}

std::string Eligibility::why_nobody(const Unit& unit, IpAddress address) const {
    const Rules& rules = rules_of(address);
    if (!rules.l2.only_bgp().empty()) return rules.l2.only_bgp_reason();
    if (in_service_.empty()) return why_none_in_service();
    if (rules.allowed.empty()) {
        std::vector<std::string> names;
        for (const Host& host : in_service_) names.push_back(host.node->name);
        return fmt::format("the node_selectors of l2-advertisement {} match none of the nodes {}",
                           quoted(rules.l2.names()), quoted(names));
    }
    if (reaching(address).empty()) return why_none_reaches(address);
    std::vector<IpAddress> placed;
    std::vector<std::string> names;
    for (const Host* host : together(unit, placed)) names.push_back(host->node->name);
    if (std::ranges::find(placed, address) == placed.end())
        return fmt::format(
            "the addresses of a VIP stay together, and the nodes {} that can "
            "announce {} cannot announce this one",
            quoted(names), placed.front().to_string());
    const Vip* strict = &unit.holders.front()->vip;
    for (const VipRecord* holder : unit.holders)
        if (holder->vip.traffic_policy == TrafficPolicy::local &&
            !holder->vip.eligible_nodes.empty())
            strict = &holder->vip;
    const std::vector<std::string> wanted(strict->eligible_nodes.begin(),
                                          strict->eligible_nodes.end());
    return fmt::format("VIP '{}' is eligible on {} only; the nodes that may announce it are {}",
                       vip_name(*strict), quoted(wanted), quoted(names));
}

std::optional<std::string> Eligibility::why_not(const Unit& unit, IpAddress address,
                                                const std::string& node) const {
    if (auto out = out_of_service(node)) return out;
    const Node& known = state_.nodes().at(node).object;
    const L2Rules& rules = rules_of(address).l2;
    if (!rules.only_bgp().empty())
        return fmt::format("pool '{}' is announced by BGP alone", rules.pool().name);
    if (!rules.allow(known))
        return fmt::format("the node_selectors of l2-advertisement {} do not match its labels",
                           quoted(rules.names()));
    const auto why_out_of_reach = [&](IpAddress other) -> std::string {
        const std::set<std::string> named = rules_of(other).l2.interfaces(known);
        if (named.empty())
            return "none of its interfaces that are up has a subnet that holds " +
                   other.to_string();
        return fmt::format("none of the interfaces {} is up on it", fmt::join(named, ", "));
    };
    if (!rules.reach(known, address)) return why_out_of_reach(address);
    const NodeId id = state_.node_id(node);
    const Verdict verdict = judge(unit);
    if (std::ranges::find(verdict.nodes, id) != verdict.nodes.end()) return std::nullopt;
    for (const IpAddress other : verdict.placed) {
        const L2Rules& others = rules_of(other).l2;
        if (!others.allow(known))
            return fmt::format("{}, which stays together with it, may not be announced from it",
                               other.to_string());
        if (!others.reach(known, other))
            return "the addresses of a VIP stay together, and " + why_out_of_reach(other);
    }
    for (const VipRecord* holder : unit.holders)
        if (!holder->vip.eligible_nodes.empty() && !holder->vip.eligible_nodes.contains(node))
            return fmt::format("it is not among the eligible_nodes of VIP '{}'",
                               vip_name(holder->vip));
    return why_nobody(unit, address);
}

}  // namespace trivet
