#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/model/objects.hpp"

namespace trivet::cloud {

/// What every Kubernetes object says of itself (ObjectMeta, the fields that we use). A value.
struct ObjectMeta {
    std::string name;
    std::string name_space;  // empty: the object has none, as a node
    std::string uid;
    std::string resource_version;  // opaque: compared for equality alone
    std::uint64_t generation = 0;
    Labels labels;
    /// Those alone that somebody here reads: others may hold 256 KiB.
    std::map<std::string, std::string> annotations;
    std::vector<std::string> finalizers;
    std::string deletion_timestamp;  // empty: nobody has deleted it

    bool deleting() const { return !deletion_timestamp.empty(); }
    bool has_finalizer(std::string_view finalizer) const;
    /// "default/web", or "node-1" for what has no namespace: its name in caches and messages.
    std::string key() const;
};

/// The "metadata" of an object. Errors: invalid_argument, with field: a name or a resourceVersion
/// is missing, a field has a wrong type or is beyond a limit.
Result<ObjectMeta> read_meta(const nlohmann::json& object);

/// The resourceVersion alone, which is all that a bookmark has. Errors: invalid_argument.
Result<std::string> read_resource_version(const nlohmann::json& object);

}  // namespace trivet::cloud
