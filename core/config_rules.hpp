#pragma once
#include <nlohmann/json.hpp>

#include "core/field_reader.hpp"

namespace trivet {

/// What the fields of one bgp-peer say about each other. `peer`: those that were read, normalised.
/// Errors go to `reader`, each with the field to change.
void check_peer_fields(FieldReader& reader, const nlohmann::json& peer);

}  // namespace trivet
