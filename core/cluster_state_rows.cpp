// ClusterState as rows, and back.
#include <algorithm>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/cluster_state.hpp"
#include "core/field_reader.hpp"
#include "core/object_json.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::uint64_t any_number = UINT64_MAX;

std::uint64_t milliseconds_of(WallTime time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

template <class T>
std::string object_row(const Stored<T>& stored) {
    return json{{"object", to_json(stored.object)}, {"revision", stored.revision}}.dump();
}

template <class Map>
std::optional<std::string> row_in(const Map& map, const typename Map::key_type& name) {
    const auto found = map.find(name);
    if (found == map.end()) return std::nullopt;
    return object_row(found->second);
}

std::string vip_row(const VipRecord& record) {
    json assigned = json::array();
    for (const IpAddress address : record.assigned) assigned.push_back(address.to_string());
    return json{{"object", to_json(Object{record.vip})},
                {"revision", record.revision},
                {"created", record.created},
                {"assigned", std::move(assigned)},
                {"pending_reason", record.pending_reason}}
        .dump();
}

Result<WallTime> read_time(FieldReader& reader, std::string_view name) {
    std::uint64_t at = 0;
    reader.integer(name, at, std::uint64_t{0}, milliseconds_of(wall_time_max));
    return WallTime(std::chrono::milliseconds(at));
}

Result<void> must_have(const FieldReader& reader, std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (!reader.has(name))
            return fail(ErrorCode::corrupt, fmt::format("field '{}' is missing", name));
    return {};
}

}  // namespace

std::optional<std::string> ClusterState::row(const std::string& key) const {
    if (key == "meta/time") return json{{"at", milliseconds_of(time_)}}.dump();
    if (key == "meta/cluster") {
        if (!initialised()) return std::nullopt;
        return json{{"cluster_id", cluster_id_}, {"admin_token_hash", admin_token_hash_}}.dump();
    }
    const std::size_t slash = key.find('/');
    if (slash == std::string::npos) return std::nullopt;
    if (key.starts_with(ClientTable::row_prefix)) return clients_.row(key);
    if (MembershipTable::has_row(key)) return membership_.row(key);
    if (TokenTable::has_row(key)) return tokens_.row(key);
    if (key == VoterTable::row_key) return voters_.row();
    if (LeaseTable::has_row(key)) return leases_.row(key);
    if (TroubleTable::has_row(key)) return troubles_.row(key);
    if (BgpSessionTable::has_row(key)) return bgp_sessions_.row(key);
    const std::string name = key.substr(slash + 1);
    const std::string_view noun = std::string_view(key).substr(0, slash);
    if (noun == "released") {
        const auto address = IpAddress::parse(name);
        const Release* release = address ? allocator_.released(*address) : nullptr;
        if (release == nullptr) return std::nullopt;
        return json{
            {"order", release->order}, {"at", milliseconds_of(release->at)}, {"vip", release->vip}}
            .dump();
    }
    const auto kind = kind_from_string(noun);
    if (!kind) return std::nullopt;
    switch (*kind) {
        case Kind::pool:
            return row_in(pools_, name);
        case Kind::l2_advertisement:
            return row_in(l2_advertisements_, name);
        case Kind::name_space:
            return row_in(namespaces_, name);
        case Kind::node:
            return row_in(nodes_, name);
        case Kind::vip: {
            const std::size_t between = name.find('/');
            if (between == std::string::npos) return std::nullopt;
            const VipRecord* record = find_vip(name.substr(0, between), name.substr(between + 1));
            if (record == nullptr) return std::nullopt;
            return vip_row(*record);
        }
        case Kind::bgp_advertisement:
        case Kind::bgp_peer:
        case Kind::bfd_profile:
        case Kind::community:
            return row_in(config_objects_, ObjectKey{*kind, "", name});
    }
    return std::nullopt;
}

std::vector<StateRow> ClusterState::rows() const {
    std::vector<std::string> keys = clients_.row_keys();
    const auto add = [&](Kind kind, const std::string& name) {
        keys.push_back(ObjectKey{kind, "", name}.to_string());
    };
    for (const std::string& key : membership_.row_keys()) keys.push_back(key);
    for (std::string& key : tokens_.row_keys()) keys.push_back(std::move(key));
    for (std::string& key : leases_.row_keys()) keys.push_back(std::move(key));
    for (std::string& key : troubles_.row_keys()) keys.push_back(std::move(key));
    for (std::string& key : bgp_sessions_.row_keys()) keys.push_back(std::move(key));
    if (time_ != WallTime{}) keys.emplace_back("meta/time");
    if (initialised()) keys.emplace_back("meta/cluster");
    if (voters_.row()) keys.emplace_back(VoterTable::row_key);
    for (const auto& [name, pool] : pools_) add(Kind::pool, name);
    for (const auto& [key, record] : vips_) keys.push_back(key.to_string());
    for (const auto& [name, l2] : l2_advertisements_) add(Kind::l2_advertisement, name);
    for (const auto& [key, config] : config_objects_) keys.push_back(key.to_string());
    for (const auto& [name, name_space] : namespaces_) add(Kind::name_space, name);
    for (const auto& [name, node] : nodes_) add(Kind::node, name);
    for (const auto& [address, release] : allocator_.releases())
        keys.push_back("released/" + address.to_string());
    std::ranges::sort(keys);
    std::vector<StateRow> all;
    for (const std::string& key : keys) {
        auto value = row(key);
        TRIVET_ASSERT(value.has_value());
        all.push_back({key, std::move(*value)});
    }
    return all;
}

/// Builds a state from its rows, in two steps: what stands in the rows first, then what is
/// derived, checked as if it were given anew. Lives during restore().
class StateRestorer {
public:
    Result<ClusterState> restore(const std::vector<StateRow>& rows, LogIndex last_applied) {
        std::set<std::string_view> seen;
        for (const StateRow& row : rows) {
            if (!seen.insert(row.key).second) return corrupt(row.key, "it occurs twice");
            if (auto read = read_row(row); !read) return corrupt(row.key, read.error().message);
        }
        state_.last_applied_ = last_applied;
        if (auto built = build_pools(); !built) return fail(built.error());
        if (auto built = build_vips(); !built) return fail(built.error());
        if (auto built = build_lists(); !built) return fail(built.error());
        for (auto& [address, release] : releases_) {
            if (state_.allocator_.holders(address) != nullptr)
                return corrupt("released/" + address.to_string(), "a VIP holds the address");
            state_.allocator_.restore_release(address, std::move(release), state_.time_);
        }
        for (const auto& [key, record] : state_.vips_)
            if (!record.pending_reason.empty()) state_.stand_in_line(record);
        state_.allocator_.take_gains();  // nothing is new: VIPs that wait were tried before
        return std::move(state_);
    }

private:
    static tl::unexpected<Error> corrupt(std::string_view key, const std::string& why) {
        return fail(ErrorCode::corrupt,
                    fmt::format("row '{}' of the stored state is damaged: {}", key, why));
    }

    Result<void> read_row(const StateRow& row) {
        auto value = parse_json(row.value);
        if (!value) return fail(value.error());
        if (row.key == "meta/time") return read_meta_time(*value);
        if (row.key == "meta/cluster") return read_meta_cluster(*value);
        if (row.key.starts_with(ClientTable::row_prefix))
            return state_.clients_.restore(row.key, row.value);
        if (row.key == VoterTable::row_key) return state_.voters_.restore(row.value);
        if (MembershipTable::has_row(row.key))
            return state_.membership_.restore(row.key, row.value);
        if (TokenTable::has_row(row.key)) return state_.tokens_.restore(row.key, row.value);
        if (LeaseTable::has_row(row.key)) return state_.leases_.restore(row.key, row.value);
        if (TroubleTable::has_row(row.key)) return state_.troubles_.restore(row.key, row.value);
        if (BgpSessionTable::has_row(row.key))
            return state_.bgp_sessions_.restore(row.key, row.value);
        const std::size_t slash = row.key.find('/');
        const std::string noun = row.key.substr(0, slash);
        const std::string name = slash == std::string::npos ? "" : row.key.substr(slash + 1);
        if (noun == "released") return read_release(name, *value);
        const auto kind = kind_from_string(noun);
        if (!kind)
            return fail(ErrorCode::corrupt,
                        "this version does not know such rows; it may be of a newer one");
        if (*kind == Kind::node) return read_node(name, *value);
        return read_object(row.key, *kind, *value);
    }

    Result<void> read_meta_time(const json& value) {
        FieldReader reader(value, "row");
        const auto at = read_time(reader, "at");
        if (auto finished = reader.finish(); !finished) return finished;
        state_.time_ = *at;
        return must_have(reader, {"at"});
    }

    Result<void> read_meta_cluster(const json& value) {
        FieldReader reader(value, "row");
        reader.text("cluster_id", state_.cluster_id_);
        reader.text("admin_token_hash", state_.admin_token_hash_);
        if (auto finished = reader.finish(); !finished) return finished;
        if (state_.cluster_id_.empty() || state_.admin_token_hash_.empty())
            return fail(ErrorCode::corrupt, "id or token hash are empty");
        return {};
    }

    Result<void> read_release(const std::string& name, const json& value) {
        const auto address = IpAddress::parse(name);
        if (!address) return fail(address.error());
        if (address->to_string() != name)
            return fail(ErrorCode::corrupt, "its key is not canonical");
        Release release;
        FieldReader reader(value, "row");
        reader.integer("order", release.order, std::uint64_t{0}, any_number);
        release.at = *read_time(reader, "at");
        reader.text("vip", release.vip);
        if (auto finished = reader.finish(); !finished) return finished;
        releases_.emplace(*address, std::move(release));
        return must_have(reader, {"order", "at", "vip"});
    }

    Result<void> read_node(const std::string& name, const json& value) {
        Stored<Node> stored;
        FieldReader reader(value, "row");
        const json* object = reader.take("object");
        reader.integer("revision", stored.revision, std::uint64_t{0}, any_number);
        if (auto finished = reader.finish(); !finished) return finished;
        if (auto had = must_have(reader, {"object", "revision"}); !had) return had;
        FieldReader fields(*object, "node", "object");
        fields.text("name", stored.object.name);
        fields.labels("labels", stored.object.labels);
        fields.boolean("drained", stored.object.drained);
        read_node_facts(fields, stored.object.facts);
        if (auto finished = fields.finish(); !finished) return finished;
        if (stored.object.name != name || !check_name("node name", name))
            return fail(ErrorCode::corrupt, "its key does not name its object");
        state_.nodes_.emplace(name, std::move(stored));
        return {};
    }

    Result<void> read_object(const std::string& key, Kind kind, const json& value) {
        std::uint64_t revision = 0;
        VipRecord record;
        FieldReader reader(value, "row");
        const json* fields = reader.take("object");
        reader.integer("revision", revision, std::uint64_t{0}, any_number);
        if (kind == Kind::vip) {
            reader.integer("created", record.created, std::uint64_t{0}, any_number);
            reader.text("pending_reason", record.pending_reason);
            read_assigned(reader, record.assigned);
        }
        if (auto finished = reader.finish(); !finished) return finished;
        if (auto had = must_have(reader, {"object", "revision"}); !had) return had;
        auto object = object_from_json(kind, *fields);
        if (!object) return fail(object.error());
        if (key_of(*object).to_string() != key)
            return fail(ErrorCode::corrupt, "its key does not name its object");
        if (auto* vip = std::get_if<Vip>(&*object)) {
            if (auto had = must_have(reader, {"created", "assigned", "pending_reason"}); !had)
                return had;
            record.vip = std::move(*vip);
            record.revision = revision;
            const ObjectKey vip_key = key_of(record.vip);
            if (!state_.vip_by_id_.emplace(record.created, vip_key).second)
                return fail(ErrorCode::corrupt, "another VIP was created by the same command");
            state_.vips_.emplace(vip_key, std::move(record));
            return {};
        }
        keep(std::move(*object), revision);
        return {};
    }

    static void read_assigned(FieldReader& reader, std::vector<IpAddress>& out) {
        reader.list("assigned", [&](const json& item, const std::string&) -> Result<void> {
            auto address = IpAddress::parse(item.is_string() ? item.get<std::string>() : "");
            if (!address) return fail(address.error());
            if (std::ranges::find(out, *address) != out.end())
                return fail(ErrorCode::corrupt, "an address is assigned twice");
            out.push_back(*address);
            return {};
        });
    }

    void keep(Object object, std::uint64_t revision) {
        const ObjectKey key = key_of(object);
        if (auto* pool = std::get_if<Pool>(&object))
            state_.pools_[key.name] = {std::move(*pool), revision};
        else if (auto* l2 = std::get_if<L2Advertisement>(&object))
            state_.l2_advertisements_[key.name] = {std::move(*l2), revision};
        else if (auto* name_space = std::get_if<Namespace>(&object))
            state_.namespaces_[key.name] = {std::move(*name_space), revision};
        else if (auto* config = std::get_if<ConfigObject>(&object))
            state_.config_objects_[key] = {std::move(*config), revision};
    }

    Result<void> build_pools() {
        for (const auto& [name, stored] : state_.pools_) {
            if (const auto overlap = state_.allocator_.overlap(stored.object))
                return corrupt("pool/" + name, "it overlaps pool '" + overlap->pool + "'");
            state_.allocator_.put_pool(stored.object, state_.time_);
        }
        state_.pool_order_ = VipPlanner::in_order(state_.pools_);
        return {};
    }

    Result<void> build_vips() {
        for (const auto& [key, record] : state_.vips_)
            for (const IpAddress address : record.assigned) {
                const std::string text = address.to_string();
                if (state_.allocator_.pool_of(address) == nullptr)
                    return corrupt(key.to_string(), "address " + text + " is in no pool");
                if (state_.allocator_.obstacle(address, record.vip, record.created))
                    return corrupt(key.to_string(), "another VIP holds address " + text);
                state_.allocator_.take(address, record.vip, record.created);
            }
        return {};
    }

    Result<void> build_lists() {
        if (auto checked = state_.leases_.check_restored(); !checked) return checked;
        for (const auto& [address, entry] : state_.lease_plan().entries())
            if (state_.allocator_.holders(address) == nullptr)
                return corrupt("lease/address/" + address.to_string(), "no VIP holds the address");
        state_.build_names();
        state_.build_units();
        state_.build_balance();
        state_.lists_are_due_ = state_.lease_plan().nodes().empty();
        return {};
    }

    ClusterState state_;
    std::map<IpAddress, Release> releases_;
};

Result<ClusterState> ClusterState::restore(const std::vector<StateRow>& rows,
                                           LogIndex last_applied) {
    return StateRestorer().restore(rows, last_applied);
}

}  // namespace trivet
