#include "api/object_view.hpp"

#include <fmt/format.h>

#include "api/bgp_session_view.hpp"
#include "api/turn.hpp"
#include "api/vip_view.hpp"
#include "core/bgp_remarks.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

// Comparing a word with every name costs microseconds each: worth it for what people type.
constexpr std::size_t suggestions_among_max = 1000;

// One takes some 30 us, so that the strand is held for a few milliseconds.
constexpr std::size_t objects_per_turn = 128;

json pool_status(const ClusterState& state, const Pool& pool) {
    const PoolUse use = state.pool_use(pool.name);
    const auto by = advertisements_of(state, pool);
    const std::uint64_t taken = use.assigned + use.cooling;
    json status{{"total", use.total},         {"assigned", use.assigned},
                {"cooling", use.cooling},     {"free", use.total > taken ? use.total - taken : 0},
                {"l2_advertisements", by.l2}, {"bgp_advertisements", by.bgp}};
    status["announced_by"] = !by.announced_by_l2() ? "bgp" : by.bgp.empty() ? "l2" : "l2,bgp";
    if (by.l2.empty() && by.bgp.empty())
        status["note"] =
            "no advertisement selects this pool: announced by layer 2 on every suitable interface";
    return status;
}

template <class T>
json with_revision(const Stored<T>& stored) {
    json out = to_json(Object(stored.object));
    out["revision"] = stored.revision;
    return out;
}

json view(VipViewer& viewer, const Stored<Pool>& stored) {
    json out = with_revision(stored);
    out["status"] = pool_status(viewer.control().state(), stored.object);
    return out;
}

json view(VipViewer&, const Stored<L2Advertisement>& stored) { return with_revision(stored); }
json view(VipViewer&, const Stored<Namespace>& stored) { return with_revision(stored); }

/// The nodes that say that they have an established session with the bgp-peer.
json nodes_with(const ClusterState& state, const std::string& peer) {
    json nodes = json::array();
    for (const auto& [node, sessions] : state.bgp_sessions().all())
        if (sessions.established.contains(peer)) nodes.push_back(node);
    return nodes;
}

json view(VipViewer& viewer, const Stored<ConfigObject>& stored) {
    const Control& control = viewer.control();
    json out = with_revision(stored);
    if (stored.object.kind == Kind::bgp_peer) {
        out["status"] = bgp_peer_status(control.node(), stored.object.name, control.bgp_sessions());
        out["status"]["established_on"] = nodes_with(control.state(), stored.object.name);
    }
    // Write-only: it goes into the cluster and never out of it.
    if (out.erase("password") != 0) out["password_set"] = true;
    const Kind kind = stored.object.kind;
    if (kind == Kind::bgp_peer || kind == Kind::bgp_advertisement)
        out["status"]["warnings"] = bgp_remarks(control.state(), stored.object);
    return out;
}

/// HOST of HOST:PORT, and of [HOST]:PORT.
std::string host_of(const std::string& address) {
    std::string host = address.substr(0, address.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return host;
}

json view(VipViewer& viewer, const Stored<Node>& stored) {
    json out = to_json(stored.object);
    out["revision"] = stored.revision;
    json& addresses = out["status"]["addresses"] = json::array();
    if (const auto address = viewer.member_address(stored.object.name); !address.empty())
        addresses.push_back(host_of(address));
    const BgpSessions& bgp = viewer.control().state().bgp_sessions().of(stored.object.name);
    out["status"]["bgp_established"] = bgp.established;
    out["status"]["bgp_withdrawn"] = bgp.withdrawn;
    return out;
}

json view(VipViewer& viewer, const VipRecord& record) { return vip_json(viewer, record); }

/// Calls `with` with the map that holds a kind's objects.
template <class With>
auto with_map(const ClusterState& state, Kind kind, With with) {
    switch (kind) {
        case Kind::pool:
            return with(state.pools());
        case Kind::vip:
            return with(state.vips());
        case Kind::l2_advertisement:
            return with(state.l2_advertisements());
        case Kind::name_space:
            return with(state.namespaces());
        case Kind::node:
            return with(state.nodes());
        case Kind::bgp_advertisement:
        case Kind::bgp_peer:
        case Kind::bfd_profile:
        case Kind::community:
            break;
    }
    return with(state.config_objects());
}

// What these are given outlives what they return: a key of a map or of the request.
// NOLINTBEGIN(bugprone-return-const-ref-from-parameter)
template <class Stored>
const std::string& map_key(const std::map<std::string, Stored>&, const ObjectKey& key) {
    return key.name;
}
template <class Stored>
const ObjectKey& map_key(const std::map<ObjectKey, Stored>&, const ObjectKey& key) {
    return key;
}

const std::string& name_in(const std::string& key) { return key; }
const std::string& name_in(const ObjectKey& key) { return key.name; }
// NOLINTEND(bugprone-return-const-ref-from-parameter)

ObjectKey key_of(const std::string& key, Kind kind) { return {kind, "", key}; }
const ObjectKey& key_of(const ObjectKey& key, Kind) { return key; }

/// Whether an entry of the map belongs to the kind (and namespace) that is listed.
bool belongs(const std::string&, const ObjectKey&) { return true; }
bool belongs(const ObjectKey& key, const ObjectKey& listed) {
    return key.kind == listed.kind &&
           (listed.name_space.empty() || key.name_space == listed.name_space);
}

/// Where the listing starts: maps by name have one kind, maps by key are sorted by kind and
/// namespace.
template <class Stored>
auto first_of(const std::map<std::string, Stored>& map, const ObjectKey&) {
    return map.begin();
}
template <class Stored>
auto first_of(const std::map<ObjectKey, Stored>& map, const ObjectKey& listed) {
    return map.lower_bound(listed);
}

bool is_shown(const Caller&, const Listing&, const std::string&) { return true; }
bool is_shown(const Caller& caller, const Listing& listing, const ObjectKey& key) {
    return key.kind != Kind::vip || (matches_namespace(listing.pattern, key.name_space) &&
                                     caller.may_see_namespace(key.name_space));
}

/// Appends the objects after listing.after, or the first ones, and moves it on. Whether there are
/// more.
bool append_some(const Control& control, Listing& listing, const Caller& caller, json& items) {
    const ObjectKey listed{listing.kind, listing.name_space, ""};
    return with_map(control.state(), listed.kind, [&](const auto& map) {
        VipViewer viewer(control);
        auto at =
            listing.after ? map.upper_bound(map_key(map, *listing.after)) : first_of(map, listed);
        for (std::size_t i = 0; i < objects_per_turn && items.size() < listing.limit; ++i, ++at) {
            if (at == map.end() || !belongs(at->first, listed)) return false;
            if (is_shown(caller, listing, at->first)) items.push_back(view(viewer, at->second));
            listing.after = key_of(at->first, listed.kind);
        }
        return at != map.end() && belongs(at->first, listed);
    });
}

}  // namespace

std::optional<json> object_json(const Control& control, const ObjectKey& key) {
    return with_map(control.state(), key.kind, [&](const auto& map) -> std::optional<json> {
        const auto found = map.find(map_key(map, key));
        if (found == map.end()) return std::nullopt;
        VipViewer viewer(control);
        return view(viewer, found->second);
    });
}

boost::asio::awaitable<json> list_json(Control& control, Listing listing, const Caller& caller) {
    const std::uint64_t revision = control.state().last_applied().value();
    json items = json::array();
    bool more = append_some(control, listing, caller, items);
    while (more && items.size() < listing.limit) {
        co_await turn(control);
        more = append_some(control, listing, caller, items);
    }
    json list{{"items", std::move(items)}, {"revision", revision}};
    if (more) list["continue"] = listing.after->name_space + "/" + listing.after->name;
    co_return list;
}

std::optional<std::uint64_t> revision_of(const ClusterState& state, const ObjectKey& key) {
    return with_map(state, key.kind, [&](const auto& map) -> std::optional<std::uint64_t> {
        const auto found = map.find(map_key(map, key));
        if (found == map.end()) return std::nullopt;
        return found->second.revision;
    });
}

Error no_such_object(const ClusterState& state, const ObjectKey& key) {
    std::vector<std::string> names;
    with_map(state, key.kind, [&](const auto& map) {
        for (auto at = first_of(map, {key.kind, key.name_space, ""});
             at != map.end() && belongs(at->first, {key.kind, key.name_space, ""}) &&
             names.size() < suggestions_among_max;
             ++at)
            names.push_back(name_in(at->first));
    });
    std::string message = "there is no " + title(key);
    if (const auto near = nearest(key.name, names)) message += "; did you mean '" + *near + "'?";
    return {ErrorCode::not_found, std::move(message)};
}

std::string title(const ObjectKey& key) {
    if (key.kind == Kind::vip) return fmt::format("VIP '{}/{}'", key.name_space, key.name);
    return fmt::format("{} '{}'", to_string(key.kind), key.name);
}

}  // namespace trivet::api
