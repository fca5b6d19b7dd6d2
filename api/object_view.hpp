#pragma once
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/caller.hpp"
#include "api/control.hpp"

/// Stored objects of every kind as REST shows them: spec, revision, status; secrets left out.
namespace trivet::api {

std::optional<nlohmann::json> object_json(const Control& control, const ObjectKey& key);
/// What of a kind to list.
struct Listing {
    Kind kind = Kind::vip;
    std::string name_space = {};  // of VIPs: this one alone; empty: all that fit the pattern
    std::string pattern = "*";    // as matches_namespace() reads it
    std::optional<ObjectKey> after = {};  // those behind it
    std::size_t limit = SIZE_MAX;
};

/// The objects of a kind, ordered by name, as far as `caller` may see them, who stays until then.
/// Looked at a part at a time, for leadership must not wait for a long list: what changes meanwhile
/// may be in it or not, and `revision` is that of its beginning. Where the limit has cut it off,
/// `continue` is the last object's NAMESPACE/NAME.
boost::asio::awaitable<nlohmann::json> list_json(Control& control, Listing listing,
                                                 const Caller& caller);

std::optional<std::uint64_t> revision_of(const ClusterState& state, const ObjectKey& key);
/// "there is no pool 'lam'; did you mean 'lan'?"
Error no_such_object(const ClusterState& state, const ObjectKey& key);
/// "pool 'lan'", "VIP 'default/web'": how messages name an object.
std::string title(const ObjectKey& key);

}  // namespace trivet::api
