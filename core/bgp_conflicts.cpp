#include "core/bgp_conflicts.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/bgp_objects.hpp"

namespace trivet {

namespace {

using AttributeValue = std::optional<std::uint32_t>;

/// A field that one route can have but one value of.
struct SingleValue {
    const char* field;
    AttributeValue (*of)(const BgpAdvertisementSpec&);
};
constexpr std::array single_values = {
    SingleValue{"local_pref", [](const BgpAdvertisementSpec& a) { return a.local_pref; }},
    SingleValue{"med", [](const BgpAdvertisementSpec& a) { return a.med; }},
    SingleValue{"prepend", [](const BgpAdvertisementSpec& a) { return AttributeValue(a.prepend); }},
};

/// The objects of one kind as they would be: those of the state, but for `candidate`.
std::vector<const ConfigObject*> objects_of(const ClusterState& state, Kind kind,
                                            const ConfigObject* candidate) {
    if (candidate != nullptr && candidate->kind != kind) candidate = nullptr;
    std::vector<const ConfigObject*> objects = state.config_objects(kind);
    if (candidate == nullptr) return objects;
    std::erase_if(objects,
                  [&](const ConfigObject* object) { return object->name == candidate->name; });
    objects.push_back(candidate);
    return objects;
}

bool may_contradict(const ConfigObject& advertisement) {
    return std::ranges::any_of(single_values, [&](const SingleValue& value) {
        return advertisement.fields.contains(value.field);
    });
}

bool have_common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    if (a.empty() || b.empty()) return true;  // one of them means all
    return std::ranges::any_of(
        a, [&](const std::string& name) { return std::ranges::find(b, name) != b.end(); });
}

/// Whether both are for one node: any that there is or, when neither selects, will be.
template <class Spec>
bool meet_on_a_node(const ClusterState& state, const Spec& a, const Spec& b) {
    if (a.node_selectors.empty() && b.node_selectors.empty()) return true;
    return std::ranges::any_of(state.nodes(), [&](const auto& entry) {
        const Labels& labels = entry.second.object.labels;
        return a.is_for_node(labels) && b.is_for_node(labels);
    });
}

/// Finds advertisements that contradict each other.
class AdvertisementCheck {
public:
    AdvertisementCheck(const ClusterState& state, const Object* candidate) : state_(state) {
        const auto* advertisement =
            candidate == nullptr ? nullptr : std::get_if<ConfigObject>(candidate);
        for (const ConfigObject* object : objects_of(state, Kind::bgp_advertisement, advertisement))
            if (may_contradict(*object)) specs_.push_back(bgp_advertisement_of(*object));
        const auto* pool = candidate == nullptr ? nullptr : std::get_if<Pool>(candidate);
        for (const auto& [name, stored] : state.pools())
            if (pool == nullptr || pool->name != name) pools_.push_back(&stored.object);
        if (pool != nullptr) pools_.push_back(pool);
    }

    Result<void> check(const std::set<ObjectKey>& changed) const {
        for (std::size_t i = 1; i < specs_.size(); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (auto checked = check_pair(specs_[j], specs_[i], changed); !checked)
                    return checked;
        return {};
    }

private:
    Result<void> check_pair(const BgpAdvertisementSpec& a, const BgpAdvertisementSpec& b,
                            const std::set<ObjectKey>& changed) const {
        const SingleValue* differing = nullptr;
        for (const SingleValue& value : single_values)
            if (value.of(a) && value.of(b) && value.of(a) != value.of(b)) differing = &value;
        // What is on its way out has local_pref 0 whatever it is given (RFC 8326 section 4).
        if (differing == nullptr || a.graceful_shutdown || b.graceful_shutdown) return {};
        if (!have_common(a.peers, b.peers) || !meet_on_a_node(state_, a, b)) return {};
        const auto is_changed = [&](Kind kind, const std::string& name) {
            return changed.contains(ObjectKey{kind, "", name});
        };
        const bool either = is_changed(Kind::bgp_advertisement, a.name) ||
                            is_changed(Kind::bgp_advertisement, b.name);
        for (const Pool* pool : pools_) {
            if (!either && !is_changed(Kind::pool, pool->name)) continue;
            if (!a.is_for(*pool) || !b.is_for(*pool)) continue;
            if (const auto where = common_prefix(a, b, *pool))
                return fail(refusal(*differing, a, b, *where, changed));
        }
        return {};
    }

    /// What both announce of the pool, in words; nullopt: nothing.
    std::optional<std::string> common_prefix(const BgpAdvertisementSpec& a,
                                             const BgpAdvertisementSpec& b,
                                             const Pool& pool) const {
        const auto has = [&](IpFamily family) {
            return std::ranges::any_of(pool.addresses, [&](const AddressRange& range) {
                return range.family() == family;
            });
        };
        for (const IpFamily family : {IpFamily::ipv4, IpFamily::ipv6}) {
            if (!has(family) || a.length_for(family) != b.length_for(family)) continue;
            if (a.vip_selectors.empty() && b.vip_selectors.empty())
                return fmt::format("every prefix of pool '{}'", pool.name);
            const std::set<Prefix> of_a = prefixes(a, pool, family);
            const std::set<Prefix> of_b = prefixes(b, pool, family);
            for (const Prefix& prefix : of_a)
                if (of_b.contains(prefix))
                    return fmt::format("{} of pool '{}'", prefix.to_string(), pool.name);
        }
        return std::nullopt;
    }

    std::set<Prefix> prefixes(const BgpAdvertisementSpec& spec, const Pool& pool,
                              IpFamily family) const {
        std::set<Prefix> prefixes;
        for (const auto& [key, record] : state_.vips())
            for (const IpAddress address : record.assigned)
                if (address.family() == family && spec.is_for_vip(record.vip.labels) &&
                    std::ranges::any_of(pool.addresses, [&](const AddressRange& range) {
                        return range.contains(address);
                    }))
                    prefixes.insert(Prefix::containing(address, spec.length_for(family)));
        return prefixes;
    }

    static Error refusal(const SingleValue& value, const BgpAdvertisementSpec& a,
                         const BgpAdvertisementSpec& b, const std::string& where,
                         const std::set<ObjectKey>& changed) {
        const bool is_first = changed.contains(ObjectKey{Kind::bgp_advertisement, "", a.name}) &&
                              !changed.contains(ObjectKey{Kind::bgp_advertisement, "", b.name});
        const BgpAdvertisementSpec& given = is_first ? a : b;
        const BgpAdvertisementSpec& other = is_first ? b : a;
        return {ErrorCode::conflict,
                fmt::format("bgp-advertisement '{}' gives {} the {} {}, bgp-advertisement '{}' {}: "
                            "a route has one; make them equal, or part them by peers, nodes or "
                            "aggregation length",
                            given.name, where, value.field, *value.of(given), other.name,
                            *value.of(other)),
                value.field};
    }

    const ClusterState& state_;
    std::vector<BgpAdvertisementSpec> specs_;
    std::vector<const Pool*> pools_;
};

Result<void> check_peers(const ClusterState& state, const ConfigObject* candidate,
                         const std::set<ObjectKey>& changed) {
    std::vector<BgpPeerSpec> peers;
    for (const ConfigObject* object : objects_of(state, Kind::bgp_peer, candidate))
        peers.push_back(bgp_peer_of(*object));
    for (const BgpPeerSpec& peer : peers) {
        if (!changed.contains(ObjectKey{Kind::bgp_peer, "", peer.name})) continue;
        for (const BgpPeerSpec& other : peers)
            if (other.name != peer.name && is_same_neighbour(other.settings, peer.settings) &&
                meet_on_a_node(state, peer, other))
                return fail(ErrorCode::conflict,
                            fmt::format("bgp-peer '{}' is the same neighbour as bgp-peer '{}', and "
                                        "a node holds one session with each: delete one, or part "
                                        "them by node_selectors",
                                        peer.name, other.name),
                            peer.settings.peer_address  ? "peer_address"
                            : peer.settings.peer_prefix ? "peer_prefix"
                                                        : "interface");
    }
    return {};
}

std::string in_words(const CommunityValue& value) {
    return std::visit([](const auto& community) { return to_string(community); }, value);
}

Result<void> check_aliases(const ClusterState& state, const ConfigObject* candidate,
                           const std::set<ObjectKey>& changed) {
    struct Definition {
        CommunityValue value;
        const ConfigObject* by;
    };
    std::map<std::string, Definition> definitions;
    const auto is_changed = [&](const ConfigObject* object) {
        return changed.contains(ObjectKey{Kind::community, "", object->name});
    };
    for (const ConfigObject* object : objects_of(state, Kind::community, candidate))
        for (const auto& [alias, value] : community_aliases_of(*object)) {
            const auto [known, is_new] = definitions.emplace(alias, Definition{value, object});
            if (is_new || known->second.value == value) continue;
            if (!is_changed(object) && !is_changed(known->second.by)) continue;
            return fail(ErrorCode::conflict,
                        fmt::format("community '{}' says that alias '{}' is {}, community '{}' "
                                    "that it is {}: take another name for one of them",
                                    object->name, alias, in_words(value), known->second.by->name,
                                    in_words(known->second.value)),
                        "communities");
        }
    return {};
}

Result<void> check(const ClusterState& state, const Object* candidate,
                   const std::set<ObjectKey>& changed) {
    const auto touches = [&](Kind kind) {
        return std::ranges::any_of(changed, [&](const ObjectKey& key) { return key.kind == kind; });
    };
    const auto* config = candidate == nullptr ? nullptr : std::get_if<ConfigObject>(candidate);
    Result<void> checked;
    if (touches(Kind::community)) checked = check_aliases(state, config, changed);
    if (checked && touches(Kind::bgp_peer)) checked = check_peers(state, config, changed);
    if (checked && (touches(Kind::bgp_advertisement) || touches(Kind::pool)))
        checked = AdvertisementCheck(state, candidate).check(changed);
    return checked;
}

}  // namespace

Result<void> check_bgp_conflicts(const ClusterState& state, const Object& candidate) {
    auto checked = check(state, &candidate, {key_of(candidate)});
    if (!checked && !std::holds_alternative<ConfigObject>(candidate)) checked.error().field.clear();
    return checked;
}

Result<void> check_bgp_conflicts(const ClusterState& state, const std::set<ObjectKey>& changed) {
    auto checked = check(state, nullptr, changed);
    if (!checked) checked.error().field.clear();  // it would not say of which object
    return checked;
}

}  // namespace trivet
