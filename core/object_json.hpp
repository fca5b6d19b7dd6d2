#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/objects.hpp"

/// JSON of the objects, one form for REST, lbctl, files, the log and the database
/// (docs/reference/objects.md). Reading is strict: an unknown field is an error that names the
/// nearest known one; every error carries the path of the field. Writing gives every spec field,
/// defaults included, so that a reader sees what holds.
namespace trivet {

class FieldReader;

/// Text to JSON with a nesting limit, because nlohmann_json recurses when it copies or dumps.
/// Duplicate keys are refused. Errors: invalid_argument with line and column; too_large, too deep.
Result<nlohmann::json> parse_json(std::string_view text, int depth_max = 32);

/// `fields` is the body of a PUT or POST: spec fields at the top level; "kind", "namespace", "name"
/// may stand in it and must then agree with `key` (where that has them). "status" and "revision"
/// are ignored, because people send back what they got (the caller reads "revision" by itself).
/// Errors: invalid_argument, not_found (no such kind).
Result<Object> object_from_json(Kind kind, const nlohmann::json& fields);

/// All spec fields and "name" (for a VIP "namespace" too); no status, no revision.
nlohmann::json to_json(const Object& object);
nlohmann::json to_json(const Node& node);
nlohmann::json to_json(const LabelSelector& selector);

/// The facts of a node among its other fields. Those that are absent stay as they are.
void write_node_facts(nlohmann::json& out, const NodeFacts& facts);
void read_node_facts(FieldReader& reader, NodeFacts& facts);

std::optional<Kind> kind_from_string(std::string_view noun);  // "pool", "l2-advertisement", ...

/// The nearest of `known` by edit distance, when it is near enough to be meant: for "did you mean".
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

std::string_view to_string(IpFamilyPolicy);
std::string_view to_string(TrafficPolicy);
std::string_view to_string(Delivery);
std::string_view to_string(OnQuorumLoss);

}  // namespace trivet
