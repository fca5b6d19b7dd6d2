#include "core/bgp_routes.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "core/holder_rules.hpp"
#include "core/l2_rules.hpp"

namespace trivet {

namespace {

template <class Value, class Choose>
void unite(std::optional<Value>& into, const std::optional<Value>& other, Choose choose) {
    if (into && other)
        into = choose(*into, *other);
    else if (other)
        into = other;
}

/// What several advertisements give one route. Where it can have but one value and they differ,
/// which is refused as far as it is known when they are made, the less preferred one holds.
void unite(BgpAttributes& into, const BgpAttributes& other) {
    const auto lesser = [](std::uint32_t a, std::uint32_t b) { return std::min(a, b); };
    const auto greater = [](std::uint32_t a, std::uint32_t b) { return std::max(a, b); };
    unite(into.local_pref, other.local_pref, lesser);
    unite(into.med, other.med, greater);  // RFC 4271 section 9.1.2.2: the lower one is preferred
    into.prepend = std::max(into.prepend, other.prepend);
    into.communities.insert(other.communities.begin(), other.communities.end());
    into.extended_communities.insert(other.extended_communities.begin(),
                                     other.extended_communities.end());
    into.large_communities.insert(other.large_communities.begin(), other.large_communities.end());
}

}  // namespace

/// The attribute sets of one BgpRoutes, each once.
class BgpRouteMaker::Attributes {
public:
    std::uint32_t place_of(const BgpAttributes& attributes) {
        const auto [found, is_new] =
            places_.emplace(attributes, static_cast<std::uint32_t>(all_.size()));
        if (is_new) all_.push_back(&found->first);
        return found->second;
    }

    std::uint32_t united(std::uint32_t a, std::uint32_t b) {
        const auto [found, is_new] = united_.emplace(std::minmax(a, b), 0);
        if (is_new) {
            BgpAttributes both = *all_[a];
            unite(both, *all_[b]);
            found->second = place_of(both);
        }
        return found->second;
    }

    /// Moves those that routes have into the set, in the order of the routes.
    void move_into(BgpRoutes& routes) const {
        constexpr std::uint32_t unused = UINT32_MAX;
        std::vector<std::uint32_t> new_places(all_.size(), unused);
        for (BgpRoute& route : routes.routes) {
            std::uint32_t& place = new_places[route.attributes];
            if (place == unused) {
                place = static_cast<std::uint32_t>(routes.attributes.size());
                routes.attributes.push_back(*all_[route.attributes]);
            }
            route.attributes = place;
        }
    }

private:
    std::map<BgpAttributes, std::uint32_t> places_;
    std::vector<const BgpAttributes*> all_;  // keys of places_
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> united_;
};

bool BgpRouteMaker::hears(const BgpAudience& audience, const RuleSet& rules) {
    return std::ranges::any_of(rules, [&](std::uint32_t rule) {
        return std::ranges::binary_search(audience.rules, rule);
    });
}

BgpRouteMaker::BgpRouteMaker(const ClusterState& state, std::string node,
                             std::vector<std::string> hosts, std::vector<BgpRule> rules)
    : state_(state), node_(std::move(node)), hosts_(std::move(hosts)), rules_(std::move(rules)) {
    build_segments();
}

void BgpRouteMaker::build_segments() {
    for (const auto& [name, stored] : state_.pools()) {
        Segment segment;
        for (std::uint32_t i = 0; i < rules_.size(); ++i) {
            if (!rules_[i].spec.is_for(stored.object)) continue;
            segment.rules.push_back(i);
            segment.looks_at_vips = segment.looks_at_vips || !rules_[i].spec.vip_selectors.empty();
        }
        if (segment.rules.empty()) continue;
        segment.rule_set = place_of(segment.rules);
        segment.has_owners = advertisements_of(state_, stored.object).announced_by_l2();
        for (const AddressRange& range : stored.object.addresses) {
            segment.range = range;
            segments_.push_back(segment);
        }
    }
    std::ranges::sort(segments_, {}, [](const Segment& segment) { return segment.range.first; });
}

std::uint32_t BgpRouteMaker::place_of(const RuleSet& rules) {
    const auto [found, is_new] =
        places_.emplace(rules, static_cast<std::uint32_t>(rule_sets_.size()));
    if (is_new) rule_sets_.push_back(rules);
    return found->second;
}

/// Null: no rule is about its pool.
const BgpRouteMaker::Segment* BgpRouteMaker::segment_of(IpAddress address) {
    if (last_segment_ != nullptr && last_segment_->range.contains(address)) return last_segment_;
    const auto after = std::ranges::upper_bound(
        segments_, address, {}, [](const Segment& segment) { return segment.range.first; });
    if (after == segments_.begin() || !std::prev(after)->range.contains(address)) return nullptr;
    last_segment_ = &*std::prev(after);
    return last_segment_;
}

void BgpRouteMaker::file_all() {
    if (segments_.empty()) return;
    filed_.reserve(state_.vips().size());
    for (const auto& [key, record] : state_.vips())
        for (const IpAddress address : record.assigned) file(record, address);
    if (!std::ranges::is_sorted(filed_, {}, &Filed::address))
        std::ranges::sort(filed_, {}, &Filed::address);
}

void BgpRouteMaker::file(const VipRecord& record, IpAddress address) {
    const Segment* segment = segment_of(address);
    if (segment == nullptr) return;
    const VipRecord* holder = &record;
    if (record.vip.sharing_key.empty()) return file(*segment, address, {&holder, 1});
    const std::vector<const VipRecord*> holders = state_.holders(address);
    if (holders.front() == holder) file(*segment, address, holders);  // once for all of them
}

void BgpRouteMaker::file(IpAddress address) {
    const std::vector<const VipRecord*> holders = state_.holders(address);
    const Segment* segment = segment_of(address);
    if (segment != nullptr && !holders.empty()) file(*segment, address, holders);
}

bool BgpRouteMaker::is_told(const BgpAudience& audience, IpAddress address) {
    const std::vector<const VipRecord*> holders = state_.holders(address);
    const Segment* segment = segment_of(address);
    if (segment == nullptr || holders.empty()) return false;
    const auto rule_set = rules_for(*segment, address, holders);
    return rule_set && hears(audience, rule_sets_[*rule_set]);
}

void BgpRouteMaker::file(const Segment& segment, IpAddress address, Holders holders) {
    const auto rule_set = rules_for(segment, address, holders);
    if (!rule_set) return;
    const bool is_bound = std::ranges::any_of(
        holders, [](const VipRecord* holder) { return holder->vip.delivery == Delivery::bind; });
    filed_.push_back({address, is_bound, *rule_set});
}

/// The place of the rules that announce the address here; nullopt: none does.
std::optional<std::uint32_t> BgpRouteMaker::rules_for(const Segment& segment, IpAddress address,
                                                      Holders holders) {
    if (!is_eligible(holders) || (segment.has_owners && !is_for_owner(address)))
        return std::nullopt;
    if (!segment.looks_at_vips) return segment.rule_set;
    RuleSet chosen;
    for (const std::uint32_t rule : segment.rules)
        if (std::ranges::any_of(holders, [&](const VipRecord* holder) {
                return rules_[rule].spec.is_for_vip(holder->vip.labels);
            }))
            chosen.push_back(rule);
    if (chosen.empty()) return std::nullopt;
    return place_of(chosen);
}

/// What layer 2 announces as well passes the gate of its owner alone: traffic that BGP brought to
/// another node would be dropped there.
bool BgpRouteMaker::is_for_owner(IpAddress address) const {
    if (state_.lease_plan().find(address) == nullptr) return true;  // no gate knows it
    return state_.lease_plan().owner(address) == state_.node_id(node_);
}

/// A node announces what it may carry traffic for, and nothing else.
bool BgpRouteMaker::is_eligible(Holders holders) const {
    if (holders.size() == 1) {
        const std::set<std::string>& eligible = holders.front()->vip.eligible_nodes;
        return eligible.empty() || eligible.contains(node_);
    }
    const std::vector<std::string> allowed = allowed_by_holders(hosts_, holders, std::identity());
    return std::ranges::find(allowed, node_) != allowed.end();
}

/// Rules of one aggregation length make one route together; those of another make another.
std::vector<BgpRouteMaker::Emission> BgpRouteMaker::emissions(const RuleSet& rules, IpFamily family,
                                                              const BgpAudience& audience,
                                                              Attributes& attributes) const {
    RuleSet heard;
    std::ranges::set_intersection(rules, audience.rules, std::back_inserter(heard));
    std::map<int, BgpAttributes> by_length;
    for (const std::uint32_t rule : heard) {
        const auto [found, is_new] =
            by_length.emplace(rules_[rule].spec.length_for(family), rules_[rule].attributes);
        if (!is_new) unite(found->second, rules_[rule].attributes);
    }
    std::vector<Emission> emissions;
    for (auto& [length, united] : by_length) {
        if (audience.graceful_shutdown) add_graceful_shutdown(united);
        emissions.push_back({length, attributes.place_of(united)});
    }
    return emissions;
}

BgpRoutes BgpRouteMaker::routes(const BgpAudience& audience) const {
    Attributes attributes;
    using ByFamily = std::array<std::optional<std::vector<Emission>>, 2>;
    std::vector<ByFamily> known(rule_sets_.size());
    BgpRoutes made;
    std::vector<BgpRoute>& routes = made.routes;
    routes.reserve(filed_.size());
    for (const Filed& filed : filed_) {
        const IpFamily family = filed.address.family();
        auto& emitted = known[filed.rule_set][family == IpFamily::ipv4 ? 0 : 1];
        if (!emitted) emitted = emissions(rule_sets_[filed.rule_set], family, audience, attributes);
        for (const Emission& emission : *emitted) {
            const BgpRoute route{Prefix::containing(filed.address, emission.length),
                                 emission.attributes};
            if (routes.empty() || routes.back() != route) routes.push_back(route);
        }
    }
    if (!std::ranges::is_sorted(routes, {}, &BgpRoute::prefix))
        std::ranges::sort(routes, {}, &BgpRoute::prefix);
    std::size_t kept = 0;
    for (std::size_t i = 1; i < routes.size(); ++i) {
        if (routes[i].prefix == routes[kept].prefix)
            routes[kept].attributes =
                attributes.united(routes[kept].attributes, routes[i].attributes);
        else
            routes[++kept] = routes[i];
    }
    if (!routes.empty()) routes.resize(kept + 1);
    routes.shrink_to_fit();  // it lives long, and aggregation leaves few
    attributes.move_into(made);
    return made;
}

std::vector<IpAddress> BgpRouteMaker::bound(const std::vector<BgpAudience>& audiences) const {
    std::vector<bool> is_heard;
    for (const RuleSet& rules : rule_sets_)
        is_heard.push_back(std::ranges::any_of(
            audiences, [&](const BgpAudience& audience) { return hears(audience, rules); }));
    std::vector<IpAddress> addresses;
    for (const Filed& filed : filed_)
        if (filed.is_bound && is_heard[filed.rule_set]) addresses.push_back(filed.address);
    return addresses;
}

void add_graceful_shutdown(BgpAttributes& attributes) {
    // RFC 8326 section 4: the community, and for peers of our own AS a low preference.
    attributes.communities.insert(well_known::graceful_shutdown);
    attributes.local_pref = 0;
}

}  // namespace trivet
