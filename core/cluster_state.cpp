#include "core/cluster_state.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/bgp_conflicts.hpp"
#include "core/l2_rules.hpp"
#include "core/object_json.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

constexpr int place_bits = 16;  // of VipRecord::created; the rest is the log index
constexpr std::size_t actions_max = std::size_t{1} << place_bits;
// Far above what anybody runs, far below what memory holds: a script that runs away ends here.
constexpr std::size_t vips_max = 1'000'000;
constexpr std::size_t others_max = 10'000;  // of each other kind
constexpr const char* hostname_label = "kubernetes.io/hostname";

/// "pool 'lan'", "VIP 'default/web'": how messages name an object.
std::string title(const ObjectKey& key) {
    if (key.kind == Kind::vip) return fmt::format("VIP '{}/{}'", key.name_space, key.name);
    return fmt::format("{} '{}'", to_string(key.kind), key.name);
}

std::string event_type(Kind kind, std::string_view what) {
    std::string type(to_string(kind));
    std::ranges::replace(type, '-', '_');
    return type + "_" + std::string(what);
}

/// Stores `object` under `name` unless it is there already as it is; tells whether it was new.
enum class PutEffect : std::uint8_t { same, changed, created };

template <class Map, class Object>
PutEffect store(Map& map, const typename Map::key_type& name, const Object& object,
                std::uint64_t revision) {
    const auto found = map.find(name);
    if (found == map.end()) {
        map.emplace(name, Stored<Object>{object, revision});
        return PutEffect::created;
    }
    if (found->second.object == object) return PutEffect::same;
    found->second = {object, revision};
    return PutEffect::changed;
}

template <class Map>
std::optional<std::uint64_t> revision_in(const Map& map, const typename Map::key_type& name) {
    const auto found = map.find(name);
    return found == map.end() ? std::nullopt : std::optional(found->second.revision);
}

bool touches_vip(const Action& action) {
    if (const auto* put = std::get_if<PutObject>(&action))
        return std::holds_alternative<Vip>(put->object);
    const auto* deletion = std::get_if<DeleteObject>(&action);
    return deletion != nullptr && deletion->key.kind == Kind::vip;
}

/// Nothing that placement looks at tells them apart: a MAC does not.
bool are_placed_alike(Node a, Node b) {
    for (Node* node : {&a, &b})
        if (node->facts.interfaces)
            for (NodeInterface& interface : *node->facts.interfaces) interface.mac.reset();
    return a.labels == b.labels && a.facts == b.facts;
}

}  // namespace

void ClusterState::Change::event(std::string type, std::string object, std::string message) {
    events.push_back({index, at, std::move(type), std::move(object), std::move(message)});
}

std::uint64_t ClusterState::Change::order() const { return index << place_bits | place; }

void ClusterState::Change::touch(const std::vector<IpAddress>& addresses) {
    touched.insert(addresses.begin(), addresses.end());
}

void ClusterState::Change::touch_all(std::string why) {
    touched_all = true;
    if (cause.empty()) cause = std::move(why);
}

bool ClusterState::apply_voters(LogIndex index, std::vector<NodeId> voters) {
    TRIVET_ASSERT(index > last_applied_);
    last_applied_ = index;
    return voters_.apply(index, std::move(voters));
}

Applied ClusterState::apply(LogIndex index, const Command& command) {
    TRIVET_ASSERT(index > last_applied_);
    TRIVET_ASSERT(index.value() < std::uint64_t{1} << (64 - place_bits));
    last_applied_ = index;
    Change change;
    change.index = index.value();
    change.is_alone = command.actions.size() <= 1;
    advance_time(command.at, change);

    Applied applied;
    if (auto answered = answer_again(command)) {
        applied = std::move(*answered);
    } else if (command.actions.size() > actions_max) {
        applied.result = fail(ErrorCode::invalid_argument,
                              fmt::format("a command has at most {} actions", actions_max));
    } else if (command.actions.size() > 1 &&
               std::ranges::any_of(command.actions, [](const Action& action) {
                   return std::holds_alternative<AdmitNode>(action);
               })) {
        // It changes lists by itself, and a list changes once in a command (lease::Plan).
        applied.result = fail(ErrorCode::invalid_argument,
                              "the admission of a node stands alone in its command");
    } else if (change.is_alone) {
        // One action checks everything before it changes anything.
        applied.result = apply_actions(command.actions, change);
    } else {
        const ClusterState before = *this;
        const Change change_before = change;
        applied.result = apply_actions(command.actions, change);
        if (!applied.result) {
            *this = before;
            change = change_before;
        }
    }
    if (command.request && !applied.repeats) {
        const auto error = applied.result ? std::nullopt : std::optional(applied.result.error());
        const RequestId& request = *command.request;
        for (std::string& key :
             clients_.record(request.client, {request.sequence, index, error, request.fingerprint}))
            change.rows.insert(std::move(key));
    }
    settle_lists(change);
    for (std::string& key : change.leases.row_keys()) change.rows.insert(std::move(key));
    applied.changed.assign(change.rows.begin(), change.rows.end());
    applied.events = std::move(change.events);
    return applied;
}

std::optional<Applied> ClusterState::answer_again(const Command& command) const {
    if (!command.request) return std::nullopt;
    const auto* known = clients_.find(command.request->client, command.request->sequence);
    if (known == nullptr) return std::nullopt;
    Applied applied;
    applied.repeats = known->index;
    if (known->sequence != command.request->sequence)
        applied.result = fail(ErrorCode::conflict, "this client has sent a newer request since");
    else if (known->fingerprint != command.request->fingerprint)
        applied.result = fail(ErrorCode::conflict,
                              "this Idempotency-Key came with another request before; take a new "
                              "one for each request");
    else if (known->error)
        applied.result = fail(*known->error);
    return applied;
}

void ClusterState::advance_time(WallTime at, Change& change) {
    const WallTime now = std::clamp(at, time_, wall_time_max);
    change.at = now;
    if (now == time_) return;
    time_ = now;
    change.rows.insert("meta/time");
    allocator_.advance(time_);
    settle(change);
    expire_tokens(change);
}

Result<void> ClusterState::apply_actions(const std::vector<Action>& actions, Change& change) {
    for (const Action& action : actions) {
        // Older VIPs come first also within a command that makes pools and then VIPs.
        if (line_is_stale_ && touches_vip(action)) settle_all(change);
        if (auto result = apply_action(action, change); !result) return result;
        if (!line_is_stale_) settle(change);
        ++change.place;
    }
    if (line_is_stale_) settle_all(change);
    return check_bgp_conflicts(*this, change.conflict_prone);
}

Result<void> ClusterState::apply_action(const Action& action, Change& change) {
    return std::visit([&](const auto& step) { return act(step, change); }, action);
}

Result<void> ClusterState::act(const PutObject& action, Change& change) {
    const ObjectKey key = key_of(action.object);
    Object object = action.object;
    if (std::holds_alternative<ConfigObject>(object)) {
        auto read = object_from_json(key.kind, to_json(object));
        if (!read) return fail(read.error());
        object = std::move(*read);
    }
    if (auto checked = check_object(object); !checked) return checked;
    if (auto checked = check_preconditions(action, key); !checked) return checked;
    if (auto checked = check_conflicts(object, change); !checked) return checked;
    return std::visit([&](const auto& value) { return put(value, action.force, change); }, object);
}

Result<void> ClusterState::check_preconditions(const PutObject& action,
                                               const ObjectKey& key) const {
    const auto revision = revision_of(key);
    if (revision && action.mode == PutMode::create)
        return fail(ErrorCode::conflict, title(key) + " exists already");
    // Revision 0 stands for "must not exist yet".
    if (action.revision && *action.revision != revision.value_or(0))
        return fail(ErrorCode::conflict,
                    revision ? fmt::format("{} is at revision {}, not {}: somebody changed it; "
                                           "read it again and repeat the change",
                                           title(key), *revision, *action.revision)
                             : title(key) + " does not exist any more");
    const bool full = key.kind == Kind::vip                ? vips_.size() >= vips_max
                      : key.kind == Kind::pool             ? pools_.size() >= others_max
                      : key.kind == Kind::name_space       ? namespaces_.size() >= others_max
                      : key.kind == Kind::l2_advertisement ? l2_advertisements_.size() >= others_max
                                                           : config_objects_.size() >= others_max;
    if (!revision && full)
        return fail(
            ErrorCode::conflict,
            fmt::format("there are too many objects of kind {} ({} at most)", to_string(key.kind),
                        key.kind == Kind::vip ? vips_max : others_max));
    return {};
}

/// Whether it contradicts others. An object that is there already as it is was checked before.
Result<void> ClusterState::check_conflicts(const Object& object, Change& change) const {
    if (std::holds_alternative<Vip>(object)) return {};  // there may be many
    const ObjectKey key = key_of(object);
    if (const auto* config = std::get_if<ConfigObject>(&object)) {
        const auto found = config_objects_.find(key);
        if (found != config_objects_.end() && found->second.object == *config) return {};
    } else if (const auto* pool = std::get_if<Pool>(&object)) {
        const auto found = pools_.find(key.name);
        if (found != pools_.end() && found->second.object == *pool) return {};
    } else {
        return {};
    }
    if (change.is_alone) return check_bgp_conflicts(*this, object);
    change.conflict_prone.insert(key);
    return {};
}

std::optional<std::uint64_t> ClusterState::revision_of(const ObjectKey& key) const {
    switch (key.kind) {
        case Kind::pool:
            return revision_in(pools_, key.name);
        case Kind::vip:
            return revision_in(vips_, key);
        case Kind::l2_advertisement:
            return revision_in(l2_advertisements_, key.name);
        case Kind::name_space:
            return revision_in(namespaces_, key.name);
        case Kind::node:
            return revision_in(nodes_, key.name);
        case Kind::bgp_advertisement:
        case Kind::bgp_peer:
        case Kind::bfd_profile:
        case Kind::community:
            return revision_in(config_objects_, key);
    }
    return std::nullopt;
}

Result<void> ClusterState::put(const L2Advertisement& l2, bool, Change& change) {
    const PutEffect stored = store(l2_advertisements_, l2.name, l2, change.index);
    if (stored == PutEffect::same) return {};
    const ObjectKey key = key_of(l2);
    change.rows.insert(key.to_string());
    const char* what = stored == PutEffect::created ? "created" : "changed";
    change.event(event_type(key.kind, what), key.to_string(), title(key) + " " + what);
    change.touch_all(title(key) + " " + what);
    return {};
}

Result<void> ClusterState::put(const Namespace& name_space, bool, Change& change) {
    const PutEffect stored = store(namespaces_, name_space.name, name_space, change.index);
    if (stored == PutEffect::same) return {};
    const ObjectKey key = key_of(name_space);
    change.rows.insert(key.to_string());
    const char* what = stored == PutEffect::created ? "created" : "changed";
    change.event(event_type(key.kind, what), key.to_string(), title(key) + " " + what);
    line_is_stale_ = true;  // pools select namespaces by their labels
    return {};
}

/// Which pools a bgp-advertisement selects decides on layer 2 as well; nothing else of it does.
bool ClusterState::selects_alike(const ConfigObject& config) const {
    const auto found = config_objects_.find(key_of(config));
    if (found == config_objects_.end()) return false;
    const auto& before = found->second.object.fields;
    return std::ranges::all_of(std::array{"pools", "pool_selectors"}, [&](const char* field) {
        return before.value(field, nlohmann::json()) ==
               config.fields.value(field, nlohmann::json());
    });
}

/// The pools that layer 2 announces. Of bgp-advertisements placement looks at nothing else: as long
/// as no pool changes sides, the lists of 100,000 VIPs are not gone through.
std::set<std::string> ClusterState::pools_by_l2() const {
    std::set<std::string> names;
    for (const auto& [name, stored] : pools_)
        if (advertisements_of(*this, stored.object).announced_by_l2()) names.insert(name);
    return names;
}

Result<void> ClusterState::put(const ConfigObject& config, bool, Change& change) {
    const ObjectKey key = key_of(config);
    const bool may_place = key.kind == Kind::bgp_advertisement && !selects_alike(config);
    const std::set<std::string> by_l2 = may_place ? pools_by_l2() : std::set<std::string>{};
    const PutEffect stored = store(config_objects_, key, config, change.index);
    if (stored == PutEffect::same) return {};
    change.rows.insert(key.to_string());
    const char* what = stored == PutEffect::created ? "created" : "changed";
    change.event(event_type(key.kind, what), key.to_string(), title(key) + " " + what);
    if (may_place && pools_by_l2() != by_l2) change.touch_all(title(key) + " " + what);
    return {};
}

Error ClusterState::not_found(const ObjectKey& key) const {
    std::vector<std::string> names;
    const auto gather = [&](const auto& map) {
        for (const auto& [name, stored] : map) names.push_back(name);
    };
    if (key.kind == Kind::pool) gather(pools_);
    if (key.kind == Kind::l2_advertisement) gather(l2_advertisements_);
    if (key.kind == Kind::name_space) gather(namespaces_);
    if (key.kind == Kind::node) gather(nodes_);
    std::string message = "there is no " + title(key);
    if (const auto near = nearest(key.name, names)) message += "; did you mean '" + *near + "'?";
    return {ErrorCode::not_found, std::move(message)};
}

Result<void> ClusterState::act(const DeleteObject& deletion, Change& change) {
    const ObjectKey& key = deletion.key;
    if (key.kind == Kind::node)
        return fail(ErrorCode::invalid_argument,
                    "a node cannot be deleted like other objects; 'lbctl cluster remove' takes it "
                    "out, 'lbctl node drain' keeps VIPs away from it");
    if (!revision_of(key)) return fail(not_found(key));
    if (key.kind == Kind::pool) return delete_pool(key.name, deletion.force, change);
    if (key.kind == Kind::vip) return delete_vip(key, change);
    const bool may_place = key.kind == Kind::bgp_advertisement;
    const std::set<std::string> by_l2 = may_place ? pools_by_l2() : std::set<std::string>{};
    if (key.kind == Kind::l2_advertisement) {
        l2_advertisements_.erase(key.name);
    } else if (key.kind == Kind::name_space) {
        namespaces_.erase(key.name);
        line_is_stale_ = true;
    } else {
        config_objects_.erase(key);
    }
    change.rows.insert(key.to_string());
    change.event(event_type(key.kind, "deleted"), key.to_string(), title(key) + " deleted");
    if (key.kind == Kind::l2_advertisement || (may_place && pools_by_l2() != by_l2))
        change.touch_all(title(key) + " deleted");
    return {};
}

Result<void> ClusterState::act(const InitCluster& init, Change& change) {
    if (initialised())
        return fail(ErrorCode::conflict, "this node belongs to cluster '" + cluster_id_ +
                                             "' already; a cluster is made once");
    if (init.cluster_id.empty() || init.admin_token_hash.empty())
        return fail(ErrorCode::invalid_argument, "a cluster needs an id and a token hash");
    cluster_id_ = init.cluster_id;
    admin_token_hash_ = init.admin_token_hash;
    change.rows.insert("meta/cluster");
    change.event("cluster_created", "cluster", "cluster '" + cluster_id_ + "' created");
    return {};
}

Result<void> ClusterState::act(const RegisterNode& action, Change& change) {
    Node node{action.name, action.labels, false, action.facts};
    if (auto checked = check_node(node); !checked) return checked;
    node.labels[hostname_label] = action.name;
    const NodeId id = node_id(action.name);
    bool is_placed_as_before = false;
    if (const auto found = nodes_.find(action.name); found != nodes_.end()) {
        is_placed_as_before = are_placed_alike(found->second.object, node);
        node.drained = found->second.object.drained;
        // Its configuration changed; it was out of service by plan, as after a drain.
        if (found->second.object.facts.witness && !node.facts.witness) change.joined.insert(id);
    } else if (nodes_.size() >= others_max)
        return fail(ErrorCode::conflict, fmt::format("there are {} nodes already", others_max));
    const PutEffect stored = store(nodes_, action.name, node, change.index);
    if (stored == PutEffect::same) return {};
    const ObjectKey key{Kind::node, "", action.name};
    change.rows.insert(key.to_string());
    if (stored == PutEffect::created)
        change.event("node_registered", key.to_string(), title(key) + " joined");
    else
        change.event("node_changed", key.to_string(),
                     title(key) + " has told other facts of itself");
    if (!is_placed_as_before)
        change.touch_all(title(key) + (stored == PutEffect::created ? " joined" : " changed"));
    return {};
}

Result<void> ClusterState::act(const DrainNode& drain, Change& change) {
    const ObjectKey key{Kind::node, "", drain.name};
    const auto found = nodes_.find(drain.name);
    if (found == nodes_.end()) return fail(not_found(key));
    if (found->second.object.drained == drain.drained) return {};
    found->second.object.drained = drain.drained;
    found->second.revision = change.index;
    change.rows.insert(key.to_string());
    if (drain.drained)
        change.event("node_drained", key.to_string(),
                     title(key) + " is drained: it announces no VIP");
    else
        change.event("node_undrained", key.to_string(), title(key) + " may announce VIPs again");
    if (!drain.drained) {
        change.joined.insert(node_id(drain.name));
        BgpSessions sessions = bgp_sessions_.of(drain.name);
        sessions.withdrawn = false;  // what it said of the drain that is over
        bgp_sessions_.report(drain.name, std::move(sessions), change.rows);
    }
    change.touch_all(title(key) + (drain.drained ? " is drained" : " is back in service"));
    return {};
}

Result<void> ClusterState::act(const AdvanceTime&, Change&) {
    return {};  // every command advances the time
}

const VipRecord* ClusterState::find_vip(std::string_view name_space, std::string_view name) const {
    const auto found = vips_.find(ObjectKey{Kind::vip, std::string(name_space), std::string(name)});
    return found == vips_.end() ? nullptr : &found->second;
}

std::vector<const ConfigObject*> ClusterState::config_objects(Kind kind) const {
    std::vector<const ConfigObject*> objects;
    for (auto at = config_objects_.lower_bound(ObjectKey{kind, "", ""});
         at != config_objects_.end() && at->first.kind == kind; ++at)
        objects.push_back(&at->second.object);
    return objects;
}

const Pool* ClusterState::pool_of(IpAddress address) const {
    const std::string* name = allocator_.pool_of(address);
    return name == nullptr ? nullptr : &pools_.at(*name).object;
}

PoolUse ClusterState::pool_use(std::string_view pool) const {
    const PoolUse v4 = pool_use(pool, IpFamily::ipv4);
    PoolUse use = pool_use(pool, IpFamily::ipv6);
    use.total = v4.total > UINT64_MAX - use.total ? UINT64_MAX : use.total + v4.total;
    use.assigned += v4.assigned;
    use.cooling += v4.cooling;
    return use;
}

PoolUse ClusterState::pool_use(std::string_view pool, IpFamily family) const {
    return allocator_.use(std::string(pool), family);
}

std::vector<const VipRecord*> ClusterState::holders(IpAddress address) const {
    std::vector<const VipRecord*> records;
    if (const std::vector<VipId>* ids = allocator_.holders(address))
        for (const VipId id : *ids) records.push_back(&vips_.at(vip_by_id_.at(id)));
    return records;
}

std::optional<WallTime> ClusterState::next_deadline() const {
    std::optional<WallTime> next = tokens_.next_expiry();
    const auto consider = [&](const std::string& pool, IpFamily family) {
        const auto cooled = allocator_.next_cooled(pool, family);
        if (cooled && (!next || *cooled < *next)) next = cooled;
    };
    line_.visit_pools([&](const std::string& pool, const std::vector<IpFamily>& families) {
        for (const IpFamily family : {IpFamily::ipv4, IpFamily::ipv6})
            if (families.empty() || std::ranges::find(families, family) != families.end())
                consider(pool, family);
    });
    return next;
}

}  // namespace trivet
