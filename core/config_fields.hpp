#pragma once
#include <nlohmann/json.hpp>

#include "core/field_reader.hpp"
#include "core/objects.hpp"

namespace trivet {

/// Reads the fields of a BGP or BFD object (every one that MetalLB has) into `out`, checked and
/// normalised: durations in whole seconds, addresses in their canonical form. Fields that are not
/// given stay absent. Errors go to `reader`.
void read_config_fields(FieldReader& reader, Kind kind, nlohmann::json& out);

/// The names of those fields, in the table's order; empty for a kind that is no ConfigObject.
std::vector<std::string_view> config_field_names(Kind kind);

}  // namespace trivet
