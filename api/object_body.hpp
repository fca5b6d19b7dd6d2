#pragma once
#include <string>

#include <nlohmann/json.hpp>

#include "core/cluster_state.hpp"
#include "core/command.hpp"

namespace trivet::api {

/// What the path (or an item's "kind") says about the object in a body. Empty: the body says it.
struct BodyPlace {
    Kind kind = Kind::pool;
    std::string name_space = {};
    std::string name = {};
};

/// The object in the body of a POST or PUT, or in an item of an apply. A "revision" above 0 becomes
/// a precondition (PutMode::create knows none). "password_set" without a password keeps the one
/// that is stored, so that what was read can be sent back.
/// Errors: invalid_argument, with field.
Result<PutObject> object_from_body(const ClusterState& state, nlohmann::json body,
                                   const BodyPlace& place, PutMode mode);

}  // namespace trivet::api
